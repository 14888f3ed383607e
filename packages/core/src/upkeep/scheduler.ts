/**
 * Lets schedules fire. Any worker does it and none must: each fire time is taken by one atomic operation of the
 * store, so that several at it do no harm.
 */
import { turnOf } from '../policy/schedule.ts'
import { refusalOf } from '../client/refusals.ts'
import { readDocument, runAt, type ScheduleDocument } from '../client/schedule-document.ts'
import type { Connection } from '../client/connection.ts'
import type { Timer } from '../platform/platform.ts'
import type { DueSchedules, ScheduleRecord, Tick, TickAnswer } from '../store/schedules.ts'
import type { TaskSpec } from '../store/records.ts'

/** Without any word it looks so often whether something is due. */
const LOOK_EVERY_MS = 5_000
/** However many words come, it looks no sooner again. */
const REST_MS = 250
/** So many fire side by side. */
const AT_ONCE = 20
/** How much later others come, should the leader be busy, or gone. */
const FOLLOWER_MS = 1_000

export interface SchedulerParts {
  readonly connection: Connection
  /** Whether this worker leads the upkeep: others come a little later. */
  leads(): boolean
  failed(error: unknown, doing: string): void
}

export class Scheduler {
  readonly #parts: SchedulerParts
  #timer: Timer | undefined
  /** By the monotonic clock. */
  #nextLookAt = Infinity
  #unlisten: () => void = () => undefined
  #looking: Promise<void> | undefined
  /** Whether somebody said meanwhile that there may be more. */
  #rung = false
  /** Until when those that failed are left alone, by store time. */
  readonly #resting = new Map<string, number>()
  #stopped = false

  constructor(parts: SchedulerParts) {
    this.#parts = parts
  }

  start(): void {
    this.#unlisten = this.#parts.connection.listen((hint) => {
      if (hint.schedules) this.#ring()
    })
    this.#ring()
  }

  /** Resolves when what is under way is done; nothing new begins. */
  async stop(): Promise<void> {
    this.#stopped = true
    this.#unlisten()
    this.#timer?.cancel()
    await this.#looking
  }

  #ring(): void {
    if (this.#looking === undefined) this.#lookIn(REST_MS)
    else this.#rung = true
  }

  #lookIn(delayMs: number): void {
    if (this.#stopped) return
    const { platform } = this.#parts.connection
    const at = platform.monotonicMs() + delayMs
    // word after word must not put off what is to come sooner
    if (at >= this.#nextLookAt) return
    this.#nextLookAt = at
    this.#timer?.cancel()
    this.#timer = platform.setTimer(delayMs, () => this.#begin(), 'idle')
  }

  #begin(): void {
    if (this.#stopped || this.#looking !== undefined) return
    this.#nextLookAt = Infinity
    this.#rung = false
    this.#looking = this.#look()
      .catch((error: unknown) => {
        this.#parts.failed(error, 'looking for schedules that are due')
        return LOOK_EVERY_MS
      })
      .then((nextInMs) => {
        this.#looking = undefined
        this.#lookIn(this.#rung ? Math.min(REST_MS, nextInMs) : nextInMs)
      })
  }

  /** Lets fire what is due; answers after how long to look again. */
  async #look(): Promise<number> {
    while (!this.#stopped) {
      const { now, due, nextInMs } = await this.#due()
      for (const [name, until] of this.#resting) if (until <= now) this.#resting.delete(name)
      const outcomes = await Promise.all(due.map((record) => this.#try(record, now)))
      if (outcomes.includes('advanced')) continue
      // somebody else was there first
      if (outcomes.includes('stale')) return REST_MS
      const followsMs = this.#parts.leads() ? 0 : FOLLOWER_MS
      return Math.min((nextInMs ?? LOOK_EVERY_MS) + followsMs, LOOK_EVERY_MS)
    }
    return LOOK_EVERY_MS
  }

  /** Those that rest are due, too, and must not hide the others. */
  #due(): Promise<DueSchedules> {
    const max = AT_ONCE + this.#resting.size
    return this.#parts.connection.read((store) => store.dueSchedules({ max }), 'insists')
  }

  /** What ails one schedule keeps no other one waiting: it rests for a while. */
  async #try(record: ScheduleRecord, now: number): Promise<'advanced' | 'stale' | 'resting'> {
    const { name } = record
    if (this.#stopped || this.#resting.has(name)) return 'resting'
    try {
      return await this.#fire(record, now)
    } catch (error) {
      this.#resting.set(name, now + LOOK_EVERY_MS)
      this.#parts.failed(error, `letting the schedule ${name} fire`)
      return 'resting'
    }
  }

  async #fire(record: ScheduleRecord, now: number): Promise<'advanced' | 'stale'> {
    const { name, version, nextAt } = record
    if (nextAt === null) return 'stale'
    const document = readDocument(record.plan, name)
    const { missed, overlap } = document
    const { fires, next } = turnOf(document.plan, { missed, nextAt, now })
    let runs = runsOf(document, name, fires)
    for (;;) {
      const lastAt = runs.at(-1)?.fireAt ?? null
      const tasks = runs.map(({ task }) => task)
      // where no run comes the last one is in nobody's way
      const meeting = tasks.length === 0 ? 'allow' : overlap
      const tick = { name, version, fireAt: nextAt, nextAt: next, tasks, lastAt, overlap: meeting }
      const answer = await this.#tick(tick)
      if (answer.outcome === 'stale') return 'stale'
      if (answer.outcome !== 'rejected') return 'advanced'
      // the schedule goes on without the run that cannot be
      const why = refusalOf(answer, { tasks, under: null, gate: null })
      this.#parts.failed(why, `enqueuing a run of the schedule ${name}`)
      runs = runs.filter((_, index) => index !== answer.index)
    }
  }

  #tick(tick: Tick): Promise<TickAnswer> {
    return this.#parts.connection.call((store) => store.tick(tick), 'insists')
  }
}

interface Run {
  readonly fireAt: number
  readonly task: TaskSpec
}

/** Of runs that do not go side by side either one is enqueued, or each waits for the one before. */
function runsOf(document: ScheduleDocument, name: string, fires: readonly number[]): readonly Run[] {
  const { overlap } = document
  const wanted = overlap === 'skip' || overlap === 'replace' ? fires.slice(-1) : fires
  let before: TaskSpec | undefined
  return wanted.map((fireAt) => {
    const run = runAt(document, name, fireAt)
    const waits = overlap === 'queue' && before !== undefined
    const after = waits ? [{ parent: before!.id, ifFailed: 'run' as const }] : []
    before = { ...run, after }
    return { fireAt, task: before }
  })
}
