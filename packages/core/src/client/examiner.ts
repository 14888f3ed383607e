/** `mill.examine`: looks whether all that must hold of a store does hold, and mends what can be mended. */
import { checkMembers, type Members } from '../task/members.ts'
import { InvalidArgumentError } from '../task/errors.ts'
import { LIMITS } from '../task/limits.ts'
import { shown } from '../task/shown.ts'
import {
  defectsOfEdges,
  defectsOfTask,
  doubleFires,
  isFinal,
  lateSchedules,
  wrongClock,
  wrongCounts,
  wrongLimits,
  type Defect,
} from '../policy/examination.ts'
import type { AuditAnswer, AuditRequest, StoreDefect } from '../store/audit.ts'
import type { LimitRecord, LimitsAnswer, LimitsRequest } from '../store/flow.ts'
import type { ListAnswer, ListRequest, QueueRecord } from '../store/inspection.ts'
import type { Store, UpkeepAnswer } from '../store/port.ts'
import type { TaskId, TaskRecord, TaskState, TaskSummary } from '../store/records.ts'
import type { Connection } from './connection.ts'
import { pause } from './repeat.ts'
import { readDocument } from './schedule-document.ts'
import { statesOf } from './states.ts'

/** A store that works is never still: what is wrong is what is wrong still after so long. */
const SETTLE_MS = 5_000
/** Whole tasks are read so many at a time: each may have megabytes of payload. */
const WHOLE_TASKS = 20
const KEYS_MAX = 1_000
const RUNS_MAX = 100_000
/** What is found in a store that is badly damaged has to fit into memory, and on a screen. */
const DEFECTS_MAX = 10_000

/** How `mill.examine` goes about it. */
export interface ExamineOptions {
  /** Whether to mend what can be mended. Default false: nothing is written. */
  readonly repair?: boolean | undefined
}

/** A defect, and what became of it. */
export interface Finding extends Defect {
  /** `repaired`: it was wrong, and is right now. */
  readonly outcome: 'repaired' | 'reported'
}

/** What `mill.examine` saw. */
export interface Examination {
  /** How many tasks were looked at. */
  readonly tasks: number
  readonly findings: readonly Finding[]
  /** What could not be looked at, each as a sentence: the engine forbids it, or it would take too long. */
  readonly unseen: readonly string[]
}

const EXAMINE_MEMBERS: Members<ExamineOptions> = { repair: true }

/** What may be a moment old in one way, and a moment later in another: counts of a store at work. The others are known by their subjects. */
const COUNTS: ReadonlySet<Defect['code']> = new Set(['counters', 'limit-count', 'queue-counts', 'wait-count'])

interface Look {
  readonly tasks: number
  readonly defects: readonly Defect[]
  readonly unseen: readonly string[]
}

/** What one look at all tasks brings together. */
interface Gathered {
  tasks: number
  readonly defects: Defect[]
  readonly running: TaskSummary[]
  /** Runs of schedules. */
  readonly runs: Pick<TaskRecord, 'id' | 'headers'>[]
  readonly counts: Map<string, Map<TaskState, number>>
}

/** What holds while the tasks are looked at. */
interface Circumstances {
  readonly now: number
  readonly alive: ReadonlySet<string>
}

export class Examiner {
  readonly #connection: Connection

  constructor(connection: Connection) {
    this.#connection = connection
  }

  /** @throws InvalidArgumentError, StoreError */
  async examine(options: ExamineOptions): Promise<Examination> {
    checkMembers(options, EXAMINE_MEMBERS, 'examine')
    const { repair = false } = options
    if (typeof repair !== 'boolean')
      throw new InvalidArgumentError(`repair is ${shown(repair)}.`, { hint: 'It is true or false.' })
    return this.#connection.operation(() => this.#examine(repair))
  }

  async #examine(repair: boolean): Promise<Examination> {
    const { tasks, defects: first, unseen } = await this.#look()
    if (first.length === 0) return { tasks, findings: [], unseen }
    await pause(this.#connection.platform, SETTLE_MS)
    const second = (await this.#look()).defects
    const defects = first.filter((defect) => isAmong(second, defect))
    const mendable = repair && defects.some(({ remedy }) => remedy === 'repair')
    if (mendable) await this.#repair(defects)
    const left = mendable ? (await this.#look()).defects : defects
    const findings = defects.map((defect): Finding => {
      return { ...defect, outcome: isAmong(left, defect) ? 'reported' : 'repaired' }
    })
    return { tasks, findings, unseen }
  }

  /** What the store mends itself comes first: it may be what the others are about. */
  async #repair(defects: readonly Defect[]): Promise<void> {
    const codes = new Set(defects.map(({ code }) => code))
    const connection = this.#connection
    await this.#audit((request) => connection.call((store) => store.audit({ ...request, repair: true })))
    if (codes.has('limit-count') || codes.has('stray-claim'))
      await connection.call((store) => store.recount())
    if (!codes.has('orphaned-edge')) return
    const deliver = (): Promise<UpkeepAnswer> =>
      connection.call((store) => store.deliver({ tasksMax: LIMITS.batchTasks }))
    while ((await deliver()).more);
  }

  /** All pages. */
  async #audit(
    ask: (request: AuditRequest) => Promise<AuditAnswer>,
  ): Promise<Pick<AuditAnswer, 'defects' | 'unseen'>> {
    const defects: StoreDefect[] = []
    const unseen = new Set<string>()
    let cursor: string | null = null
    do {
      const page: AuditAnswer = await ask({ cursor, limit: LIMITS.batchTasks, repair: false })
      cursor = page.next
      defects.push(...page.defects)
      for (const what of page.unseen) unseen.add(what)
    } while (cursor !== null && defects.length < DEFECTS_MAX)
    if (cursor !== null) unseen.add(`There are more than ${DEFECTS_MAX} defects: these are the first.`)
    return { defects, unseen: [...unseen] }
  }

