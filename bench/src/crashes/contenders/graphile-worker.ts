/** graphile-worker on Postgres, its defaults but for the concurrency; a pool large enough for it, as its page on performance has it. */
import { run, type CrashTask } from '../task.ts'
import { CONCURRENCY, type Contender, type Fate, type Opened } from '../contender.ts'
import type { RunnerOptions, WorkerUtils } from 'graphile-worker'
import type { Pool } from 'pg'

const TASK = 'crashes'

export const graphileWorkerContender: Contender = {
  name: 'graphile-worker',
  package: 'graphile-worker',
  engines: ['postgres'],
  defaults:
    'jobs of a process that was killed stay locked for at least 4 hours, not configurable, swept every 8 to 10 minutes (Worker Pro has heartbeats); 25 attempts. Set: maxPoolSize 11',
  documentation: 'https://worker.graphile.org/docs/error-handling#instantaneous-exit',
  leaseMs: null,
  tellsAccepted: true,
  isTuned: false,
  async open(connectionString) {
    const { Logger, makeWorkerUtils } = await import('graphile-worker')
    const { Pool } = await import('pg')
    const logger = new Logger(() => (level, message) => {
      if (level === 'error') console.error(message)
    })
    // its own pool would end the process when the database of a trial goes before the last connection has
    const pool = new Pool({ connectionString })
    pool.on('error', () => undefined)
    pool.on('connect', (client) => client.on('error', () => undefined))
    const utils = await makeWorkerUtils({ pgPool: pool, logger })
    await utils.migrate()
    return new OpenedGraphile(utils, pool, { connectionString, logger })
  },
}

class OpenedGraphile implements Opened {
  readonly #utils: WorkerUtils
  readonly #pool: Pool
  readonly #options: RunnerOptions
  readonly #enqueued = new Set<number>()

  constructor(utils: WorkerUtils, pool: Pool, options: RunnerOptions) {
    this.#utils = utils
    this.#pool = pool
    this.#options = options
  }

  async enqueue(tasks: readonly CrashTask[]): Promise<void> {
    const specs = tasks.map((payload) => ({ identifier: TASK, payload, jobKey: String(payload.n) }))
    await this.#utils.addJobs(specs)
    for (const { n } of tasks) this.#enqueued.add(n)
  }

  async work(accepted: (n: number) => void): Promise<void> {
    const graphile = await import('graphile-worker')
    const runner = await graphile.run({
      ...this.#options,
      concurrency: CONCURRENCY,
      maxPoolSize: CONCURRENCY + 1,
      taskList: { [TASK]: (payload) => run(payload as CrashTask) },
    })
    runner.events.on('job:complete', ({ job, error }) => {
      if (error === null || error === undefined) accepted((job.payload as CrashTask).n)
    })
  }

  /** It deletes what has succeeded. */
  async ended(): Promise<ReadonlyMap<number, Fate>> {
    const sql =
      'select key, locked_at is null and attempts >= max_attempts as failed from graphile_worker.jobs'
    const { rows } = await this.#utils.withPgClient((client) =>
      client.query<{ readonly key: string; readonly failed: boolean }>(sql),
    )
    const ended = new Map<number, Fate>([...this.#enqueued].map((n) => [n, 'succeeded']))
    for (const { key, failed } of rows) {
      if (failed) ended.set(Number(key), 'failed')
      else ended.delete(Number(key))
    }
    return ended
  }

  async close(): Promise<void> {
    await this.#utils.release()
    await this.#pool.end()
  }
}
