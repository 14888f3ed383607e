/**
 * pg-boss 12.30 on Postgres (newer ones need a package that could not be installed when this was written):
 * https://timgit.github.io/pg-boss/#/./api/workers for batchSize, localConcurrency and burstWhenBatchFull,
 * https://timgit.github.io/pg-boss/#/./api/constructor for useListenNotify, without which a job waits for the next
 * look, half a second later at best; https://timgit.github.io/pg-boss/#/./api/queues for a queue's notify,
 * https://timgit.github.io/pg-boss/#/./api/jobs for insert, its bulks.
 */
import type { PgBoss } from 'pg-boss'
import type { Item } from '../item.ts'
import type { Counts, Opened, Side, WorkOptions, Working } from '../side.ts'

const QUEUE = 'bench'

/** For enqueueing on two cores: 2 600 jobs a second with 5, 2 900 with 10, the default, and 3 100 with 20. */
const POOL_MAX = 20

/**
 * Of 100 to 2 000 jobs in one to four loops the fastest: 46 000 to 52 000 jobs a second, where one loop with as
 * many jobs as may run at a time, 100, did 28 000 to 30 000. A batch is one call of its handler.
 */
const BATCH = 500
const LOOPS = 4 // one for latency: a NOTIFY wakes them all

/** The shortest that it accepts. */
const POLL_SECONDS = 0.5

export const pgBossSide: Side = {
  name: 'pg-boss',
  durability: { postgres: 'every acknowledged task is synced to disk (synchronous_commit is on)' },
  configuration: `${LOOPS} loops with batches of ${BATCH}, at once again while they come full; woken by NOTIFY for latency only, as it halves what can be enqueued; a pool of ${POOL_MAX} connections`,
  documentation: 'https://timgit.github.io/pg-boss/#/./api/workers',
  async open(url, aim = 'throughput') {
    const { PgBoss } = await import('pg-boss')
    const notify = aim === 'latency'
    const boss = new PgBoss({
      connectionString: url,
      max: POOL_MAX,
      useListenNotify: notify,
      schedule: false,
    })
    boss.on('error', console.error)
    await boss.start()
    await boss.createQueue(QUEUE, { notify })
    return new OpenedBoss(boss, notify ? 1 : LOOPS)
  },
}

class OpenedBoss implements Opened {
  readonly #boss: PgBoss
  readonly #loops: number

  constructor(boss: PgBoss, loops: number) {
    this.#boss = boss
    this.#loops = loops
  }

  enqueue(item: Item): Promise<unknown> {
    return this.#boss.send(QUEUE, item)
  }

  enqueueMany(items: readonly Item[]): Promise<unknown> {
    return this.#boss.insert(
      QUEUE,
      items.map((data) => ({ data })),
    )
  }

  /** Its bulks are all or nothing in any case. */
  readonly enqueueAll = (items: readonly Item[]): Promise<unknown> => this.enqueueMany(items)

  async work(handle: (item: Item) => void, { queues = [QUEUE] }: WorkOptions): Promise<Working> {
    const options = {
      batchSize: BATCH,
      localConcurrency: this.#loops,
      burstWhenBatchFull: true,
      pollingIntervalSeconds: POLL_SECONDS,
    }
    for (const name of queues) {
      if (name !== QUEUE) await this.#boss.createQueue(name)
      await this.#boss.work<Item>(name, options, async (jobs) => {
        for (const { data } of jobs) handle(data)
      })
    }
    return {
      stop: async () => {
        await Promise.all(queues.map((name) => this.#boss.offWork(name, { wait: true })))
      },
    }
  }

  async counts(): Promise<Counts> {
    const sql = 'select state, count(*)::int as count from pgboss.job where name = $1 group by state'
    const { rows } = (await this.#boss.getDb().executeSql(sql, [QUEUE])) as {
      readonly rows: readonly { readonly state: string; readonly count: number }[]
    }
    const of = (wanted: string): number => rows.find(({ state }) => state === wanted)?.count ?? 0
    const all = rows.reduce((sum, { count }) => sum + count, 0)
    return { waiting: of('created'), left: all - of('completed'), succeeded: of('completed') }
  }

  close(): Promise<void> {
    return this.#boss.stop({ graceful: false })
  }
}
