/**
 * BullMQ 6.7, on Redis (with ioredis, as in its guide) and on Postgres:
 * https://docs.bullmq.io/guide/workers/concurrency for many jobs at a time in one process,
 * https://docs.bullmq.io/guide/queues/auto-removal-of-jobs for not keeping what is done,
 * https://docs.bullmq.io/guide/queues/adding-bulks for bulks,
 * https://docs.bullmq.io/guide/postgresql for its backend on Postgres, its pool and its migrations.
 *
 * Locks, their renewal and the check for stalled jobs are on, as by default.
 */
import type { Item } from '../item.ts'
import type { Counts, Opened, Side, WorkOptions, Working } from '../side.ts'

const QUEUE = 'bench'

const configuration = 'keeps nothing of what is done (removeOnComplete)'

/** Of 5, 10, 25 and 50 none was faster for working with a concurrency of 100. */
const POOL_MAX = 25

/** Of 3, 5, 10, 20 and 40 the fastest for enqueueing on two cores; the default is 10. */
const PRODUCER_POOL_MAX = 5

const defaultJobOptions = { removeOnComplete: true }

export const bullmqSide: Side = {
  name: 'bullmq',
  durability: { redis: 'what Redis has synced: its append-only file, once a second' },
  configuration: `ioredis; ${configuration}`,
  documentation: 'https://docs.bullmq.io',
  async open(url) {
    const { Queue, Worker } = await import('bullmq')
    const { hostname, port, pathname } = new URL(url)
    const connection = { host: hostname, port: Number(port || 6_379), db: Number(pathname.slice(1)) }
    const queue = new Queue(QUEUE, { connection, defaultJobOptions })
    await queue.waitUntilReady()
    return new OpenedBull(
      queue,
      (name, process, concurrency) => new Worker(name, process, { connection, concurrency }),
    )
  },
}

export const bullmqPostgresSide: Side = {
  name: 'bullmq-postgres',
  durability: { postgres: 'every acknowledged task is synced to disk (synchronous_commit is on)' },
  configuration: `pools of ${PRODUCER_POOL_MAX} connections for producing and ${POOL_MAX} for working; ${configuration}`,
  documentation: 'https://docs.bullmq.io/guide/postgresql',
  async open(url) {
    const { createPostgresBackend, withBackend } = await import('bullmq')
    const { Queue, Worker } = withBackend(createPostgresBackend)
    const connection = { connectionString: url, max: POOL_MAX }
    const producing = { connectionString: url, max: PRODUCER_POOL_MAX, migrate: true }
    const queue = new Queue(QUEUE, { connection: producing, defaultJobOptions })
    await queue.waitUntilReady()
    return new OpenedBull(
      queue,
      (name, process, concurrency) => new Worker(name, process, { connection, concurrency }),
    )
  },
}

/** What is used of its queue, on whichever backend. */
interface BullQueue {
  add(name: string, data: Item): Promise<unknown>
  addBulk(jobs: { readonly name: string; readonly data: Item }[]): Promise<unknown>
  getJobCounts(): Promise<Readonly<Record<string, number>>>
  close(): Promise<void>
}

interface BullWorker {
  waitUntilReady(): Promise<unknown>
  close(): Promise<void>
}

type Process = (job: { readonly data: Item }) => Promise<void>

class OpenedBull implements Opened {
  readonly #queue: BullQueue
  readonly #newWorker: (name: string, process: Process, concurrency: number) => BullWorker

  constructor(
    queue: BullQueue,
    newWorker: (name: string, process: Process, concurrency: number) => BullWorker,
  ) {
    this.#queue = queue
    this.#newWorker = newWorker
  }

  enqueue(data: Item): Promise<unknown> {
    return this.#queue.add(QUEUE, data)
  }

  enqueueMany(items: readonly Item[]): Promise<unknown> {
    return this.#queue.addBulk(items.map((data) => ({ name: QUEUE, data })))
  }

  /** Its guide: all jobs of a bulk are added, or none. */
  readonly enqueueAll = (items: readonly Item[]): Promise<unknown> => this.enqueueMany(items)

  async work(handle: (item: Item) => void, { concurrency, queues = [QUEUE] }: WorkOptions): Promise<Working> {
    const process: Process = async ({ data }) => handle(data)
    const workers = queues.map((name) => this.#newWorker(name, process, concurrency))
    await Promise.all(workers.map((worker) => worker.waitUntilReady()))
    return {
      stop: async () => {
        await Promise.all(workers.map((worker) => worker.close()))
      },
    }
  }

  async counts(): Promise<Counts> {
    const { completed: _, ...counts } = await this.#queue.getJobCounts()
    const left = Object.values(counts).reduce((sum, count) => sum + count, 0)
    return { waiting: counts['waiting'] ?? 0, left, succeeded: null }
  }

  close(): Promise<void> {
    return this.#queue.close()
  }
}
