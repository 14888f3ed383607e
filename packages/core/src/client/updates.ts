/** What happens to one task, for whoever follows it: its states, its progress and its log lines, as looks at it find them. */
import { NotFoundError } from '../task/errors.ts'
import { checkMembers, type Members } from '../task/members.ts'
import {
  LOG_ENTRIES_MAX,
  type LogEntry,
  type Progress,
  type TaskId,
  type TaskRecord,
} from '../store/records.ts'
import { shownItem, type ShownState } from './status.ts'
import { checkedSignal, isFinal } from './waits.ts'
import type { Connection } from './connection.ts'
import type { Readers } from './readers.ts'

/** What `handle.updates` tells of: another state, progress, or a line that its handler logged. */
export type TaskUpdate =
  /** Also when it is tried again in the same state. */
  | { readonly type: 'state'; readonly state: ShownState; readonly attempt: number }
  | ({ readonly type: 'progress' } & Progress)
  | ({ readonly type: 'log' } & LogEntry)

/** Until when `handle.updates` follows its task, beside the task's end. */
export interface UpdatesOptions {
  /** Ends the iterator: what it was aborted with is thrown. */
  readonly signal?: AbortSignal | undefined
}

const UPDATES_MEMBERS: Members<UpdatesOptions> = { signal: true }

/** @throws InvalidArgumentError */
export function checkUpdates(options: UpdatesOptions): UpdatesOptions {
  checkMembers(options, UPDATES_MEMBERS, 'updates')
  return { signal: checkedSignal(options.signal) }
}

export interface UpdatesParts {
  readonly connection: Connection
  readonly readers: Readers
}

/** @throws NotFoundError, StoreError, what the signal was aborted with */
export async function* updatesOf(
  id: TaskId,
  { connection, readers }: UpdatesParts,
  { signal }: UpdatesOptions,
): AsyncGenerator<TaskUpdate, void, undefined> {
  using reader = readers.open(signal)
  let before: Seen | undefined
  while (!reader.ended) {
    const seen = await reader.look(() => lookAt(id, connection))
    const updates = updatesBetween(before, seen)
    yield* updates
    if (isFinal(seen.record.state)) return
    before = seen
    await reader.rest(updates.length > 0)
  }
  signal?.throwIfAborted()
}

interface Seen {
  readonly record: TaskRecord
  readonly state: ShownState
  readonly attempt: number
}

async function lookAt(id: TaskId, connection: Connection): Promise<Seen> {
  const [record] = await connection.read((store) => store.get([id]))
  if (record === undefined || record === null) throw new NotFoundError(`The store holds no task ${id}.`)
  const now = record.state === 'pending' ? await connection.read((store) => store.now()) : 0
  const { state, attempt } = shownItem(record, now)
  return { record, state, attempt }
}

/** What is new, in the order in which it may have happened: what a task did, then what became of it. */
function updatesBetween(before: Seen | undefined, { record, state, attempt }: Seen): readonly TaskUpdate[] {
  const news: TaskUpdate[] = newLogs(before?.record.logs ?? [], record.logs).map((entry) => {
    return { type: 'log', ...entry }
  })
  const { progress } = record
  const known = before?.record.progress ?? null
  if (progress !== null && !(known?.fraction === progress.fraction && known.message === progress.message))
    news.unshift({ type: 'progress', ...progress })
  const isSame = before?.state === state && before.attempt === attempt
  const update: TaskUpdate = { type: 'state', state, attempt }
  if (isSame) return news
  return state === 'running' ? [update, ...news] : [...news, update]
}

/**
 * The lines behind those that were seen. A store keeps the newest of them: of what came and went between two looks
 * nothing is told.
 */
function newLogs(seen: readonly LogEntry[], logs: readonly LogEntry[]): readonly LogEntry[] {
  if (logs.length < LOG_ENTRIES_MAX) return logs.slice(seen.length)
  for (let shared = Math.min(seen.length, logs.length); shared > 0; shared--) {
    const tail = seen.slice(seen.length - shared)
    if (tail.every((entry, index) => isSameLine(entry, logs[index]!))) return logs.slice(shared)
  }
  return logs
}

function isSameLine(one: LogEntry, other: LogEntry): boolean {
  return (
    one.at === other.at &&
    one.level === other.level &&
    one.message === other.message &&
    one.data === other.data
  )
}
