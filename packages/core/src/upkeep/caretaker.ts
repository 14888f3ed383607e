/**
 * The upkeep that every worker does now and then: take over what nobody looks after, end what waited too
 * long, tell dependents, forget what is old. Each duty is harmless if several do it at once; none needs a
 * leader.
 */
import { decide, type Outcome } from '../policy/outcome.ts'
import { DEFAULT_RETENTION } from '../policy/retention.ts'
import { LIMITS } from '../task/limits.ts'
import { newNonce } from '../task/ids.ts'
import { plainError } from '../worker/task-error.ts'
import { randomFraction, type Timer } from '../platform/platform.ts'
import { Lookout, type LookoutParts } from './lookout.ts'
import { Undertaker, type UndertakerParts } from './undertaker.ts'
import type { ReclaimAnswer, Reclaimed, Store, UpkeepAnswer } from '../store/port.ts'
import type { Nonce, SessionId } from '../store/records.ts'
import type { Transition } from '../store/settlement.ts'

/** With a lease of 15 s, the tasks of a dead worker so run again within 17 s. */
const RECLAIM_EVERY_MS = 2_000
const SWEEP_EVERY_MS = 5_000
const PRUNE_EVERY_MS = 60_000
const STRANDED_EVERY_MS = 15_000
const DUE_SOON_EVERY_MS = 10_000
const DEAD_LETTERS_EVERY_MS = 5_000

/** How long after its time limit, or a cancel request, a task's own worker may still settle it. */
const GRACE_MS = 5_000

const STEP_TASKS = 500

const FOLLOWERS_TURN = 3

export interface CaretakerParts extends LookoutParts, UndertakerParts {
  session(): SessionId | null
  /** Whether this worker leads the upkeep: others do some duties less often. */
  leads(): boolean
  /** A task was taken over; this is what becomes of it. */
  takenOver(task: Reclaimed, transition: Transition): void
}

export class Caretaker {
  readonly #parts: CaretakerParts
  readonly #timers = new Map<string, Timer>()
  readonly #underWay = new Set<Promise<void>>()
  /** Nonces of take-overs under way. */
  readonly #takingOver = new Set<Nonce>()
  readonly #lookout: Lookout
  readonly #undertaker: Undertaker
  readonly #leftOut = new Map<string, number>()
  #delivering = false
  #stopped = false

  constructor(parts: CaretakerParts) {
    this.#parts = parts
    this.#lookout = new Lookout(parts)
    this.#undertaker = new Undertaker(parts)
  }

  /** Take-overs whose answer may still bring tasks. */
  get awaiting(): readonly Nonce[] {
    return [...this.#takingOver]
  }

  start(): void {
    this.#repeat('taking over lost tasks', RECLAIM_EVERY_MS, () => this.#reclaim())
    this.#repeat('sweeping', SWEEP_EVERY_MS, () => this.#inTurn('sweeping', () => this.#sweep()))
    this.#repeat('pruning', PRUNE_EVERY_MS, () => this.#inTurn('pruning', () => this.#prune()))
    this.#repeat('looking for stranded tasks', STRANDED_EVERY_MS, () =>
      this.#inTurn('looking for stranded tasks', () => this.#lookout.lookForStranded()),
    )
    this.#repeat('looking for tasks that are due soon', DUE_SOON_EVERY_MS, () =>
      this.#inTurn('looking for tasks that are due soon', () => this.#lookout.lookForDueSoon()),
    )
    // the leader may not know the definitions: whoever knows them does it
    if (this.#undertaker.isNeeded)
      this.#repeat('looking for dead letters', DEAD_LETTERS_EVERY_MS, () => this.#undertaker.look())
  }

