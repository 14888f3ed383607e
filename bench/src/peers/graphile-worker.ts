/**
 * graphile-worker 0.18 on Postgres, set up as its page on performance has it for throughput (a local queue of 500
 * jobs, ends written in batches without delay), with the delay that its page on configuration has for local queues:
 * https://worker.graphile.org/docs/performance
 * https://worker.graphile.org/docs/config#workerlocalqueue
 * https://worker.graphile.org/docs/library/add-job for jobs and bulks of them.
 *
 * It deletes what is done.
 */
import type { Runner, WorkerUtils } from 'graphile-worker'
import type { Item } from '../item.ts'
import type { Counts, Opened, Side, WorkOptions, Working } from '../side.ts'

const TASK = 'bench'

/** Its page on performance has one connection more than jobs at a time, of which it runs 24. */
const POOL_MAX = 25

/** Of 3, 5, 10, 20, 25, 40, 50 and 100 the fastest for enqueueing on two cores; the default is 10. */
const PRODUCER_POOL_MAX = 5

/** As on that page. */
const ends = { completeJobBatchDelay: 0, failJobBatchDelay: 0 } as const
const LOCAL_QUEUE = 500

/**
 * Where producer and worker run at once, its delay between short fetches doubles what they get done (W4: from 780
 * to 1 490 tasks a second); without a local queue a job starts soonest (W5, p50 and p99: 1.9 and 15 ms, with it
 * 2.6 and 58).
 */
const batching = {
  throughput: {
    ...ends,
    localQueue: {
      size: LOCAL_QUEUE,
      refetchDelay: { durationMs: 100, threshold: LOCAL_QUEUE - 1, maxAbortThreshold: Infinity },
    },
  },
  latency: { ...ends, localQueue: { size: -1 } },
} as const

export const graphileWorkerSide: Side = {
  name: 'graphile-worker',
  durability: { postgres: 'every acknowledged task is synced to disk (synchronous_commit is on)' },
  configuration: `a local queue of ${LOCAL_QUEUE} with a delay between short fetches (none for latency), ends in batches without delay, a pool of ${POOL_MAX} connections for working, of ${PRODUCER_POOL_MAX} for producing`,
  documentation: 'https://worker.graphile.org/docs/performance',
  async open(url, aim = 'throughput') {
    const { Logger, makeWorkerUtils, run } = await import('graphile-worker')
    const logger = new Logger(() => (level, message) => {
      if (level === 'error') console.error(message)
    })
    const worker = { connectionString: url, maxPoolSize: POOL_MAX, logger, ...batching[aim] }
    const utils = await makeWorkerUtils({
      preset: { worker: { ...worker, maxPoolSize: PRODUCER_POOL_MAX } },
    })
    await utils.migrate()
    const start: Start = (handle, concurrentJobs, names) =>
      run({
        preset: { worker: { ...worker, concurrentJobs } },
        noHandleSignals: true,
        taskList: Object.fromEntries(names.map((name) => [name, (payload) => handle(payload as Item)])),
      })
    return new OpenedGraphile(utils, start)
  },
}

type Start = (
  handle: (item: Item) => void,
  concurrentJobs: number,
  names: readonly string[],
) => Promise<Runner>

class OpenedGraphile implements Opened {
  readonly #utils: WorkerUtils
  readonly #start: Start

  constructor(utils: WorkerUtils, start: Start) {
    this.#utils = utils
    this.#start = start
  }

  enqueue(item: Item): Promise<unknown> {
    return this.#utils.addJob(TASK, item)
  }

  enqueueMany(items: readonly Item[]): Promise<unknown> {
    return this.#utils.addJobs(items.map((payload) => ({ identifier: TASK, payload })))
  }

  /** Its bulks are all or nothing in any case. */
  readonly enqueueAll = (items: readonly Item[]): Promise<unknown> => this.enqueueMany(items)

  /** Its named queues run one job at a time; what others call a queue is a task to it. */
  async work(handle: (item: Item) => void, { concurrency, queues = [TASK] }: WorkOptions): Promise<Working> {
    const runner = await this.#start(handle, concurrency, queues)
    return { stop: () => runner.stop() }
  }

  async counts(): Promise<Counts> {
    const sql =
      'select count(*)::int as left, count(*) filter (where locked_at is null and attempts = 0)::int as waiting from graphile_worker.jobs'
    return this.#utils.withPgClient(async (client) => {
      const { rows } = await client.query<Omit<Counts, 'succeeded'>>(sql)
      return { ...rows[0]!, succeeded: null }
    })
  }

  async close(): Promise<void> {
    await this.#utils.release()
  }
}
