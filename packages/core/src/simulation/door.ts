/**
 * The door of the simulated store: everything passes here, on its way to a memory store that knows nothing of it. It
 * writes down what is asked and answered, and can take the store back to what it was some time ago.
 */
import { codeOf } from '../task/errors.ts'
import { MemoryStore } from '../store/memory/store.ts'
import { FINAL_STATES, type FinalState, type TaskId } from '../store/records.ts'
import type { CommandAnswer, CommandRequest } from '../store/control.ts'
import type * as port from '../store/port.ts'
import type { Call, Fire, Grant, Lease, Settled, Span } from './history.ts'
import type { VirtualTime } from './virtual-time.ts'

/** One operation, as it can be done again. */
interface Entry {
  readonly atMs: number
  readonly wallMs: number
  readonly name: string
  readonly request: unknown
}

type Method = (this: port.Store, request: unknown) => Promise<unknown>

const NAMES_OF_CHANGES: ReadonlySet<string> = new Set([
  'openSession',
  'renew',
  'closeSession',
  'add',
  'exchange',
  'reclaim',
  'sweep',
  'deliver',
  'prune',
  'command',
  'configureQueue',
  'configureLimit',
  'removeLimit',
  'configurePartition',
  'configureBudget',
  'spend',
  'putSchedule',
  'removeSchedule',
  'tick',
  'acquireLock',
  'renewLock',
  'releaseLock',
  'openGate',
  'shiftClock',
])

export class Door {
  readonly store: port.Store
  readonly calls: Call[] = []
  readonly grants: Grant[] = []
  readonly settlements: Settled[] = []
  readonly leases: Lease[] = []
  readonly fires: Fire[] = []
  readonly forgotten: Span[] = []
  /** What the store itself could not bear. */
  readonly thrown: unknown[] = []
  /** Tasks that a command removed, and how they are remembered. */
  readonly removed: Map<TaskId, FinalState> = new Map<TaskId, FinalState>()
  readonly #time: VirtualTime
  readonly #log: Entry[] | null
  #inner: MemoryStore
  #calls = 0
  #shiftMs = 0
  #floor = 0
  /** The wall clock of the engine's host; while the log is done again, what it was then. */
  #wallMs: () => number

  /** @param goesBack whether the store will be taken back */
  constructor(time: VirtualTime, goesBack: 'goes back' | 'goes on') {
    this.#time = time
    this.#log = goesBack === 'goes back' ? [] : null
    const platform = time.platform()
    this.#wallMs = () => platform.wallMs()
    this.#inner = this.#newStore()
    this.store = new Proxy<port.Store>(this.#inner, {
      get: (_, name: string) => {
        const member: unknown = Reflect.get(this.#inner, name)
        if (typeof member !== 'function') return member
        if (name === 'watch') return () => this.#inner.watch()
        return (request: unknown) => this.#pass(name, request)
      },
    })
  }

  /** Store time. */
  now(): number {
    this.#floor = Math.max(this.#floor, this.#wallMs() + this.#shiftMs)
    return this.#floor
  }

  get shiftMs(): number {
    return this.#shiftMs
  }

  /** Moves the engine's clock. */
  shiftClock(ms: number): void {
    this.#keep('shiftClock', ms)
    this.#shiftMs += ms
    this.#inner.shiftClock(ms)
  }

