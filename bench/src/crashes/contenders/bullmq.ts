/**
 * BullMQ on Redis and on Postgres; its locks, their renewal and its checks for stalled jobs as by default: the numbers
 * are those of its WorkerOptions, https://api.docs.bullmq.io/interfaces/v5.WorkerOptions.html and the declarations of
 * the installed version.
 */
import { CONCURRENCY, type Contender, type Fate, type Opened } from '../contender.ts'
import type { CrashTask } from '../task.ts'

const QUEUE = 'crashes'
const LOCK_MS = 30_000

const documentation = 'https://docs.bullmq.io/guide/workers/stalled-jobs'
const defaults =
  'lockDuration 30 s, renewed every 15 s by a timer of the worker; stalledInterval 30 s; maxStalledCount 1: a job that stalls a second time fails'

export const bullmqContender: Contender = {
  name: 'bullmq',
  package: 'bullmq',
  engines: ['redis'],
  defaults,
  documentation,
  leaseMs: LOCK_MS,
  tellsAccepted: true,
  isTuned: false,
  async open(url) {
    const { Queue, Worker } = await import('bullmq')
    const { hostname, port } = new URL(url)
    const connection = { host: hostname, port: Number(port) }
    const queue = new Queue<CrashTask>(QUEUE, { connection })
    await queue.waitUntilReady()
    return new OpenedBull(
      queue,
      (process) => new Worker(QUEUE, process, { connection, concurrency: CONCURRENCY }),
    )
  },
}

export const bullmqPostgresContender: Contender = {
  name: 'bullmq-postgres',
  package: 'bullmq',
  engines: ['postgres'],
  defaults: `the same on its Postgres backend: ${defaults}`,
  documentation,
  leaseMs: LOCK_MS,
  tellsAccepted: true,
  isTuned: false,
  async open(url) {
    const { createPostgresBackend, withBackend } = await import('bullmq')
    const { Queue, Worker } = withBackend(createPostgresBackend)
    const connection = { connectionString: url }
    const queue = new Queue<CrashTask>(QUEUE, { connection: { ...connection, migrate: true } })
    await queue.waitUntilReady()
    return new OpenedBull(
      queue,
      (process) => new Worker(QUEUE, process, { connection, concurrency: CONCURRENCY }),
    )
  },
}

interface Job {
  readonly data: CrashTask
}

type Process = (job: Job) => Promise<void>

/** What is used of it, on whichever backend. */
interface BullQueue {
  addBulk(jobs: { readonly name: string; readonly data: CrashTask }[]): Promise<unknown>
  getJobs(types: ('completed' | 'failed')[], start: number, end: number): Promise<readonly Job[]>
  close(): Promise<void>
}

interface BullWorker {
  waitUntilReady(): Promise<unknown>
  on(event: 'completed', listener: (job: Job) => void): unknown
  on(event: 'error', listener: (error: Error) => void): unknown
}

class OpenedBull implements Opened {
  readonly #queue: BullQueue
  readonly #newWorker: (process: Process) => BullWorker

  constructor(queue: BullQueue, newWorker: (process: Process) => BullWorker) {
    this.#queue = queue
    this.#newWorker = newWorker
  }

  async enqueue(tasks: readonly CrashTask[]): Promise<void> {
    await this.#queue.addBulk(tasks.map((data) => ({ name: QUEUE, data })))
  }

  async work(accepted: (n: number) => void): Promise<void> {
    const { run } = await import('../task.ts')
    const worker = this.#newWorker(({ data }) => run(data))
    worker.on('completed', ({ data }) => accepted(data.n))
    worker.on('error', console.error)
    await worker.waitUntilReady()
  }

  async ended(): Promise<ReadonlyMap<number, Fate>> {
    const succeeded = await this.#queue.getJobs(['completed'], 0, -1)
    const failed = await this.#queue.getJobs(['failed'], 0, -1)
    return new Map<number, Fate>([
      ...succeeded.map(({ data }) => [data.n, 'succeeded'] as const),
      ...failed.map(({ data }) => [data.n, 'failed'] as const),
    ])
  }

  close(): Promise<void> {
    return this.#queue.close()
  }
}