  /** Tells dependents now: an exchange said that there are more than it could tell. As long as it is at it, it needs no other word. */
  deliverNow(): void {
    if (this.#delivering) return
    this.#delivering = true
    this.#do(
      'telling dependents',
      () => this.#deliver(),
      () => (this.#delivering = false),
    )
  }

  /** Resolves when what is under way is done; nothing new begins. */
  async stop(): Promise<void> {
    this.#stopped = true
    for (const timer of this.#timers.values()) timer.cancel()
    await Promise.all(this.#underWay)
  }

  /** Waits vary, so that many workers do not come all at once. */
  #repeat(duty: string, everyMs: number, work: () => Promise<void>): void {
    if (this.#stopped) return
    const { platform } = this.#parts.connection
    const waitMs = everyMs * (0.75 + randomFraction(platform) / 4)
    const again = (): void => this.#repeat(duty, everyMs, work)
    this.#timers.set(
      duty,
      platform.setTimer(waitMs, () => this.#do(duty, work, again), 'idle'),
    )
  }

  /** Who does not lead leaves it out but for every third time, should the leader be busy, or gone. */
  async #inTurn(duty: string, work: () => Promise<void>): Promise<void> {
    const left = (this.#leftOut.get(duty) ?? 0) + 1
    const mine = this.#parts.leads() || left === FOLLOWERS_TURN
    this.#leftOut.set(duty, mine ? 0 : left)
    if (mine) await work()
  }

  #do(duty: string, work: () => Promise<void>, then: () => void = () => undefined): void {
    if (this.#stopped) return
    const doing = work()
      .catch((error: unknown) => this.#parts.failed(error, duty))
      .finally(() => {
        this.#underWay.delete(doing)
        then()
      })
    this.#underWay.add(doing)
  }

  async #reclaim(): Promise<void> {
    for (let more = true; more && !this.#stopped;) {
      const session = this.#parts.session()
      if (session === null) return
      const tasks = await this.#takeOver(session)
      for (const task of tasks) this.#parts.takenOver(task, this.#judge(task))
      more = tasks.length === STEP_TASKS
    }
  }

  async #takeOver(session: SessionId): Promise<readonly Reclaimed[]> {
    const { connection } = this.#parts
    const nonce = newNonce(connection.platform)
    const request = { session, nonce, tasksMax: STEP_TASKS, graceMs: GRACE_MS }
    this.#takingOver.add(nonce)
    try {
      const reclaim = (store: Store, again: boolean): Promise<ReclaimAnswer> =>
        store.reclaim({ ...request, again })
      return (await connection.call(reclaim, 'insists')).tasks
    } finally {
      this.#takingOver.delete(nonce)
    }
  }

  #judge(task: Reclaimed): Transition {
    return decide(task, OUTCOMES[task.cause](task), randomFraction(this.#parts.connection.platform))
  }

  async #sweep(): Promise<void> {
    await this.#steps(() => this.#call((store) => store.sweep({ tasksMax: STEP_TASKS })))
    await this.#deliver()
  }

  #deliver(): Promise<void> {
    return this.#steps(() => this.#call((store) => store.deliver({ tasksMax: STEP_TASKS })))
  }

  async #prune(): Promise<void> {
    const { store } = this.#parts.connection
    const retention = { ...DEFAULT_RETENTION, bytes: store.retentionBytes }
    await this.#steps(() => this.#call((of) => of.prune({ tasksMax: LIMITS.batchTasks, retention })))
  }

  /** Small steps, so that the store's other callers get their turn in between. */
  async #steps(step: () => Promise<UpkeepAnswer>): Promise<void> {
    while (!this.#stopped && (await step()).more);
  }

  #call(operation: (store: Store) => Promise<UpkeepAnswer>): Promise<UpkeepAnswer> {
    return this.#parts.connection.call(operation, 'insists')
  }
}

const OUTCOMES: Readonly<Record<Reclaimed['cause'], (task: Reclaimed) => Outcome>> = {
  lapsed: ({ from }) => ({
    kind: 'crashed',
    in: 'company',
    error: plainError(
      'WorkerLostError',
      `The lease of session ${from ?? '?'} lapsed while it held the task.`,
    ),
  }),
  timeout: () => ({
    kind: 'failed',
    reason: 'timeout',
    error: plainError('TimeoutError', 'The attempt took too long, and its worker did not end it.'),
  }),
  deadline: () => ({
    kind: 'outlived',
    error: plainError('DeadlineError', 'All attempts together took too long.'),
  }),
  cancel: () => ({ kind: 'cancelled', error: null }),
}
