/** The simulated client: asks for what the plan says, and keeps a journal of what it was answered. */
import { Mill } from '../client/mill.ts'
import { codeOf } from '../task/errors.ts'
import { taskId } from '../task/ids.ts'
import { PRIORITIES } from '../task/options.ts'
import type { Dependency, Draft, EnqueueOptions } from '../task/draft.ts'
import type { Logger } from '../task/logger.ts'
import type { TaskId } from '../store/records.ts'
import type { Call, CallOperation } from './history.ts'
import type { CommandPlan, Plan, SchedulePlan } from './plan.ts'
import type { SimulatedProcess } from './process.ts'
import type { Definitions, Job } from './script.ts'
import { IDLE_SCRIPT, type TaskPlan } from './task-plan.ts'
import type { VirtualTime } from './virtual-time.ts'

const silence = (): void => undefined
export const SILENT: Logger = { debug: silence, info: silence, warn: silence, error: silence }

export interface ProducerParts {
  readonly time: VirtualTime
  readonly process: SimulatedProcess
  readonly definitions: Definitions
  readonly plan: Plan
}

export class Producer {
  readonly calls: Call[] = []
  readonly #parts: ProducerParts
  readonly #mill: Mill
  /** The tasks that there are by now, by name; `null`: it came to nothing. */
  readonly #known = new Map<string, Promise<TaskId | null>>()
  #open = 0

  constructor(parts: ProducerParts) {
    this.#parts = parts
    const { platform, store } = parts.process
    this.#mill = new Mill(store, { platform, logger: SILENT, storeTimeout: parts.plan.patienceMs })
  }

  /** Whether no call is under way. */
  get isAtRest(): boolean {
    return this.#open === 0
  }

  /** Everything at its time. */
  start(): void {
    const { time, plan } = this.#parts
    const { tasks, commands, schedules } = plan
    for (const group of Map.groupBy(tasks, ({ bulk, name }) => bulk ?? name).values()) {
      const atMs = Math.min(...group.map((task) => task.atMs))
      const answers = group.map(() => Promise.withResolvers<TaskId | null>())
      for (const [index, { name }] of group.entries()) this.#known.set(name, answers[index]!.promise)
      time.at(atMs, () => {
        const asked = group.length === 1 ? this.#enqueue(group[0]!) : this.#enqueueMany(group)
        void asked.then((ids) => {
          for (const [index, { resolve }] of answers.entries()) resolve(ids[index] ?? null)
        })
      })
    }
    for (const command of commands) time.at(command.atMs, () => void this.#command(command))
    for (const schedule of schedules) time.at(schedule.atMs, () => void this.#schedule(schedule))
  }

  async #enqueue(task: TaskPlan): Promise<readonly (TaskId | null)[]> {
    const options = await this.#optionsOf(task, new Map())
    const ids = options.id === undefined ? [] : [options.id]
    const ask = (): Promise<{ readonly id: TaskId } | undefined> =>
      this.#journal('enqueue', ids, () =>
        this.#mill.enqueue(this.#parts.definitions[task.type], jobOf(task), options),
      )
    const { time } = this.#parts
    if (task.twiceAfterMs !== null && ids.length > 0)
      time.at(time.nowMs + task.twiceAfterMs, () => void ask())
    return [(await ask())?.id ?? null]
  }