  async #look(): Promise<Look> {
    const before = await this.#read((store) => store.queues())
    const sessions = await this.#read((store) => store.sessions())
    const { now, due } = await this.#read((store) => store.dueSchedules({ max: LIMITS.batchTasks }))
    const skew = wrongClock(now, this.#connection.platform.wallMs())
    const alive = new Set(sessions.map(({ session }) => session))
    const { tasks, defects, running, runs, counts } = await this.#gather({ now, alive })
    const after = await this.#read((store) => store.queues())
    // a queue that changed meanwhile cannot be compared with what was found one by one
    const still = before.filter((queue) => after.some((other) => isSame(queue, other)))
    const inside = await this.#audit((request) => this.#read((store) => store.audit(request)))
    const outside = [
      ...skew,
      ...defects,
      ...doubleFires(runs),
      ...lateSchedules(due, now),
      ...(isQuiet(before, after) ? wrongLimits(await this.#limits(), running) : []),
      ...still.flatMap((queue) => wrongCounts(queue, counts.get(queue.queue) ?? new Map())),
    ]
    return { tasks, unseen: inside.unseen, defects: together(inside.defects, outside) }
  }

  async #gather(circumstances: Circumstances): Promise<Gathered> {
    const gathered: Gathered = { tasks: 0, defects: [], running: [], runs: [], counts: new Map() }
    const types = await this.#scheduledTypes()
    let cursor: string | null = null
    do {
      const request: ListRequest = { filter: {}, limit: LIMITS.batchTasks, cursor }
      const page: ListAnswer = await this.#read((store) => store.list(request))
      cursor = page.next
      for (const task of page.tasks) count(gathered, task, circumstances)
      const whole = page.tasks.filter(({ state, type }) => state === 'blocked' || types.has(type))
      for (let from = 0; from < whole.length; from += WHOLE_TASKS)
        await this.#readWhole(gathered, whole.slice(from, from + WHOLE_TASKS), circumstances)
    } while (cursor !== null)
    return gathered
  }

  async #readWhole(gathered: Gathered, tasks: readonly TaskSummary[], { now }: Circumstances): Promise<void> {
    const found = await this.#read((store) => store.get(tasks.map(({ id }) => id)))
    const records = found.filter((record) => record !== null)
    for (const { id, headers } of records)
      if (gathered.runs.length < RUNS_MAX) gathered.runs.push({ id, headers })
    for (const record of records) {
      if (record.state !== 'blocked') continue
      gathered.defects.push(...defectsOfEdges(record, await this.#live(record), now))
    }
  }

  /** Those parents of a task that have not ended. */
  async #live({ after }: TaskRecord): Promise<readonly TaskId[]> {
    const parents = after.map(({ parent }) => parent)
    const states = await statesOf(parents, (request) => this.#read((store) => store.outcomes(request)))
    return [...states].filter(([, state]) => !isFinal(state)).map(([id]) => id)
  }

  /** The types of tasks that schedules enqueue: no other task need be read whole to see whose run it is. */
  async #scheduledTypes(): Promise<ReadonlySet<string>> {
    const types = new Set<string>()
    let after: string | null = null
    do {
      const request: Parameters<Store['schedules']>[0] = { after, limit: LIMITS.batchTasks }
      const page = await this.#read((store) => store.schedules(request))
      for (const { plan, name } of page) types.add(readDocument(plan, name).template.type)
      after = page.length < LIMITS.batchTasks ? null : page.at(-1)!.name
    } while (after !== null)
    return types
  }

  async #limits(): Promise<readonly LimitRecord[]> {
    const found: LimitRecord[] = []
    let cursor: string | null = null
    do {
      const request: LimitsRequest = { names: null, limit: LIMITS.batchTasks, cursor, keysMax: KEYS_MAX }
      const page: LimitsAnswer = await this.#read((store) => store.limits(request))
      found.push(...page.limits)
      cursor = page.next
    } while (cursor !== null)
    return found
  }

  #read<T>(look: (store: Store) => Promise<T>): Promise<T> {
    return this.#connection.read(look)
  }
}

function count(gathered: Gathered, task: TaskSummary, { alive }: Circumstances): void {
  gathered.tasks += 1
  gathered.defects.push(...defectsOfTask(task, alive))
  if (task.state === 'running') gathered.running.push(task)
  const states = gathered.counts.get(task.queue) ?? new Map<TaskState, number>()
  gathered.counts.set(task.queue, states.set(task.state, (states.get(task.state) ?? 0) + 1))
}

/** What the store finds itself is told once, as it says it: it knows more of it. */
function together(inside: readonly Defect[], outside: readonly Defect[]): readonly Defect[] {
  const known = new Set(inside.map(keyOf))
  return [...inside, ...outside.filter((defect) => !known.has(keyOf(defect)))]
}

function keyOf({ code, subject }: Defect): string {
  return JSON.stringify([code, subject])
}

function isAmong(defects: readonly Defect[], { code, subject, message }: Defect): boolean {
  return defects.some(
    (other) =>
      other.code === code && other.subject === subject && (!COUNTS.has(code) || other.message === message),
  )
}

/** Nothing moved meanwhile: what counts under limits can be compared with what runs, which was read at another time. */
function isQuiet(before: readonly QueueRecord[], after: readonly QueueRecord[]): boolean {
  return before.length === after.length && before.every((queue, index) => isSame(queue, after[index]!))
}

function isSame(one: QueueRecord, other: QueueRecord): boolean {
  return one.queue === other.queue && JSON.stringify(one.counts) === JSON.stringify(other.counts)
}
