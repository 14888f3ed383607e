/** W4: W1's producer and W3's worker at the same time. */
import { callers, item, Ledger } from '../item.ts'
import { monotonicUs } from '../measuring/clock.ts'
import { OURS, sideNamed } from '../side.ts'
import {
  BEST_PEER,
  RATE,
  sized,
  type Case,
  type Figures,
  type Load,
  type Role,
  type RoleReport,
} from '../load.ts'
import { CONCURRENCY, costs, CPU_METRICS, prepare, seedSize, sharedWorker } from './common.ts'
import { CALLERS } from './w1.ts'

const both: Pick<Case, 'contenders' | 'ratios' | 'handled'> = {
  contenders: 'sides',
  ratios: 'first / others',
  // the peers on Postgres take long
  handled: ({ quick, engine }) => sized(quick, engine === 'postgres' ? 20_000 : 60_000, 600),
}

export const w4: Load = {
  name: 'W4',
  cases: [
    {
      ...both,
      name: 'W4',
      about: 'end to end in one process: 100 callers enqueue one by one while a worker drains',
      roles: ['both'],
      metrics: [RATE, ...CPU_METRICS],
      goals: { sqlite: [{ metric: 'rate', of: OURS, atLeast: 45_000, reach: 60_000 }] },
      engines: ['sqlite', 'memory'],
      run: inOneProcess,
    },
    {
      ...both,
      name: 'W4, 2 processes',
      about: 'the same with the producer and the worker in a process each',
      roles: ['prepare', 'producer', 'worker'],
      metrics: [RATE],
      goals: {
        postgres: [{ metric: 'rate', of: OURS, against: BEST_PEER, atLeast: 8, reach: 12 }],
        redis: [
          { metric: 'rate', of: OURS, against: 'bullmq', atLeast: 4, reach: 5 },
          { metric: 'rate', of: OURS, against: 'bee-queue', atLeast: 1.7, reach: 2 },
        ],
      },
      engines: ['sqlite', 'postgres', 'redis'],
      run: twoProcesses,
      combine: fromFirstToLast,
    },
  ],
}

async function inOneProcess(role: Role): Promise<RoleReport> {
  const size = both.handled(role)!
  const opened = await sideNamed(role.contender).open(role.url)
  const ledger = new Ledger(size)
  await role.ready()
  const span = await role.span(async () => {
    const working = await opened.work(ledger.mark, { concurrency: CONCURRENCY })
    await callers(CALLERS, size, (n) => opened.enqueue(item(n)))
    await Promise.race([ledger.all, role.stopped])
    await working.stop()
  })
  const counts = await opened.counts()
  await opened.close()
  return { figures: { rate: size / span.seconds, ...costs(span, size) }, seen: ledger.seen, counts }
}

/** The first tasks are there before: see `seeded`. */
function twoProcesses(role: Role): Promise<RoleReport> {
  switch (role.name) {
    case 'prepare':
      return prepare(role, seedSize(role))
    case 'producer':
      return produce(role)
    default:
      return sharedWorker(role, new Ledger(both.handled(role)!))
  }
}

async function produce(role: Role): Promise<RoleReport> {
  const opened = await sideNamed(role.contender).open(role.url)
  await role.ready()
  const seed = seedSize(role)
  const producedFrom = monotonicUs()
  await callers(CALLERS, both.handled(role)! - seed, (n) => opened.enqueue(item(seed + n)))
  await opened.close()
  return { figures: { producedFrom, seed } }
}

/** From the first enqueue to the last handler. */
function fromFirstToLast(reports: readonly RoleReport[]): Figures {
  const { producedFrom, seed, lastAt, handled } = Object.assign(
    {},
    ...reports.map(({ figures }) => figures),
  ) as {
    readonly producedFrom: number
    readonly seed: number
    readonly lastAt: number
    readonly handled: number
  }
  return { rate: ((handled - seed) * 1_000_000) / (lastAt - producedFrom) }
}