  async #enqueueMany(group: readonly TaskPlan[]): Promise<readonly (TaskId | null)[]> {
    const drafts = new Map<string, Draft>()
    for (const task of group) {
      const options = await this.#optionsOf(task, drafts)
      drafts.set(task.name, this.#parts.definitions[task.type].with(jobOf(task), options))
    }
    const ids = [...drafts.values()].flatMap(({ id }) => (id === undefined ? [] : [id]))
    const handles = await this.#journal('enqueue', ids, () =>
      this.#mill.enqueueMany([...drafts.values()], { atomic: true }),
    )
    return group.map((_, index) => handles?.[index]?.id ?? null)
  }

  async #optionsOf(task: TaskPlan, drafts: ReadonlyMap<string, Draft>): Promise<EnqueueOptions> {
    const { unique } = task
    const after: Dependency[] = []
    for (const { task: name, ifFailed } of task.after) {
      const draft = drafts.get(name)
      const parent = draft ?? (await this.#idOf(task, name))
      if (parent !== null) after.push({ task: parent, ifFailed })
    }
    return {
      id: hasOwnId(task.name) ? idOf(this.#parts.plan, task.name) : undefined,
      priority: PRIORITIES[task.level],
      delay: task.delayMs,
      held: task.held,
      after,
      unique:
        unique === null
          ? undefined
          : typeof unique.hold === 'number'
            ? { key: unique.key, within: unique.hold, then: unique.then }
            : { key: unique.key, while: unique.hold, then: unique.then },
      retry: { attempts: task.attempts, base: 300, max: 2_000 },
      timeout: task.timeoutMs ?? false,
      startBy: task.startByMs ?? undefined,
      deadline: task.deadlineMs ?? undefined,
      tags: [task.name],
    }
  }

  /** `null`: there is no such task, or it is enqueued together with this one, but behind it. */
  async #idOf({ bulk }: TaskPlan, name: string): Promise<TaskId | null> {
    const other = this.#parts.plan.tasks.find((task) => task.name === name)
    if (other === undefined || (bulk !== null && other.bulk === bulk)) return null
    // calls that wait for each other would wait for ever
    const known = this.#known.get(name)
    if (known === undefined || other.atMs > this.#parts.time.nowMs) return null
    if (other.bulk !== null) return hasOwnId(name) ? idOf(this.#parts.plan, name) : null
    return known
  }

  async #command({ kind, task }: CommandPlan): Promise<void> {
    const id = hasOwnId(task) ? idOf(this.#parts.plan, task) : await this.#known.get(task)
    if (id === undefined || id === null) return
    const { tasks } = this.#mill
    if (kind === 'priority')
      await this.#journal('hold', [], () => tasks.setPriority(id, PRIORITIES[id.charCodeAt(0) % 5]!))
    else await this.#journal(kind, [], () => tasks[kind](id))
  }

  async #schedule({ name, everyS, overlap, missed, takesMs }: SchedulePlan): Promise<void> {
    const job: Job = { name, key: name, script: { ...IDLE_SCRIPT, stepsMs: [takesMs] } }
    await this.#journal('enqueue', [], () =>
      this.#mill.schedules.put(name, {
        task: this.#parts.definitions.plain,
        input: job,
        every: `${everyS}s`,
        overlap,
        missed: missed === 'all' ? { all: 5 } : missed,
      }),
    )
  }

  /**
   * A try that was given up may arrive behind the one that was refused, when what it was refused for is no longer so.
   * Who is refused for that after a lost try is told so all the same.
   */
  #mayStillArrive(code: string | undefined): boolean {
    if (code === 'ambiguous') return true
    const { late = 0 } = this.#parts.plan.faults
    return late > 0 && (code === 'unique' || code === 'unknown-parent')
  }

  /** What a call answers; `undefined` if nothing came of it, or nobody knows. */
  async #journal<T>(
    op: CallOperation,
    ids: readonly TaskId[],
    ask: () => Promise<T>,
  ): Promise<T | undefined> {
    const { time } = this.#parts
    const line = { client: 'client', call: this.calls.length, op }
    const note = (phase: Call['phase'], about: readonly TaskId[]): void =>
      void this.calls.push({
        ...line,
        ids: about,
        phase,
        atMs: time.nowMs,
        answers: about.map(() => 'duplicate'),
      })
    note('invoke', ids)
    this.#open += 1
    try {
      const answer = await ask()
      note('ok', op === 'enqueue' ? idsIn(answer) : [])
      return answer
    } catch (error) {
      note(this.#mayStillArrive(codeOf(error)) ? 'unknown' : 'fail', ids)
      return undefined
    } finally {
      this.#open -= 1
    }
  }
}

function jobOf({ name, key, script }: TaskPlan): Job {
  return { name, key, script }
}

/** Half of the callers name their tasks themselves. */
function hasOwnId(name: string): boolean {
  return Number(name.slice(1)) % 2 === 0
}

function idOf({ seed }: Plan, name: string): TaskId {
  return taskId('simulation', String(seed), name)
}

function idsIn(answer: unknown): readonly TaskId[] {
  const handles: readonly unknown[] = Array.isArray(answer) ? answer : [answer]
  return handles.flatMap((handle) => {
    const id: unknown =
      typeof handle === 'object' && handle !== null && 'id' in handle ? handle.id : undefined
    return typeof id === 'string' ? [id] : []
  })
}
