/** `mill.tasks`: looking at tasks, and acting on them by id or by filter. */
import { InvalidArgumentError } from '../task/errors.ts'
import { checkedTaskId, newNonce } from '../task/ids.ts'
import { encode } from '../task/codec.ts'
import { checkedName, LIMITS } from '../task/limits.ts'
import { checkMembers, type Members } from '../task/members.ts'
import { shown } from '../task/shown.ts'
import { keptText } from '../task/kept-text.ts'
import { levelOf, type Priority } from '../task/options.ts'
import type { Command, CommandAnswer, CommandOutcome, CommandRequest, TaskFilter } from '../store/control.ts'
import { TASK_STATES, type HistoryEntry, type TaskId, type TaskState } from '../store/records.ts'
import type { ListRequest } from '../store/inspection.ts'
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

interface CancelOptions {
  /** Shown to whoever waits. */
  readonly reason?: string | undefined
}

interface RetryCommandOptions {
  /** In place of the old one. */
  readonly input?: unknown
}

const QUERY_MEMBERS: Members<TaskQuery> = { state: true, queue: true, type: true, tag: true }
const LIST_MEMBERS: Members<ListOptions> = { ...QUERY_MEMBERS, limit: true, cursor: true }
const CANCEL_MEMBERS: Members<CancelOptions> = { reason: true }
const RETRY_MEMBERS: Members<RetryCommandOptions> = { input: true }

export class TaskControl {
  readonly #connection: Connection

  constructor(connection: Connection) {
    this.#connection = connection
  }

  /** `undefined` if the store does not hold it. */
  async get(id: TaskId): Promise<TaskStatus | undefined> {
    return statusOf(checkedTaskId(id), this.#connection)
  }

  /** Newest first. */
  async list(options: ListOptions = {}): Promise<TaskPage> {
    const request = listRequest(options)
    return this.#connection.operation(async () => {
      const page = await this.#connection.read((store) => store.list(request))
      const now = await this.#connection.read((store) => store.now())
      return { tasks: page.tasks.map((task) => shownItem(task, now)), next: page.next ?? undefined }
    })
  }

  /** What happened to a task, oldest first: its newest 100 events. Empty if the store does not hold it. */
  async history(id: TaskId): Promise<readonly HistoryEntry[]> {
    const ids = [checkedTaskId(id)]
    const [record] = await this.#connection.operation(() => this.#connection.read((store) => store.get(ids)))
    return record?.history ?? []
  }

  /** Cancels what waits, and asks what runs to stop. */
  async cancel(target: TaskTarget, options: CancelOptions = {}): Promise<CommandResult> {
    checkMembers(options, CANCEL_MEMBERS, 'tasks.cancel')
    return this.#command(target, cancelCommand(options.reason))
  }

  /** Starts failed and cancelled tasks over, their attempts at zero. */
  async retry(target: TaskTarget, options: RetryCommandOptions = {}): Promise<CommandResult> {
    checkMembers(options, RETRY_MEMBERS, 'tasks.retry')
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
    return this.#connection.operation(() => {
      if (typeof target === 'string') return this.#byIds([target], command)
      if (isList(target)) return this.#byIds(target, command)
      return this.#byFilter(filterOf(target), command)
    })
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
  if (reason === undefined) return { kind: 'cancel', reason: null }
  if (typeof reason === 'string') return { kind: 'cancel', reason: keptText(reason, REASON_MAX) }
  throw new InvalidArgumentError(`The reason is ${shown(reason)}.`, { hint: 'It is a text.' })
}

/** A task, whole; `undefined` if the store does not hold it. */
export function statusOf(id: TaskId, connection: Connection): Promise<TaskStatus | undefined> {
  return connection.operation(async () => {
    const [record] = await connection.read((store) => store.get([id]))
    if (record === undefined || record === null) return undefined
    return shownStatus(record, await connection.read((store) => store.now()))
  })
}

function listRequest(options: ListOptions): ListRequest {
  checkMembers(options, LIST_MEMBERS, 'tasks.list')
  const { limit = 50, cursor, ...query } = options
  if (!(Number.isInteger(limit) && limit >= 1 && limit <= LIMITS.batchTasks)) {
    throw new InvalidArgumentError(`limit is ${shown(limit)}.`, {
      hint: `It is a whole number from 1 to ${LIMITS.batchTasks}.`,
    })
  }
  if (cursor === undefined || typeof cursor === 'string')
    return { filter: filterOf(query), limit, cursor: cursor ?? null }
  throw new InvalidArgumentError(`The cursor is ${shown(cursor)}.`, {
    hint: 'Give `next` of an earlier page as it is, or no cursor to begin anew.',
  })
}

/** What cannot be the name of anything would match nothing, and look like an answer. */
function filterOf(query: TaskQuery): TaskFilter {
  checkMembers(query, QUERY_MEMBERS, 'a filter')
  const { state, queue, type, tag } = query
  for (const [member, name] of Object.entries({ queue, type, tag }))
    if (name !== undefined) checkedName(name, `The ${member}`)
  const states = state === undefined || Array.isArray(state) ? state : [state]
  for (const one of states ?? []) checkState(one)
  return { states, queue, type, tag }
}

function checkState(state: unknown): void {
  if ((TASK_STATES as readonly unknown[]).includes(state)) return
  const pending = state === 'ready' || state === 'scheduled' || state === 'held'
  throw new InvalidArgumentError(`The state is ${shown(state)}.`, {
    hint: `${pending ? `What is shown as ${state} is pending. ` : ''}The states are ${TASK_STATES.join(', ')}.`,
  })
}

function isList(target: TaskQuery | readonly TaskId[]): target is readonly TaskId[] {
  return Array.isArray(target)
}
