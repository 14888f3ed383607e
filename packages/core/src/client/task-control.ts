/** `mill.tasks`: looking at tasks, and acting on them by id or by filter. */
import { InvalidArgumentError } from '../task/errors.ts'
import { checkedTaskId, newNonce } from '../task/ids.ts'
import type { Codec } from '../task/codecs/codec.ts'
import { LIMITS } from '../task/limits.ts'
import { checkMembers, type Members } from '../task/members.ts'
import { shown } from '../task/shown.ts'
import { keptText } from '../task/kept-text.ts'
import { levelOf, type Priority } from '../task/options.ts'
import type { Command, CommandAnswer, CommandOutcome, CommandRequest, TaskFilter } from '../store/control.ts'
import { Explainer, type Explanation } from './explainer.ts'
import type { HistoryEntry, Nonce, Payload, TaskId, TaskRecord } from '../store/records.ts'
import type { ListAnswer, ListRequest } from '../store/inspection.ts'
import type { AnyTask } from '../task/definition.ts'
import { actionPage, nextPage, type ActionPage } from './action-pages.ts'
import { editOf, replacementOf, type Targets, type TaskChanges } from './changes.ts'
import { DeadGroups, type DeadGroup } from './dead-groups.ts'
import type { Connection } from './connection.ts'
import { previewOf } from './previews.ts'
import { actionFilterOf, filterOf, QUERY_MEMBERS, type TaskQuery } from './task-filter.ts'
import { shownItem, shownStatus, type TaskListItem, type TaskStatus } from './status.ts'

/** Which tasks are listed, and which page of them. */
export interface ListOptions extends TaskQuery {
  /** At most 1 000. Default 50. */
  readonly limit?: number | undefined
  /** Where the last page ended. */
  readonly cursor?: string | undefined
}

/** A page of a list, and where the next one begins. */
export interface TaskPage {
  readonly tasks: readonly TaskListItem[]
  /** Where the next page begins; `undefined` at the end. A page may be short, even empty, and not the last. */
  readonly next: string | undefined
}

/** Which dead letters are grouped, and how many groups are shown. */
export interface DeadOptions extends Omit<TaskQuery, 'state'> {
  /** At most so many groups, up to 1 000. Default 50. */
  readonly limit?: number | undefined
}

/** How many tasks were meant, and how many it made a difference to. */
export interface CommandResult {
  readonly matched: number
  readonly changed: number
  /** What happened to each id that was given, in order; empty for a filter. */
  readonly outcomes: readonly CommandOutcome[]
  /** Where an action over a filter goes on that stopped at its `limit`: its `cursor`. */
  readonly next?: string | undefined
}

/** Longest reason of a cancel request, in characters. */
const REASON_MAX = 1_000

/**
 * Which tasks an action means: one by its id, several, or all that a filter lets through. A filter without any
 * condition is refused.
 */
export type TaskTarget = TaskId | readonly TaskId[] | TaskQuery

/** How an action on tasks is done. */
export interface ActionOptions {
  /**
   * Only tells how many tasks are meant, and to how many it would make a difference, as their states are now: nothing
   * is written. Default `false`.
   */
  readonly preview?: boolean | undefined
  /** Over a filter: stops once so many tasks have matched, and says where it goes on. Default: no bound. */
  readonly limit?: number | undefined
  /** Over a filter: `next` of the same action, which goes on there. */
  readonly cursor?: string | undefined
}

/** How tasks are cancelled. */
export interface CancelOptions extends ActionOptions {
  /** Shown to whoever waits. */
  readonly reason?: string | undefined
}

/** How tasks are started over. */
export interface RetryCommandOptions extends ActionOptions {
  /** In place of the old one; a checkpoint goes with that. It is checked as that of an edit. */
  readonly input?: unknown
}

const DEAD_MEMBERS: Members<DeadOptions> = {
  queue: true,
  type: true,
  tag: true,
  metadata: true,
  text: true,
  limit: true,
}
const LIST_MEMBERS: Members<ListOptions> = { ...QUERY_MEMBERS, limit: true, cursor: true }
/** Whole tasks, which may be large, are read so many at a time. */
const READ_AT_ONCE = 20

const ACTION_MEMBERS: Members<ActionOptions> = { preview: true, limit: true, cursor: true }
const CANCEL_MEMBERS: Members<CancelOptions> = { ...ACTION_MEMBERS, reason: true }
const RETRY_MEMBERS: Members<RetryCommandOptions> = { ...ACTION_MEMBERS, input: true }

/** The definition of a type, where this process knows it. */
export type FindTask = (type: string) => AnyTask | undefined

/** What is given to tasks, and whether it is only asked what would come of it. */
interface Order {
  readonly command: Command
  readonly preview: boolean
  readonly page: ActionPage
}

/** `mill.tasks`: finds tasks, tells what became of them, and acts on one or many. */
export class TaskControl {
  readonly #connection: Connection
  readonly #find: FindTask

