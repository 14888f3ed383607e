/** W5: how long it takes from enqueue to the start of the handler, while nothing is in a hurry. */
import { Ledger, type Item } from '../item.ts'
import { monotonicUs } from '../measuring/clock.ts'
import { OURS, sideNamed } from '../side.ts'
import { sized, type Case, type Load, type Role, type RoleReport } from '../load.ts'
import { CONCURRENCY, latencies, LATENCY_METRICS, prepare, steadily } from './common.ts'

const PER_SECOND = 200

/** How often a worker tells how far it is. */
const PROGRESS_MS = 50

const shared: Pick<Case, 'contenders' | 'ratios' | 'metrics' | 'goals' | 'handled' | 'run'> = {
  contenders: 'sides',
  ratios: 'first / others',
  metrics: LATENCY_METRICS,
  goals: {
    sqlite: [
      { metric: 'p50', of: OURS, atMost: 0.3 },
      { metric: 'p99', of: OURS, atMost: 1 },
    ],
  },
  handled: ({ quick }) => sized(quick, 10 * PER_SECOND, 100),
  run,
}

export const w5: Load = {
  name: 'W5',
  cases: [
    {
      ...shared,
      name: 'W5',
      about: 'enqueue to handler start at 200/s, producer and worker in one process',
      roles: ['both'],
      engines: ['sqlite', 'memory'],
    },
    {
      ...shared,
      name: 'W5, 2 processes',
      about: 'enqueue to handler start at 200/s, the producer and the worker in a process each',
      roles: ['prepare', 'producer', 'worker'],
      goals: {
        postgres: [
          { metric: 'p50', of: OURS, against: 'graphile-worker', atMost: 0.5 },
          { metric: 'p99', of: OURS, against: 'graphile-worker', atMost: 0.75 },
        ],
        redis: [
          { metric: 'p50', of: OURS, against: 'bee-queue', atMost: 1 },
          { metric: 'p99', of: OURS, against: 'bee-queue', atMost: 1 },
        ],
      },
      engines: ['sqlite', 'postgres', 'redis'],
    },
  ],
}

async function run(role: Role): Promise<RoleReport> {
  if (role.name === 'prepare') return prepare(role, 0, 'latency')
  const size = shared.handled(role)!
  const opened = await sideNamed(role.contender).open(role.url, 'latency')
  if (role.name === 'producer') {
    await role.ready()
    await steadily(opened, size, PER_SECOND)
    await opened.close()
    return { figures: {} }
  }
  const ledger = new Ledger(size)
  const samples: number[] = []
  // the first tenth lets both sides warm up
  const handle = (item: Item): void => {
    if (item.n >= size / 10) samples.push((monotonicUs() - item.at) / 1_000)
    ledger.mark(item)
  }
  const working = await opened.work(handle, { concurrency: CONCURRENCY })
  await role.ready()
  const timer = setInterval(() => role.progress(ledger.handled), PROGRESS_MS)
  if (role.name === 'both') await steadily(opened, size, PER_SECOND)
  await role.stopped
  clearInterval(timer)
  await working.stop()
  const counts = await opened.counts()
  await opened.close()
  return { figures: latencies(samples), seen: ledger.seen, counts }
}
