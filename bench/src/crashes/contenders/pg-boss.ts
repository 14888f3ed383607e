/** pg-boss on Postgres; its queue's expiration, retries and heartbeats as by default. */
import { run, type CrashTask } from '../task.ts'
import { CONCURRENCY, type Contender, type Fate, type Opened } from '../contender.ts'
import type { PgBoss } from 'pg-boss'

const QUEUE = 'crashes'

/** The shortest that it accepts; by default a thousand short tasks would take it a minute and a half without any crash. */
const POLL_SECONDS = 0.5

export const pgBossContender: Contender = {
  name: 'pg-boss',
  package: 'pg-boss',
  engines: ['postgres'],
  defaults:
    'expireInSeconds 15 min: how long a job may be active before it is retried or failed, looked at once a minute; heartbeatSeconds off; retryLimit 2. Set: pollingIntervalSeconds 0.5',
  documentation: 'https://timgit.github.io/pg-boss/#/./api/queues',
  leaseMs: null,
  tellsAccepted: false,
  isTuned: false,
  async open(connectionString) {
    const { PgBoss } = await import('pg-boss')
    const boss = new PgBoss({ connectionString })
    boss.on('error', () => undefined)
    await boss.start()
    await boss.createQueue(QUEUE)
    return new OpenedBoss(boss)
  },
}

class OpenedBoss implements Opened {
  readonly #boss: PgBoss

  constructor(boss: PgBoss) {
    this.#boss = boss
  }

  async enqueue(tasks: readonly CrashTask[]): Promise<void> {
    await this.#boss.insert(
      QUEUE,
      tasks.map((data) => ({ data })),
    )
  }

  /** It has no event for an outcome that stands. */
  async work(): Promise<void> {
    const options = { localConcurrency: CONCURRENCY, pollingIntervalSeconds: POLL_SECONDS }
    await this.#boss.work<CrashTask>(QUEUE, options, async (jobs) => {
      for (const { data } of jobs) await run(data)
    })
  }

  async ended(): Promise<ReadonlyMap<number, Fate>> {
    const sql =
      "select (data->>'n')::int as n, state from pgboss.job where name = $1 and state in ('completed', 'failed')"
    const { rows } = (await this.#boss.getDb().executeSql(sql, [QUEUE])) as {
      readonly rows: readonly { readonly n: number; readonly state: string }[]
    }
    return new Map(rows.map(({ n, state }) => [n, state === 'failed' ? 'failed' : 'succeeded']))
  }

  close(): Promise<void> {
    return this.#boss.stop({ graceful: false })
  }
}