  constructor(connection: Connection, find: FindTask) {
    this.#connection = connection
    this.#find = find
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

  /**
   * The dead letters: what failed for good, those of one kind together, the largest group first. It reads every failed
   * task that matches, and tells 10 000 kinds apart. How long failed tasks are kept is set by `mill.queues.configure(queue, { retention })`.
   *
   * @throws InvalidArgumentError
   */
  async dead(options: DeadOptions = {}): Promise<readonly DeadGroup[]> {
    checkMembers(options, DEAD_MEMBERS, 'tasks.dead')
    const { limit = 50, ...query } = options
    checkLimit(limit)
    const filter = { ...filterOf(query), states: ['failed'] } as const
    const groups = new DeadGroups()
    return this.#connection.operation(async () => {
      let cursor: string | null = null
      do {
        const request: ListRequest = { filter, limit: LIMITS.batchTasks, cursor }
        const page: ListAnswer = await this.#connection.read((store) => store.list(request))
        for (const task of page.tasks) groups.add(task)
        cursor = page.next
      } while (cursor !== null)
      return groups.largest(limit)
    })
  }

  /** What happened to a task, oldest first: its newest 100 events. Empty if the store does not hold it. */
  async history(id: TaskId): Promise<readonly HistoryEntry[]> {
    const ids = [checkedTaskId(id)]
    const [record] = await this.#connection.operation(() => this.#connection.read((store) => store.get(ids)))
    return record?.history ?? []
  }

  /**
   * Why a task has not started, what it is doing, or why it ended as it did: clause by clause, what keeps it most first,
   * each with a code, data and a sentence. Also of a task that is not there. It reads, and changes nothing.
   *
   * @throws InvalidArgumentError, StoreError
   */
  explain(id: TaskId): Promise<Explanation> {
    return new Explainer(this.#connection).explain(id)
  }

  /** Cancels what waits, and asks what runs to stop. */
  async cancel(target: TaskTarget, options: CancelOptions = {}): Promise<CommandResult> {
    checkMembers(options, CANCEL_MEMBERS, 'tasks.cancel')
    return this.#command(target, cancelCommand(options.reason), options)
  }

  /**
   * Starts failed and cancelled tasks over, their attempts at zero.
   *
   * @throws what `edit` throws of an input
   */
  async retry(target: TaskTarget, options: RetryCommandOptions = {}): Promise<CommandResult> {
    checkMembers(options, RETRY_MEMBERS, 'tasks.retry')
    const { input } = options
    const payload = input === undefined ? null : await this.#replacement(target, input)
    return this.#command(target, { kind: 'retry', payload }, options)
  }

  /**
   * Changes a task that waits; one that runs or has ended is `refused`. A new input is checked by the schema of its
   * definition if a worker of this client handles it; else only the worker that will run it checks it. Where the
   * definition is at hand, `mill.handle(task, id).edit(…)` checks it in any case.
   *
   * @throws InvalidPayloadError, InvalidArgumentError, TooLargeError: nothing was written
   */
  async edit(id: TaskId, changes: TaskChanges): Promise<CommandResult> {
    const target = checkedTaskId(id)
    const edit = await editOf(changes, (input) => this.#replacement(target, input))
    return this.#command(target, edit)
  }

  /** Removes tasks that do not run. What waits for them sees a cancelled task. */
  async remove(target: TaskTarget, options: ActionOptions = {}): Promise<CommandResult> {
    checkMembers(options, ACTION_MEMBERS, 'tasks.remove')
    return this.#command(target, { kind: 'remove' }, options)
  }

  /** Keeps tasks from starting until they are released. */
  async hold(target: TaskTarget, options: ActionOptions = {}): Promise<CommandResult> {
    checkMembers(options, ACTION_MEMBERS, 'tasks.hold')
    return this.#command(target, { kind: 'hold' }, options)
  }

  async release(target: TaskTarget, options: ActionOptions = {}): Promise<CommandResult> {
    checkMembers(options, ACTION_MEMBERS, 'tasks.release')
    return this.#command(target, { kind: 'release' }, options)
  }

  async setPriority(
    target: TaskTarget,
    priority: Priority,
    options: ActionOptions = {},
  ): Promise<CommandResult> {
    checkMembers(options, ACTION_MEMBERS, 'tasks.setPriority')
    const command = { kind: 'edit', payload: null, level: levelOf(priority), runAt: null } as const
    return this.#command(target, command, options)
  }

  async #command(
    target: TaskTarget,
    command: Command,
    { preview = false, limit, cursor }: ActionOptions = {},
  ): Promise<CommandResult> {
    const page = actionPage({ limit, cursor }, checkedPreview(preview))
    const order = { command, preview, page }
    return this.#connection.operation(() => {
      if (typeof target === 'string') return this.#byIds([target], order)
      if (isList(target)) return this.#byIds(target, order)
      return this.#byFilter(actionFilterOf(target), order)
    })
  }

  /** An input for all these tasks, checked by the definitions that are known here. */
  async #replacement(target: TaskTarget, input: unknown): Promise<Payload> {
    const types = await this.#connection.operation(() => this.#typesOf(target))
    const tasks = types.map((type) => this.#find(type)).filter((task) => task !== undefined)
    const targets = tasks.length === 0 ? [] : await this.#targetsOf(target)
    return replacementOf(input, tasks, targets)
  }

  async #typesOf(target: TaskTarget): Promise<readonly string[]> {
    if (typeof target === 'string') return this.#typesOf([target])
    if (!isList(target)) {
      const { type } = actionFilterOf(target)
      if (type !== undefined) return [type]
      throw new InvalidArgumentError('An input is given for tasks of any type.', {
        hint: 'Say in the filter of which type they are, as the input of each is different.',
      })
    }
    const ids = target.map((id) => checkedTaskId(id))
    const types = new Set<string>()
    for (let from = 0; from < ids.length; from += LIMITS.batchTasks) {
      const some = ids.slice(from, from + LIMITS.batchTasks)
      const found = await this.#connection.read((store) => store.outcomes({ ids: some, bytesMax: 0 }))
      // those to be asked for later have succeeded, and get no input any more
      for (const outcome of found) if (outcome !== 'later' && outcome?.type) types.add(outcome.type)
    }
    return [...types]
  }

  async #targetsOf(target: TaskTarget): Promise<Targets> {
    if (typeof target === 'string') return this.#targetsOf([target])
    if (!isList(target)) return 'filtered'
    const found: TaskRecord[] = []
    for (let from = 0; from < target.length; from += READ_AT_ONCE) {
      const ids = target.slice(from, from + READ_AT_ONCE)
      const records = await this.#connection.operation(() => this.#connection.read((store) => store.get(ids)))
      for (const record of records) if (record !== null) found.push(record)
    }
    return found
  }

  async #byIds(given: readonly TaskId[], order: Order): Promise<CommandResult> {
    const checked = given.map((id) => checkedTaskId(id))
    // a task that is named twice is commanded once
    const ids = [...new Set(checked)]
    const { send } = this.#sender(order)
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

  async #byFilter(filter: TaskFilter, order: Order): Promise<CommandResult> {
    const { limit } = order.page
    const { nonce, send } = this.#sender(order)
    const total = { matched: 0, changed: 0, outcomes: [] }
    let { cursor } = order.page
    do {
      const tasksMax = Math.min(LIMITS.batchTasks, limit - total.matched)
      const answer: CommandAnswer = await send({ filter, cursor }, tasksMax)
      total.matched += answer.matched
      total.changed += answer.changed
      cursor = answer.cursor
    } while (cursor !== null && total.matched < limit)
    return cursor === null ? total : { ...total, next: nextPage(nonce, cursor) }
  }

  /** All steps of a command bear its nonce: no task is changed twice by it, however often it is met. */
  #sender({ command, preview, page }: Order): {
    readonly nonce: Nonce | null
    readonly send: (target: CommandRequest['target'], tasksMax?: number) => Promise<CommandAnswer>
  } {
    const connection = this.#connection
    if (preview)
      return { nonce: null, send: (target, max) => previewOf(connection, { command, target, tasksMax: max }) }
    const nonce = page.nonce ?? newNonce(connection.platform)
    return {
      nonce,
      send: (target, tasksMax = LIMITS.batchTasks) =>
        connection.call((store) => store.command({ nonce, command, target, tasksMax })),
    }
  }
}

