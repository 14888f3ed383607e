/** `mill.schedules`: what is enqueued again and again. */
import { firesIn, nextFire, type Plan } from '../policy/schedule.ts'
import { codeOf, InvalidArgumentError, NotFoundError } from '../task/errors.ts'
import { newNonce, taskId } from '../task/ids.ts'
import { checkedName } from '../task/limits.ts'
import { checkMembers, type Members } from '../task/members.ts'
import { shown } from '../task/shown.ts'
import { documentOf, planOf, timeOf } from './schedule-specs.ts'
import { readDocument, runAt, runOf, writeDocument, type ScheduleDocument } from './schedule-document.ts'
import { shownSchedule, type Schedule } from './schedule-status.ts'
import type { AnyTask } from '../task/definition.ts'
import type { Connection } from './connection.ts'
import type { Enqueuer } from './enqueuer.ts'
import type { ScheduleDefinition, ScheduleOptions, ScheduleTimes } from '../task/schedule-options.ts'
import type { SchedulePut, SchedulePutAnswer, ScheduleRecord } from '../store/schedules.ts'
import type { TaskId, TaskSpec } from '../store/records.ts'

/** One of the next times at which a schedule fires. */
export interface PreviewedFire {
  readonly at: Date
  /** `gap`: it stands for a time that the clock leaves out. `overlap`: the clock shows this time twice. */
  readonly note?: 'gap' | 'overlap'
}

interface PreviewOptions {
  /** From when on. Default: now, by the store's clock. */
  readonly from?: Date | number | undefined
}

/** The past range that a backfill fills. */
export interface BackfillOptions {
  /** The first and the last time of the range, both included; it ends in the past. */
  readonly from: Date | number
  readonly to: Date | number
}

interface SyncOptions {
  /** Names the code that declares these schedules: what it declared before, and does not any more, is removed. Default `code`. */
  readonly by?: string | undefined
}

/**
 * What a `sync` changed: the names of the schedules that it put and removed. What was as declared already is in
 * neither.
 */
export interface SyncResult {
  readonly put: readonly string[]
  readonly removed: readonly string[]
}

const PREVIEW_MAX = 1_000
/** Runs that one backfill enqueues. */
const BACKFILL_MAX = 10_000
const PAGE = 100
/** How often a change starts over because somebody else was changing the same schedule. */
const TRIES_MAX = 10

const PREVIEW_MEMBERS: Members<PreviewOptions> = { from: true }
const BACKFILL_MEMBERS: Members<BackfillOptions> = { from: true, to: true }
const SYNC_MEMBERS: Members<SyncOptions> = { by: true }
const DEFINITION_MEMBERS: Members<ScheduleDefinition> = { name: true, options: true }

/** `mill.schedules`: puts schedules, looks at them, and acts on them. */
export class ScheduleControl {
  readonly #connection: Connection
  readonly #enqueuer: Enqueuer

  constructor(connection: Connection, enqueuer: Enqueuer) {
    this.#connection = connection
    this.#enqueuer = enqueuer
  }

  /**
   * Creates a schedule, or changes the one of that name. A change of its times begins now; anything else leaves its next
   * fire as it is. A paused one stays paused.
   *
   * @throws InvalidArgumentError, InvalidPayloadError, TooLargeError
   */
  async put<D extends AnyTask>(name: string, options: ScheduleOptions<D>): Promise<Schedule> {
    checkedName(name, 'The schedule')
    const document = await documentOf(options as unknown as ScheduleOptions, null)
    return this.#connection.operation(() => this.#put(name, document))
  }

