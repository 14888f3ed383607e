/** `mill.tasks`: looking at tasks, and acting on them by id or by filter. */
import { InvalidArgumentError } from '../task/errors.ts'
import { checkedTaskId, newNonce } from '../task/ids.ts'
import { encode } from '../task/codec.ts'
import { LIMITS } from '../task/limits.ts'
import { keptText } from '../task/kept-text.ts'
import { levelOf, type Priority } from '../task/options.ts'
import type { Command, CommandAnswer, CommandOutcome, CommandRequest, TaskFilter } from '../store/control.ts'
import type { HistoryEntry, TaskId, TaskState } from '../store/records.ts'
import type { Connection } from './connection.ts'
import { shownItem, shownStatus, type TaskListItem, type TaskStatus } from './status.ts'

/** Which tasks: all that are given must hold. */
export interface TaskQuery {
  readonly state?: TaskState | readonly TaskState[] | undefined
  readonly queue?: string | undefined
  readonly type?: string | undefined
  readonly tag?: string | undefined
}

export interface ListOptions extends TaskQuery {
  /** At most 1 000. Default 50. */
  readonly limit?: number | undefined
  /** Where the last page ended. */
  readonly cursor?: string | undefined
}

export interface TaskPage {
  readonly tasks: readonly TaskListItem[]
  /** Where the next page begins; `undefined` at the end. A page may be short, even empty, and not the last. */
  readonly next: string | undefined
}

/** How many tasks were meant, and how many it made a difference to. */
export interface CommandResult {
  readonly matched: number
  readonly changed: number
  /** What happened to each id that was given, in order; empty for a filter. */
  readonly outcomes: readonly CommandOutcome[]
}

/** Longest reason of a cancel request, in characters. */
const REASON_MAX = 1_000

export type TaskTarget = TaskId | readonly TaskId[] | TaskQuery

export class TaskControl {
  readonly #connection: Connection

  constructor(connection: Connection) {
    this.#connection = connection
  }

  /** `undefined` if the store does not hold it. */
  async get(id: TaskId): Promise<TaskStatus | undefined> {
    const [record] = await this.#connection.read((store) => store.get([checkedTaskId(id)]))
    if (record === undefined || record === null) return undefined
    return shownStatus(record, await this.#connection.read((store) => store.now()))
  }

  /** Newest first. */
  async list({ limit = 50, cursor, ...query }: ListOptions = {}): Promise<TaskPage> {
    if (!(Number.isInteger(limit) && limit >= 1 && limit <= LIMITS.batchTasks)) {
      throw new InvalidArgumentError(`limit is ${limit}.`, {
        hint: `It is a whole number from 1 to ${LIMITS.batchTasks}.`,
      })
    }
    const filter = filterOf(query)
    const page = await this.#connection.read((store) => store.list({ filter, limit, cursor: cursor ?? null }))
    const now = await this.#connection.read((store) => store.now())
    return { tasks: page.tasks.map((task) => shownItem(task, now)), next: page.next ?? undefined }
  }

  /** What happened to a task, oldest first: its newest 100 events. Empty if the store does not hold it. */
  async history(id: TaskId): Promise<readonly HistoryEntry[]> {
    const [record] = await this.#connection.read((store) => store.get([checkedTaskId(id)]))
    return record?.history ?? []
  }

  /** Cancels what waits, and asks what runs to stop. */
  cancel(target: TaskTarget, options: { readonly reason?: string | undefined } = {}): Promise<CommandResult> {
    return this.#command(target, cancelCommand(options.reason))
  }

  /** Starts failed and cancelled tasks over, their attempts at zero. */
  async retry(target: TaskTarget, options: { readonly input?: unknown } = {}): Promise<CommandResult> {
    const payload = options.input === undefined ? null : encode(options.input, 'The new input')
    return this.#command(target, { kind: 'retry', payload })
  }

  /** Removes tasks that do not run. What waits for them sees a cancelled task. */
  remove(target: TaskTarget): Promise<CommandResult> {
    return this.#command(target, { kind: 'remove' })
  }

  /** Keeps tasks from starting until they are released. */
  hold(target: TaskTarget): Promise<CommandResult> {
    return this.#command(target, { kind: 'hold' })
  }

  release(target: TaskTarget): Promise<CommandResult> {
    return this.#command(target, { kind: 'release' })
  }

  async setPriority(target: TaskTarget, priority: Priority): Promise<CommandResult> {
    return this.#command(target, { kind: 'set-level', level: levelOf(priority) })
  }

  async #command(target: TaskTarget, command: Command): Promise<CommandResult> {
    if (typeof target === 'string') return this.#byIds([target], command)
    if (isList(target)) return this.#byIds(target, command)
    return this.#byFilter(filterOf(target), command)
  }

  async #byIds(given: readonly TaskId[], command: Command): Promise<CommandResult> {
    const checked = given.map((id) => checkedTaskId(id))
    // a task that is named twice is commanded once
    const ids = [...new Set(checked)]
    const send = this.#sender(command)
    const total = { matched: 0, changed: 0 }
    const outcomes = new Map<TaskId, CommandOutcome>()
    for (let from = 0; from < ids.length; from += LIMITS.batchTasks) {
      const some = ids.slice(from, from + LIMITS.batchTasks)
      const answer = await send({ ids: some })
      total.matched += answer.matched
      total.changed += answer.changed
      for (const [index, id] of some.entries()) outcomes.set(id, answer.outcomes[index]!)
    }
    return { ...total, outcomes: checked.map((id) => outcomes.get(id)!) }
  }

  async #byFilter(filter: TaskFilter, command: Command): Promise<CommandResult> {
    if (Object.values(filter).every((member) => member === undefined)) {
      throw new InvalidArgumentError('The filter is empty, and would mean every task.', {
        hint: 'Name at least a state, queue, type or tag.',
      })
    }
    const send = this.#sender(command)
    const total = { matched: 0, changed: 0, outcomes: [] }
    let cursor: string | null = null
    do {
      const answer: CommandAnswer = await send({ filter, cursor })
      total.matched += answer.matched
      total.changed += answer.changed
      cursor = answer.cursor
    } while (cursor !== null)
    return total
  }

  /** All steps of a command bear its nonce: no task is changed twice by it, however often it is met. */
  #sender(command: Command): (target: CommandRequest['target']) => Promise<CommandAnswer> {
    const nonce = newNonce(this.#connection.platform)
    return (target) =>
      this.#connection.call((store) => store.command({ nonce, command, target, tasksMax: LIMITS.batchTasks }))
  }
}

/** The reason is shown to whoever waits: its beginning is enough. */
export function cancelCommand(reason: string | undefined): Command {
  return { kind: 'cancel', reason: reason === undefined ? null : keptText(reason, REASON_MAX) }
}

function filterOf({ state, queue, type, tag }: TaskQuery): TaskFilter {
  const states = state === undefined || typeof state !== 'string' ? state : [state]
  return { states, queue, type, tag }
}

function isList(target: TaskQuery | readonly TaskId[]): target is readonly TaskId[] {
  return Array.isArray(target)
}
