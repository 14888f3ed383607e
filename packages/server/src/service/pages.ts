/**
 * Pages of tasks: what answers with many. So many are made at a time, no faster than who asks for them may be sent bytes, and
 * none is longer than it has to be: a page may be short, and says where the next one begins.
 */
import type { ServerParts } from '../parts.ts'

/** A page is full when it has so many bytes, or a few more. */
const PAGE_BYTES = 524_288
/** Asked for at first, while it is not known how large they are. */
const FIRST = 50
/** A byte of a page takes as much time to make as so many that are only sent. */
const MAKING = 6
/** What a task takes beside what users put into it. */
const TASK_BYTES = 400

export interface Page<T> {
  readonly tasks: readonly T[]
  readonly next?: string | null | undefined
}

interface PagePlan<T> {
  readonly limit: number
  readonly cursor: string | null
  /** What of it whoever asks may see. Others do not make a page shorter: that would tell of them. */
  readonly isSeen?: ((task: T) => boolean) | undefined
  readonly read: (limit: number, cursor: string | null) => Promise<Page<T>>
}

/** Reads so many, or fewer if they are large. */
export async function fittingPage<T>({
  limit,
  cursor,
  isSeen = () => true,
  read,
}: PagePlan<T>): Promise<Page<T>> {
  const tasks: T[] = []
  let next = cursor
  let bytes = 0
  for (;;) {
    const rest = limit - tasks.length
    const each = tasks.length === 0 ? PAGE_BYTES / FIRST : Math.max(1, bytes / tasks.length)
    const most = Math.max(1, Math.ceil((PAGE_BYTES - bytes) / each))
    const part = await read(Math.min(rest, most), next)
    tasks.push(...part.tasks)
    next = part.next ?? null
    for (const task of part.tasks) if (isSeen(task)) bytes += TASK_BYTES + lengthOf(task)
    const isWhole = next === null || tasks.length >= limit || bytes >= PAGE_BYTES
    // a store may answer less than it was asked for, and that is for whoever asks to go on with
    if (isWhole || part.tasks.length < Math.min(rest, most)) return { tasks, next }
  }
}

/** Of all texts in it. */
function lengthOf(value: unknown): number {
  if (typeof value === 'string') return value.length
  if (value instanceof Uint8Array) return value.length
  if (typeof value !== 'object' || value === null) return 0
  let length = 0
  for (const one of Object.values(value)) length += lengthOf(one)
  return length
}

/** Makes a page when it is its caller's turn. */
export async function inTurn<T>(
  { pages, traffic }: Pick<ServerParts, 'pages' | 'traffic'>,
  caller: string,
  make: () => Promise<T>,
): Promise<T> {
  if (pages === undefined) return make()
  return pages.run(async () => {
    await traffic?.turn(caller)
    const made = await make()
    traffic?.took(caller, lengthOf(made) * MAKING)
    // it is written next, which takes about as long: between the two others are served
    await new Promise((resolve) => void setImmediate(resolve))
    return made
  }, caller)
}
