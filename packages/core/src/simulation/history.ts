/**
 * What happened in a run, as everybody who took part wrote it down: plain data, so that journals of other processes
 * can be read into it. Only what is written down is judged (`checker.ts`).
 *
 * Times that end in `Ms` are milliseconds on one axis that all journals share. What the store wrote into its records
 * is store time.
 */
import type { RenewRequest } from '../store/sessions.ts'
import type { Fence, FinalState, SessionId, TaskId, TaskRecord, TaskSpec } from '../store/records.ts'
import type { Transition, Verdict } from '../store/settlement.ts'

/** All that happened in a play, as each side saw it. */
export interface History {
  /** What handlers did, each process in its own order. */
  readonly effects: readonly Effect[]
  /** What clients asked for, and what they were answered. */
  readonly calls: readonly Call[]
  /** What became of processes. */
  readonly processes?: readonly ProcessEvent[] | undefined
  /** To whom the store gave tasks, in its order, as seen at the store itself. */
  readonly grants?: readonly Grant[] | undefined
  /** What the store answered to settlements, in its order, as seen at the store itself. */
  readonly settlements?: readonly Settled[] | undefined
  /** What sessions were told of their leases, in the store's order, as seen at the store itself. */
  readonly leases?: readonly Lease[] | undefined
  /** How schedules fired: one line each time. */
  readonly fires?: readonly Fire[] | undefined
  /** What nobody was ever to see, in words. */
  readonly errors?: readonly string[] | undefined
  readonly final: Final
}

/** A line of a handler's journal. */
export interface Effect {
  readonly task: TaskId
  readonly attempt: number
  readonly epoch: number
  readonly nonce: string
  readonly pid: string | number
  /** `effect`: something that others can see, done while the handler's own lease check let it pass. */
  readonly phase: 'start' | 'effect' | 'end'
  readonly atMs: number
}

/** What a client can ask for. */
export type CallOperation = 'enqueue' | 'cancel' | 'retry' | 'remove' | 'hold' | 'release' | 'complete'

/** A line of a client's journal. Each call has one `invoke`, and one other line once it has ended. */
export interface Call {
  /** `door` for what was seen at the store itself, whoever asked: it says nothing of what they were told. */
  readonly client: string
  /** Names the call among those of its client. */
  readonly call: string | number
  readonly op: CallOperation
  /** The tasks that it is about; in a line that says `ok` those that it was carried out for. */
  readonly ids: readonly TaskId[]
  /** `fail`: it had no effect. `unknown`: nobody knows. */
  readonly phase: 'invoke' | 'ok' | 'fail' | 'unknown'
  readonly atMs: number
  /**
   * With `ok`, one for each id: of an enqueue `created`, `duplicate` or `replaced`, of a command `changed`,
   * `requested` and so on. Without it an enqueue created, and a command changed, whatever it names.
   */
  readonly answers?: readonly string[] | undefined
  /** What an enqueue asked for, as far as it is to be judged. */
  readonly asked?: readonly Asked[] | undefined
}

/** What a client asked to be enqueued, as far as the checker needs it. */
export type Asked = Pick<TaskSpec, 'id'> & Partial<Pick<TaskSpec, 'due' | 'unique' | 'idMadeBy'>>

/** What befell a process. */
export interface ProcessEvent {
  readonly pid: string | number
  readonly event: 'started' | 'killed' | 'paused' | 'resumed'
  readonly atMs: number
}

/** A claim that the store has given. */
export interface Grant {
  readonly fence: Fence
  readonly session: SessionId
  /** `take-over`: by `reclaim`. */
  readonly by: 'claim' | 'take-over'
  readonly atMs: number
}

/** A settlement, and what the store said to it. */
export interface Settled {
  readonly fence: Fence
  readonly seq: number
  readonly transition: Transition
  readonly verdict: Verdict
  readonly atMs: number
}

/** A lease that was begun, extended or given back. */
export interface Lease {
  readonly by: 'openSession' | 'renew' | 'closeSession'
  readonly session: SessionId
  /** Store time. */
  readonly at: number
  /** When it ends unless it is renewed, in store time. */
  readonly until: number
  /** What a renewal said. */
  readonly seq?: number | undefined
  readonly held?: RenewRequest['held'] | undefined
  readonly awaiting?: RenewRequest['awaiting'] | undefined
}

/** A fire of a schedule that the store has taken. */
export interface Fire {
  readonly schedule: string
  /** Store time. */
  readonly fireAt: number
  /** The first of its tasks. */
  readonly task: TaskId
  readonly atMs?: number | undefined
}

/** What is left at the end. */
export interface Final {
  /** All tasks that the store holds. */
  readonly tasks: readonly TaskRecord[]
  /** Those that it remembers, although they were removed. */
  readonly remembered?: readonly { readonly id: TaskId; readonly state: FinalState }[] | undefined
}

/** From when to when, both included. */
export interface Span {
  readonly fromMs: number
  readonly toMs: number
}
