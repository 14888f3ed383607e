/**
 * bee-queue 2.0 on Redis:
 * https://github.com/bee-queue/bee-queue#optimizing-redis-connections for the settings that make it fast: producers
 * do not work, nobody sends or receives events, no job is kept in memory,
 * https://github.com/bee-queue/bee-queue#settings for removeOnSuccess,
 * https://github.com/bee-queue/bee-queue#advanced-bulk-creating-jobs for bulks,
 * https://github.com/bee-queue/bee-queue#stalling-jobs for the check without which a job is lost with its process.
 */
import type Queue from 'bee-queue'
import type { Item } from '../item.ts'
import type { Counts, Opened, Side, WorkOptions, Working } from '../side.ts'

const QUEUE = 'bench'

/** As its documentation has it. */
const STALL_CHECK_MS = 5_000

const quiet = { getEvents: false, sendEvents: false, storeJobs: false } as const

export const beeQueueSide: Side = {
  name: 'bee-queue',
  durability: { redis: 'what Redis has synced: its append-only file, once a second' },
  configuration:
    'no events, no jobs kept in memory, keeps nothing of what is done (removeOnSuccess), looks for stalled jobs every 5 s',
  documentation: 'https://github.com/bee-queue/bee-queue#optimizing-redis-connections',
  async open(url) {
    const { default: BeeQueue } = await import('bee-queue')
    const redis = { url }
    const producer = new BeeQueue<Item>(QUEUE, { redis, ...quiet, isWorker: false })
    await producer.ready()
    const newWorker = (name: string): Queue<Item> =>
      new BeeQueue<Item>(name, { redis, ...quiet, removeOnSuccess: true })
    return new OpenedBee(producer, newWorker)
  },
}

class OpenedBee implements Opened {
  readonly #producer: Queue<Item>
  readonly #newWorker: (name: string) => Queue<Item>

  constructor(producer: Queue<Item>, newWorker: (name: string) => Queue<Item>) {
    this.#producer = producer
    this.#newWorker = newWorker
  }

  enqueue(item: Item): Promise<unknown> {
    return this.#producer.createJob(item).save()
  }

  async enqueueMany(items: readonly Item[]): Promise<void> {
    const failed = await this.#producer.saveAll(items.map((item) => this.#producer.createJob(item)))
    for (const error of failed.values()) throw error
  }

  async work(handle: (item: Item) => void, { concurrency, queues = [QUEUE] }: WorkOptions): Promise<Working> {
    const workers = queues.map((name) => this.#newWorker(name))
    await Promise.all(workers.map((worker) => worker.ready()))
    for (const worker of workers) {
      worker.process<void>(concurrency, async ({ data }) => handle(data))
      await worker.checkStalledJobs(STALL_CHECK_MS)
    }
    return {
      stop: async () => {
        await Promise.all(workers.map((worker) => worker.close()))
      },
    }
  }

  async counts(): Promise<Counts> {
    const { waiting, active, failed, delayed } = await this.#producer.checkHealth()
    return { waiting, left: waiting + active + failed + delayed, succeeded: null }
  }

  close(): Promise<void> {
    return this.#producer.close()
  }
}