/** The reason is shown to whoever waits: its beginning is enough. */
export function cancelCommand(reason: string | undefined): Command {
  if (reason === undefined) return { kind: 'cancel', reason: null }
  if (typeof reason === 'string') return { kind: 'cancel', reason: keptText(reason, REASON_MAX) }
  throw new InvalidArgumentError(`The reason is ${shown(reason)}.`, { hint: 'It is a text.' })
}

/** A task, whole; `undefined` if the store does not hold it. */
export function statusOf(id: TaskId, connection: Connection, codec?: Codec): Promise<TaskStatus | undefined> {
  return connection.operation(async () => {
    const [record] = await connection.read((store) => store.get([id]))
    if (record === undefined || record === null) return undefined
    return shownStatus(record, await connection.read((store) => store.now()), codec)
  })
}

function listRequest(options: ListOptions): ListRequest {
  checkMembers(options, LIST_MEMBERS, 'tasks.list')
  const { limit = 50, cursor, ...query } = options
  checkLimit(limit)
  if (cursor === undefined || typeof cursor === 'string')
    return { filter: filterOf(query), limit, cursor: cursor ?? null }
  throw new InvalidArgumentError(`The cursor is ${shown(cursor)}.`, {
    hint: 'Give `next` of an earlier page as it is, or no cursor to begin anew.',
  })
}

function checkLimit(limit: number): void {
  if (Number.isInteger(limit) && limit >= 1 && limit <= LIMITS.batchTasks) return
  throw new InvalidArgumentError(`limit is ${shown(limit)}.`, {
    hint: `It is a whole number from 1 to ${LIMITS.batchTasks}.`,
  })
}

function checkedPreview(preview: boolean): boolean {
  if (typeof preview === 'boolean') return preview
  throw new InvalidArgumentError(`preview is ${shown(preview)}.`, { hint: 'It is true or false.' })
}

function isList(target: TaskQuery | readonly TaskId[]): target is readonly TaskId[] {
  return Array.isArray(target)
}