  /** By name. What this version cannot read is left out, and logged: it keeps nobody from the others. */
  async list(): Promise<readonly Schedule[]> {
    const all = await this.#connection.operation(() => this.#all())
    return all.filter((record) => this.#isReadable(record)).map(shownSchedule)
  }

  /** `undefined` if there is none of that name. */
  async get(name: string): Promise<Schedule | undefined> {
    const record = await this.#connection.operation(() => this.#find(name))
    return record === null ? undefined : shownSchedule(record)
  }

  /**
   * It does not fire until it is resumed.
   *
   * @throws NotFoundError
   */
  async pause(name: string): Promise<void> {
    await this.#connection.operation(() => this.#change(name, () => ({ paused: true, nextAt: 'keep' })))
  }

  /**
   * It goes on with its next fire: what came while it was paused is not missed.
   *
   * @throws NotFoundError
   */
  async resume(name: string): Promise<void> {
    await this.#connection.operation(() =>
      this.#change(name, async ({ paused, plan }) => {
        if (!paused) return null
        return { paused: false, nextAt: await this.#nextOf(readDocument(plan, name).plan) }
      }),
    )
  }

  /** Whether there was one. What it has enqueued stays. */
  async remove(name: string): Promise<boolean> {
    checkedName(name, 'The schedule')
    const answer = await this.#connection.operation(() =>
      this.#connection.call((store) => store.removeSchedule(name)),
    )
    return answer === 'removed'
  }

  /**
   * Enqueues one run now, beside whatever the schedule does: its times and its last run stay as they are, and `overlap`
   * does not matter. Answers the id of the task; where a unique key keeps another one, that of the other.
   *
   * @throws NotFoundError, UniqueKeyError
   */
  async trigger(name: string): Promise<TaskId> {
    return this.#connection.operation(async () => {
      const { plan } = await this.#known(name)
      const now = await this.#now()
      const id = taskId('millrace.trigger', name, newNonce(this.#connection.platform))
      const { template } = readDocument(plan, name)
      const added = await this.#enqueuer.spec(runOf(template, { id, name, fireAt: now, dueAt: now }))
      return added.outcome === 'duplicate' ? added.by.id : id
    })
  }

  /**
   * Enqueues the runs of a past range, as far as they are not there already: each fire time has one task, whether it was
   * enqueued in its time or by an earlier backfill, for as long as the store remembers it. `overlap` does not matter.
   *
   * @returns how many fire times there are, and how many of them were enqueued now
   * @throws NotFoundError; InvalidArgumentError beyond 10 000 fire times, or if the range is not over
   */
  async backfill(
    name: string,
    options: BackfillOptions,
  ): Promise<{ readonly matched: number; readonly changed: number }> {
    checkMembers(options, BACKFILL_MEMBERS, 'schedules.backfill')
    const from = requiredTime(options.from, 'from')
    const to = requiredTime(options.to, 'to')
    return this.#connection.operation(async () => {
      const document = readDocument((await this.#known(name)).plan, name)
      const now = await this.#now()
      if (to > now || from > to) throw notPast(from > to)
      const fires = firesOf(document.plan, from, to)
      let changed = 0
      for (let at = 0; at < fires.length; at += PAGE) {
        const page = fires.slice(at, at + PAGE).map((fireAt) => this.#fill(runAt(document, name, fireAt)))
        changed += (await Promise.all(page)).filter((isNew) => isNew).length
      }
      return { matched: fires.length, changed }
    })
  }

  /**
   * The next times at which a schedule fires, or would: `note` marks those that are odd because the clock is changed.
   * Empty for one that never fires.
   *
   * @param count at most 1 000. Default 10.
   * @throws NotFoundError, InvalidArgumentError
   */
  async preview(
    schedule: string | ScheduleTimes,
    count = 10,
    options: PreviewOptions = {},
  ): Promise<readonly PreviewedFire[]> {
    checkMembers(options, PREVIEW_MEMBERS, 'schedules.preview')
    if (!Number.isInteger(count) || count < 1 || count > PREVIEW_MAX) {
      throw new InvalidArgumentError(`The count is ${shown(count)}.`, {
        hint: `It is a whole number from 1 to ${PREVIEW_MAX}.`,
      })
    }
    const from = timeOf(options.from, 'from')
    return this.#connection.operation(async () => {
      const plan = typeof schedule === 'string' ? await this.#planOf(schedule) : planOf(schedule)
      return previewed(plan, from ?? (await this.#now()), count)
    })
  }

  /**
   * Makes the schedules that some code declares be there: puts what is declared, and removes what the same code declared
   * before and does not any more. Others, put by hand or declared elsewhere, are left alone.
   *
   * @throws InvalidArgumentError, InvalidPayloadError, TooLargeError: nothing was written
   */
  async sync(definitions: readonly ScheduleDefinition[], options: SyncOptions = {}): Promise<SyncResult> {
    checkMembers(options, SYNC_MEMBERS, 'schedules.sync')
    const by = checkedName(options.by ?? 'code', 'by')
    const documents = new Map<string, ScheduleDocument>()
    for (const { name, options: of } of checkedDefinitions(definitions)) {
      checkedName(name, 'The schedule')
      if (documents.has(name)) {
        throw new InvalidArgumentError(`Two schedules are called ${shown(name)}.`, {
          hint: 'Rename one of them.',
        })
      }
      documents.set(name, await documentOf(of, by))
    }
    return this.#connection.operation(async () => {
      const put: string[] = []
      for (const [name, document] of documents) {
        await this.#put(name, document)
        put.push(name)
      }
      return { put, removed: await this.#removeOthers(by, documents) }
    })
  }

  async #removeOthers(by: string, documents: ReadonlyMap<string, unknown>): Promise<readonly string[]> {
    const removed: string[] = []
    for (const { name, plan } of await this.#all()) {
      if (documents.has(name) || !this.#isReadable({ name, plan })) continue
      if (readDocument(plan, name).declaredBy !== by) continue
      await this.#connection.call((store) => store.removeSchedule(name))
      removed.push(name)
    }
    return removed
  }

  async #put(name: string, document: ScheduleDocument): Promise<Schedule> {
    const plan = writeDocument(document)
    for (let tries = 0; tries < TRIES_MAX; tries++) {
      const before = await this.#find(name)
      if (before?.plan === plan) return shownSchedule(before)
      const keeps = before !== null && samePlan(readDocument(before.plan, name).plan, document.plan)
      const nextAt = keeps ? 'keep' : await this.#nextOf(document.plan)
      const ifVersion = before?.version ?? null
      const answer = await this.#write({ name, ifVersion, plan, paused: before?.paused ?? false, nextAt })
      if (answer.outcome === 'put')
        return shownSchedule((await this.#find(name)) ?? (await this.#known(name)))
    }
    throw changing(name)
  }

  async #change(
    name: string,
    change: (
      record: ScheduleRecord,
    ) =>
      | Pick<SchedulePut, 'paused' | 'nextAt'>
      | null
      | Promise<Pick<SchedulePut, 'paused' | 'nextAt'> | null>,
  ): Promise<void> {
    for (let tries = 0; tries < TRIES_MAX; tries++) {
      const record = await this.#known(name)
      const changed = await change(record)
      if (changed === null) return
      const { version: ifVersion, plan } = record
      const answer = await this.#write({ name, ifVersion, plan, ...changed })
      if (answer.outcome === 'put') return
    }
    throw changing(name)
  }

  #write(request: SchedulePut): Promise<SchedulePutAnswer> {
    return this.#connection.call((store) => store.putSchedule(request))
  }

  /** Whether it is new. What is known under its id, with whatever input, was enqueued already. */
  async #fill(spec: TaskSpec): Promise<boolean> {
    try {
      return (await this.#enqueuer.spec(spec)).outcome === 'created'
    } catch (error) {
      if (codeOf(error) === 'conflict') return false
      throw error
    }
  }

  async #planOf(name: string): Promise<Plan> {
    return readDocument((await this.#known(name)).plan, name).plan
  }

  async #nextOf(plan: Plan): Promise<number | null> {
    return nextFire(plan, await this.#now())?.at ?? null
  }

  #now(): Promise<number> {
    return this.#connection.read((store) => store.now())
  }

  async #find(name: string): Promise<ScheduleRecord | null> {
    checkedName(name, 'The schedule')
    return this.#connection.read((store) => store.schedule(name))
  }

  async #known(name: string): Promise<ScheduleRecord> {
    const record = await this.#find(name)
    if (record !== null) return record
    throw new NotFoundError(`There is no schedule ${shown(name)}.`, {
      hint: 'mill.schedules.list() answers those that there are.',
    })
  }

  #isReadable({ plan, name }: Pick<ScheduleRecord, 'plan' | 'name'>): boolean {
    try {
      readDocument(plan, name)
      return true
    } catch (error) {
      this.#connection.logger.warn({ err: error }, 'a schedule is left out that cannot be read')
      return false
    }
  }

  async #all(): Promise<readonly ScheduleRecord[]> {
    const all: ScheduleRecord[] = []
    for (let after: string | null = null; ;) {
      const from: string | null = after
      const page: readonly ScheduleRecord[] = await this.#connection.read((store) =>
        store.schedules({ after: from, limit: PAGE }),
      )
      all.push(...page)
      if (page.length < PAGE) return all
      after = page.at(-1)!.name
    }
  }
}