  /** The engine falls back to what it was so long ago: a failover to a replica that lagged. */
  goBack(ms: number): void {
    const log = this.#log
    if (log === null) throw new Error('the door keeps no log')
    const fromMs = this.#time.nowMs - ms
    this.forgotten.push({ fromMs, toMs: this.#time.nowMs })
    const kept = log.filter(({ atMs }) => atMs < fromMs)
    log.splice(0, log.length, ...kept)
    const present = this.#wallMs
    const old = this.#inner
    this.#inner = this.#newStore()
    this.#shiftMs = 0
    for (const entry of kept) {
      this.#wallMs = () => entry.wallMs
      this.#again(entry)
    }
    this.#wallMs = present
    this.#floor = 0
    void old.close()
  }

  #newStore(): MemoryStore {
    return new MemoryStore({ platform: { ...this.#time.platform(), wallMs: () => this.#wallMs() } })
  }

  #again({ name, request }: Entry): void {
    if (name === 'shiftClock') {
      this.#shiftMs += request as number
      this.#inner.shiftClock(request as number)
      return
    }
    const method = Reflect.get(this.#inner, name) as Method
    // a method of the memory store is done when it returns; what it refused it refuses again
    method.call(this.#inner, request).catch(() => undefined)
  }

  #keep(name: string, request: unknown): void {
    // what only looks is told the time, and so fixes the floor of the clock
    const change = NAMES_OF_CHANGES.has(name) ? { name, request } : { name: 'now', request: undefined }
    this.#log?.push({ atMs: this.#time.nowMs, wallMs: this.#wallMs(), ...change })
  }

  async #pass(name: string, request: unknown): Promise<unknown> {
    this.now() // whoever is told the time fixes the floor
    this.#keep(name, request)
    const note = this.#noteOf(name, request)
    try {
      const answer = await (Reflect.get(this.#inner, name) as Method).call(this.#inner, request)
      note?.(answer)
      return answer
    } catch (error) {
      if (codeOf(error) === undefined) this.thrown.push(error)
      throw error
    }
  }

  /** What will be written down of an operation, as of this moment. */
  #noteOf(name: string, request: unknown): ((answer: unknown) => void) | null {
    switch (name) {
      case 'add':
        return this.#noteAdd(request as port.AddRequest)
      case 'exchange':
        return this.#noteExchange(request as port.ExchangeRequest)
      case 'reclaim':
        return this.#noteReclaim(request as port.ReclaimRequest)
      case 'openSession':
      case 'renew':
      case 'closeSession':
        return this.#noteLease(name, request)
      case 'command':
        return this.#noteCommand(request as CommandRequest)
      case 'tick':
        return this.#noteTick(request as port.Tick)
      default:
        return null
    }
  }

  #noteAdd({ groups }: port.AddRequest): (answer: unknown) => void {
    const atMs = this.#time.nowMs
    const asked = groups.flatMap(({ tasks }) => tasks)
    const call = { client: 'door', call: ++this.#calls, op: 'enqueue', atMs } as const
    this.calls.push({ ...call, ids: asked.map(({ id }) => id), phase: 'unknown', asked })
    return (answer) => {
      for (const [index, group] of (answer as readonly port.GroupAnswer[]).entries()) {
        if (group.outcome !== 'added') continue
        const ids = group.tasks.map((verdict, at) =>
          verdict.outcome === 'duplicate' ? verdict.by.id : groups[index]!.tasks[at]!.id,
        )
        // whoever is the duplicate of one that is gone was promised nothing more
        const there = ids.map((_, at) => !isGone(group.tasks[at]!))
        this.calls.push({
          ...call,
          ids: ids.filter((_, at) => there[at]),
          answers: group.tasks.filter((_, at) => there[at]).map(({ outcome }) => outcome),
          phase: 'ok',
        })
      }
    }
  }

  #noteExchange({ session, settlements }: port.ExchangeRequest): (answer: unknown) => void {
    const atMs = this.#time.nowMs
    return (given) => {
      const { verdicts, claims } = given as port.ExchangeAnswer
      for (const [index, { fence, seq, transition }] of settlements.entries())
        this.settlements.push({ fence, seq, transition, verdict: verdicts[index]!, atMs })
      for (const { id, epoch, nonce } of claims)
        this.grants.push({ fence: { task: id, epoch, nonce }, session, by: 'claim', atMs })
    }
  }

  #noteReclaim({ session }: port.ReclaimRequest): (answer: unknown) => void {
    const atMs = this.#time.nowMs
    return (answer) => {
      for (const { fence } of (answer as port.ReclaimAnswer).tasks)
        this.grants.push({ fence, session, by: 'take-over', atMs })
    }
  }

  #noteLease(by: Lease['by'], request: unknown): (answer: unknown) => void {
    const at = this.now()
    return (answer) => {
      if (by === 'closeSession') this.leases.push({ by, session: request as string, at, until: at })
      else if ((answer as { session: string }).session === 'alive') {
        const { session, ttlMs, ...rest } = request as port.RenewRequest
        this.leases.push({ ...(by === 'renew' ? rest : {}), by, session, at, until: at + ttlMs })
      }
    }
  }

  #noteCommand({ command, target }: CommandRequest): ((answer: unknown) => void) | null {
    if (!('ids' in target)) return null
    const atMs = this.#time.nowMs
    const op = OPERATIONS[command.kind]
    return (given) => {
      const { outcomes } = given as CommandAnswer
      if (command.kind === 'remove')
        for (const [index, id] of target.ids.entries())
          if (outcomes[index] === 'changed') this.removed.set(id, FINAL_STATES[2])
      if (op === undefined) return
      const call = { client: 'door', call: ++this.#calls, op, atMs }
      this.calls.push({ ...call, ids: target.ids, answers: outcomes, phase: 'ok' })
    }
  }

  #noteTick({ name, fireAt, tasks }: port.Tick): (answer: unknown) => void {
    const atMs = this.#time.nowMs
    const call = { client: 'door', call: ++this.#calls, op: 'enqueue', atMs } as const
    this.calls.push({ ...call, ids: tasks.map(({ id }) => id), phase: 'unknown', asked: tasks })
    return (answer) => {
      if ((answer as port.TickAnswer).outcome !== 'ticked') return
      this.fires.push({ schedule: name, fireAt, task: tasks[0]?.id ?? '', atMs })
    }
  }
}

const OPERATIONS: Partial<Record<CommandRequest['command']['kind'], Call['op']>> = {
  cancel: 'cancel',
  retry: 'retry',
  remove: 'remove',
  hold: 'hold',
  release: 'release',
}

function isGone(verdict: port.AddVerdict): boolean {
  return verdict.outcome === 'duplicate' && verdict.by.state === 'gone'
}
