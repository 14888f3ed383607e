/** What `millrace top` reads of a store, and what two readings say together. */
import type { Mill, QueueControl, TaskListItem, WorkerStatus } from '@millrace/core'

type Queue = Awaited<ReturnType<QueueControl['list']>>[number]

export interface Reading {
  /** When it was made, by the clock on the wall. */
  readonly at: number
  /** The same by a clock that never jumps, in milliseconds. */
  readonly atMs: number
  readonly queues: readonly Queue[]
  readonly workers: readonly WorkerStatus[]
  /** The newest first. */
  readonly failures: readonly TaskListItem[]
}

/** Tasks per second. */
export interface Rate {
  /** That were enqueued. */
  readonly in: number
  /** That came to their end. */
  readonly out: number
}

export type Rates = ReadonlyMap<string, Rate>

/** So many failures are read: more than a screen has room for. */
const FAILURES_MAX = 20

export async function readStore(mill: Mill): Promise<Reading> {
  const [queues, workers, { tasks: failures }] = await Promise.all([
    mill.queues.list(),
    mill.workers.list(),
    mill.tasks.list({ state: ['failed'], limit: FAILURES_MAX }),
  ])
  return { at: Date.now(), atMs: performance.now(), queues, workers, failures }
}

/**
 * How fast each queue goes, by its counts. Where tasks have vanished meanwhile (retention forgets them every minute, somebody
 * removes some) they say nothing: the rate is what it was.
 *
 * @param known the rates until then
 */
export function ratesBetween(before: Reading, now: Reading, known: Rates): Rates {
  const seconds = (now.atMs - before.atMs) / 1_000
  const earlier = new Map(before.queues.map((queue) => [queue.queue, queue]))
  const rates = new Map<string, Rate>()
  for (const queue of now.queues) {
    const past = earlier.get(queue.queue)
    const all = totalOf(queue) - (past === undefined ? 0 : totalOf(past))
    const ended = endedOf(queue) - (past === undefined ? 0 : endedOf(past))
    if (all >= 0 && ended >= 0 && seconds > 0) {
      rates.set(queue.queue, { in: all / seconds, out: ended / seconds })
    } else {
      const rate = known.get(queue.queue)
      if (rate !== undefined) rates.set(queue.queue, rate)
    }
  }
  return rates
}

function totalOf({ counts }: Queue): number {
  return Object.values<number>({ ...counts }).reduce((total, count) => total + count, 0)
}

function endedOf({ counts: { succeeded, failed, cancelled } }: Queue): number {
  return succeeded + failed + cancelled
}
