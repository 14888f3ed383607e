/** `mill.events`: how tasks of the whole store end, whoever ran them. */
import { InvalidArgumentError } from '../task/errors.ts'
import { checkMembers, type Members } from '../task/members.ts'
import { shown } from '../task/shown.ts'
import { LIMITS } from '../task/limits.ts'
import { FINAL_STATES, type FinalState, type TaskSummary } from '../store/records.ts'
import type { ListAnswer, ListRequest } from '../store/inspection.ts'
import { checkedSignal } from './waits.ts'
import { shownItem, type TaskListItem } from './status.ts'
import type { Connection } from './connection.ts'
import type { Reader, Readers } from './readers.ts'

/** How a task ended, as the name of an event. */
export type TaskEventType = `task.${FinalState}`

/** A task has ended. */
export interface TaskEvent<Type extends TaskEventType = TaskEventType> {
  readonly type: Type
  /** When it ended, in milliseconds since 1970 by the store's clock. */
  readonly at: number
  readonly task: TaskListItem
}

/** The reader did not keep up: at least so many events before the next one are left out. */
export interface GapEvent {
  readonly type: 'gap'
  readonly missed: number
}

/** An event of one of these types, or a gap. */
export type MillEvent<Type extends TaskEventType = TaskEventType> =
  | GapEvent
  | { readonly [K in Type]: TaskEvent<K> }[Type]

/** Which events `mill.events` tells of, and until when. */
export interface EventsOptions<Type extends TaskEventType = TaskEventType> {
  /** Default: all. */
  readonly types?: readonly Type[] | undefined
  /** Ends the iterator: what it was aborted with is thrown. */
  readonly signal?: AbortSignal | undefined
}

const EVENTS_MEMBERS: Members<EventsOptions> = { types: true, signal: true }
const TYPES: readonly TaskEventType[] = FINAL_STATES.map((state) => `task.${state}` as const)

/** So many events wait for a reader; of what happened before those it is only told how many they were. */
const KEPT_MAX = 1_000
/** How many pages a look counts what is left out on, until it only says that there was more. */
const PAGES_MAX = 10
/** An end may be seen after another one that came a little later: how far back each look goes. */
const OVERLAP_MS = 1_000
/** Each look reads that much again, so that it comes less often than others. */
const REST_MS = 250

/** @throws InvalidArgumentError */
export function checkEvents<Type extends TaskEventType>(options: EventsOptions<Type>): EventsOptions<Type> {
  checkMembers(options, EVENTS_MEMBERS, 'events')
  const { types = TYPES as readonly Type[], signal } = options
  const isList: boolean = Array.isArray(types)
  if (!isList || types.length === 0) throw strangeTypes(`types is ${shown(types)}.`)
  const strange = types.find((type) => !TYPES.includes(type))
  if (strange !== undefined) throw strangeTypes(`There are no events of the type ${shown(strange)}.`)
  return { types, signal: checkedSignal(signal) }
}

function strangeTypes(message: string): InvalidArgumentError {
  return new InvalidArgumentError(message, {
    hint: `types is a list of some of ${TYPES.join(', ')}. What a worker does is told by worker.on.`,
  })
}

interface EventsParts {
  readonly connection: Connection
  readonly readers: Readers
}

/** @throws StoreError, what the signal was aborted with */
export async function* eventsOf<Type extends TaskEventType>(
  { connection, readers }: EventsParts,
  { types = [], signal }: EventsOptions<Type>,
): AsyncGenerator<MillEvent<Type>, void, undefined> {
  using reader: Reader = readers.open(signal, REST_MS)
  const states = types.map((type) => type.slice('task.'.length) as FinalState)
  const from = await reader.look(() => connection.read((store) => store.now()))
  const ends = new Ends(connection, { states, from })
  while (!reader.ended) {
    const { ended, missed } = await reader.look(() => ends.look())
    if (missed > 0) yield { type: 'gap', missed }
    for (const task of ended) yield eventOf(task) as MillEvent<Type>
    await reader.rest(ended.length > 0)
  }
  signal?.throwIfAborted()
}

function eventOf(task: TaskSummary): TaskEvent {
  const at = task.finishedAt!
  return { type: `task.${task.state as FinalState}`, at, task: shownItem(task, at) }
}

/** What ended between one look and the next. */
class Ends {
  readonly #connection: Connection
  readonly #states: readonly FinalState[]
  readonly #from: number
  /** The latest end that was seen. */
  #latest: number
  /** Those that were seen and may be met again, with the time of their end. */
  #seen = new Map<string, number>()

  constructor(connection: Connection, { states, from }: { states: readonly FinalState[]; from: number }) {
    this.#connection = connection
    this.#states = states
    this.#from = from
    this.#latest = from
  }

  /** Oldest first: the newest of those that are new, and how many are left out. */
  async look(): Promise<{ readonly ended: readonly TaskSummary[]; readonly missed: number }> {
    const endedSince = Math.max(this.#from, this.#latest - OVERLAP_MS)
    const ended: TaskSummary[] = []
    let missed = 0
    let cursor: string | null = null
    // behind a page on which nothing is new there is nothing new either: it was told of, or counted, before
    let isNewHere = false
    for (let pages = 0; pages < PAGES_MAX; pages++) {
      const filter = { states: this.#states }
      const request: ListRequest = { filter, limit: LIMITS.batchTasks, cursor, endedSince }
      const page: ListAnswer = await this.#connection.read((store) => store.list(request))
      isNewHere = false
      for (const task of page.tasks) {
        if (!this.#isNew(task, endedSince)) continue
        isNewHere = true
        if (ended.length < KEPT_MAX) ended.push(task)
        else missed += 1
      }
      cursor = page.next
      if (cursor === null) break
    }
    if (cursor !== null && isNewHere) missed += 1
    this.#forget()
    return { ended: ended.reverse(), missed }
  }

  #isNew({ id, epoch, finishedAt }: TaskSummary, endedSince: number): boolean {
    const at = finishedAt!
    const key = `${id} ${epoch} ${at}`
    if (at < endedSince || this.#seen.has(key)) return false
    this.#seen.set(key, at)
    this.#latest = Math.max(this.#latest, at)
    return true
  }

  /** What no look meets again. */
  #forget(): void {
    for (const [key, at] of this.#seen) if (at < this.#latest - OVERLAP_MS) this.#seen.delete(key)
  }
}