function checkedDefinitions(definitions: readonly ScheduleDefinition[]): readonly ScheduleDefinition[] {
  const isList: boolean = Array.isArray(definitions)
  if (!isList) {
    throw new InvalidArgumentError(`The schedules are ${shown(definitions)}, which is no list.`, {
      hint: "Give a list, also for a single one: [defineSchedule('nightly', { … })].",
    })
  }
  for (const definition of definitions) checkMembers(definition, DEFINITION_MEMBERS, 'a declared schedule')
  return definitions
}

function previewed(plan: Plan, from: number, count: number): readonly PreviewedFire[] {
  const fires: PreviewedFire[] = []
  let fire = nextFire(plan, from)
  for (; fire !== null && fires.length < count; fire = nextFire(plan, fire.at)) {
    const at = new Date(fire.at)
    fires.push(fire.note === null ? { at } : { at, note: fire.note })
  }
  return fires
}

/** @throws InvalidArgumentError if there are too many */
function firesOf(plan: Plan, from: number, to: number): readonly number[] {
  const fires: number[] = []
  for (const { at } of firesIn(plan, { after: from - 1, until: to })) {
    fires.push(at)
    if (fires.length > BACKFILL_MAX) {
      throw new InvalidArgumentError(`The range has more than ${BACKFILL_MAX} fire times.`, {
        hint: 'Backfill it in parts.',
      })
    }
  }
  return fires
}

function requiredTime(time: Date | number, what: string): number {
  const at = timeOf(time, what)
  if (at !== null) return at
  throw new InvalidArgumentError(`A backfill has no ${what}.`, { hint: 'Give both ends: { from, to }.' })
}

function notPast(reversed: boolean): InvalidArgumentError {
  return reversed
    ? new InvalidArgumentError('The range ends before it begins.', { hint: 'Exchange from and to.' })
    : new InvalidArgumentError('The range is not over.', {
        hint: 'A schedule looks after its future itself: let it end in the past.',
      })
}

function changing(name: string): InvalidArgumentError {
  return new InvalidArgumentError(`The schedule ${shown(name)} is being changed all the time.`, {
    hint: 'Find out who else puts it.',
  })
}

function samePlan(one: Plan, other: Plan): boolean {
  return JSON.stringify(one) === JSON.stringify(other)
}
