/** What is left of a task that was removed: its id is remembered for a while. */
import type { FinalState, TaskId } from '../records.ts'
import type { Home, Pass } from './home.ts'
import type { Mark, Task } from './task.ts'
import type { Entry } from './schedule.ts'

/** How long after its task was enqueued an id that a client drew is remembered: nobody repeats it later. */
const CLIENT_ID_MS = 15 * 60_000
/** How long after its task was removed an id that a user gave is remembered. */
const USER_ID_MS = 24 * 3_600_000

export interface Tombstone {
  readonly id: TaskId
  readonly digest: string
  readonly state: FinalState
  /** The command that removed the task, if one did. */
  readonly mark: Mark | null
  readonly endsAt: number
}

/** Remembers a task that goes now. */
export function bury({ home, now }: Pass, task: Task, last: Pick<Tombstone, 'state' | 'mark'>): void {
  const { id, digest, idMadeBy } = task.spec
  const endsAt = idMadeBy === 'user' ? now + USER_ID_MS : task.enqueuedAt + CLIENT_ID_MS
  if (endsAt <= now) return
  const tombstone: Tombstone = { id, digest, ...last, endsAt }
  home.tombstones.set(id, tombstone)
  home.tombstoneEnds.add(endsAt, task.seq, tombstone)
}

/** The tombstone of a task, while its time lasts. */
export function tombstoneOf({ home, now }: Pass, id: TaskId): Tombstone | undefined {
  const tombstone = home.tombstones.get(id)
  return tombstone !== undefined && tombstone.endsAt > now ? tombstone : undefined
}

/** The first tombstone whose time is over. */
export function firstToForget({ home, now }: Pass): Entry<Tombstone> | undefined {
  const first = home.tombstoneEnds.first()
  return first !== undefined && first.at <= now ? first : undefined
}

export function forget(home: Home, entry: Entry<Tombstone>): void {
  home.tombstoneEnds.remove(entry)
  const { id } = entry.item
  // the id may have been enqueued and removed once more since
  if (home.tombstones.get(id) === entry.item) home.tombstones.delete(id)
}
