/** The row of a task. Only `moves` changes where it stands. */
import { FINAL_STATES } from '../records.ts'
import { NO_COUNTERS, type OpenClaims, type Place } from '../../policy/lifecycle.ts'
import { frozenCopy, payloadBytes } from './copies.ts'
import type { CommandOutcome } from '../control.ts'
import type { Reclaimed } from '../port.ts'
import type {
  CancelRequest,
  Counters,
  Edge,
  FailReason,
  Fence,
  FinalState,
  HistoryEntry,
  Level,
  LogEntry,
  Nonce,
  Payload,
  Progress,
  SessionId,
  TaskError,
  TaskId,
  TaskSpec,
  TaskState,
} from '../records.ts'
import type { Verdict } from '../settlement.ts'
import type { Entry } from './schedule.ts'
import type { LimitName } from '../flow.ts'
import type { Position } from './ready.ts'

export interface Task {
  /** As it was enqueued; what may change since stands below. */
  readonly spec: TaskSpec
  /** Its parents: edges to duplicates point to the task that is there. */
  readonly after: readonly Edge[]
  /** Its number in the order of arrival. */
  readonly seq: number
  readonly enqueuedAt: number

  state: Place
  /** The number of the change by which it came into its state. */
  since: number
  level: Level
  held: boolean
  payload: Payload | null
  result: Payload | null
  checkpoint: Payload | null
  runAt: number
  /** Where it stands in its lane, if that is not its due time. */
  readonly dueBy: number | null
  startBy: number | null
  deadlineAt: number | null
  startedAt: number | null
  finishedAt: number | null
  reason: FailReason | null
  error: TaskError | null
  cancel: CancelRequest | null

  epoch: number
  counters: Counters
  openClaims: OpenClaims
  /** The latest claim. It outlives the run, so that a repeated settlement is recognised; `null`: nobody holds a fence. */
  ownership: Ownership | null

  /** How many parents, the gate included, it still waits for. */
  blockers: number
  /** How many of them are triggers. */
  triggers: number
  gate: string | null
  /** Whom it replaced when it was enqueued. */
  replaced: TaskId | null
  /** The latest command that changed it. */
  mark: Mark | null
  progress: Progress | null
  readonly logs: LogEntry[]
  readonly history: HistoryEntry[]
  /** The names of the limits that count it while it runs. */
  readonly counted: Set<LimitName>

  /** Where it stands among the tasks that wait to be claimed. */
  inLine: Position | null
  /** Where it stands among the tasks whose time will be over. */
  inExpiries: Entry<Task> | null
}

/** In whose hands a task is, or was at last. */
export interface Ownership {
  readonly session: SessionId
  readonly nonce: Nonce
  /** Why and from whom it was taken over; `null` for an ordinary claim. */
  readonly takeover: Takeover | null
  /** When the attempt's time limit began to run: at the first renewal that says that it started. */
  attemptAt: number | null
  /** How many renewals in a row did not list it. */
  missed: number
  /** The last settlement that was applied. */
  settled: { readonly seq: number; readonly verdict: Verdict } | null
}

export interface Takeover {
  readonly cause: Reclaimed['cause']
  readonly from: SessionId
}

export interface Mark {
  readonly nonce: Nonce
  readonly outcome: CommandOutcome
}

/** A row that is not in the store yet. */
export function newTask(given: TaskSpec, birth: Pick<Task, 'after' | 'seq' | 'enqueuedAt'>): Task {
  const spec = frozenCopy(given)
  const now = birth.enqueuedAt
  return {
    spec,
    after: frozenCopy(birth.after),
    seq: birth.seq,
    enqueuedAt: now,
    state: 'absent',
    since: 0,
    level: spec.level,
    held: spec.held,
    payload: spec.payload,
    result: null,
    checkpoint: null,
    runAt: 'at' in spec.due ? spec.due.at : now + spec.due.inMs,
    dueBy: spec.dueByMs === null ? null : now + spec.dueByMs,
    ...timeLimits(spec, now),
    startedAt: null,
    finishedAt: null,
    reason: null,
    error: null,
    cancel: null,
    epoch: 0,
    counters: NO_COUNTERS,
    openClaims: 0,
    ownership: null,
    blockers: 0,
    triggers: 0,
    gate: null,
    replaced: null,
    mark: null,
    progress: null,
    logs: [],
    history: [],
    counted: new Set(),
    inLine: null,
    inExpiries: null,
  }
}

/** `startBy` and deadline of a task that starts its life, or starts over. */
export function timeLimits(spec: TaskSpec, now: number): Pick<Task, 'startBy' | 'deadlineAt'> {
  return {
    startBy: spec.startByMs === null ? null : now + spec.startByMs,
    deadlineAt: spec.deadlineMs === null ? null : now + spec.deadlineMs,
  }
}

/** The state of a task that is there. */
export function stateOf(task: Task): TaskState {
  if (task.state === 'absent') throw new Error(`task ${task.spec.id} is not there`)
  return task.state
}

export function isFinal(place: Place): place is FinalState {
  return (FINAL_STATES as readonly Place[]).includes(place)
}

export function isLive(place: Place): boolean {
  return place !== 'absent' && !isFinal(place)
}

/** Whether nobody has started it, or it waits to be started again. */
export function isWaitingToStart(place: Place): boolean {
  return place === 'blocked' || place === 'pending'
}

/** The owner of a task that runs. */
export function ownerOf(task: Task): Ownership {
  if (task.ownership === null) throw new Error(`task ${task.spec.id} runs in nobody's hands`)
  return task.ownership
}

/** Whether the fence is that of the latest claim, be it settled or not. */
export function fits(task: Task, fence: Fence): boolean {
  return task.ownership !== null && task.epoch === fence.epoch && task.ownership.nonce === fence.nonce
}

/** The first time limit that ends a task which does not run, and what it does; `null` without any. */
export function timeLimitOf(
  task: Task,
): { readonly at: number; readonly operation: 'expire' | 'outlive' } | null {
  const { startBy, deadlineAt, counters } = task
  // a claim that was returned did not start it
  const expires = startBy !== null && counters.claims === counters.returns
  if (expires && (deadlineAt === null || startBy <= deadlineAt)) return { at: startBy, operation: 'expire' }
  return deadlineAt === null ? null : { at: deadlineAt, operation: 'outlive' }
}

/** What a final task counts towards retention: its data, and a round figure for the rest. */
export function retainedBytes(task: Task): number {
  return payloadBytes(task.payload) + payloadBytes(task.result) + 200
}
