/** What partitions are for: a small one that comes while large ones have much to do. */
import { ENGINES } from '../engine.ts'
import { sized, type Figures, type Goals, type Load, type Role, type RoleReport } from '../load.ts'
import { percentile } from '../measuring/statistics.ts'

const WITHOUT = 'without partitions'
const WITH = 'with partitions'

/** Of the partitions that always have something to do. */
const WEIGHTS = [1, 1, 1, 1, 2, 2, 3, 4, 5] as const
/** How much each of them has to do: very different, but enough for the time. */
const BACKLOGS = [4, 8, 12, 16, 24, 32, 48, 64, 96].map((thousands) => thousands * 1_000)
const SMALL = 'small'
/** Tasks of the smallest one, one after the other. */
const SMALL_TASKS = 200
const SMALL_EVERY_MS = 25
const CONCURRENCY = 20
const HANDLER_MS = 2

const goals: Goals = Object.fromEntries(
  ENGINES.map((engine) => [engine, [{ metric: 'unfairness', of: WITH, atMost: 5 }]]),
)

export const fairness: Load = {
  name: 'fairness',
  cases: [
    {
      name: 'fairness',
      about:
        'nine partitions with 4 000 to 96 000 tasks of 2 ms and weights from 1 to 5, and a tenth with one task every 25 ms',
      contenders: [WITHOUT, WITH],
      ratios: 'others / first',
      roles: ['all'],
      metrics: [
        { key: 'p50', title: 'wait of the smallest, p50', unit: 'ms', better: 'less' },
        { key: 'p99', title: 'wait of the smallest, p99', unit: 'ms', better: 'less' },
        { key: 'unfairness', title: 'furthest from its weight', unit: '%', better: 'less' },
      ],
      goals,
      engines: ENGINES,
      handled: () => null,
      run,
    },
  ],
}

async function run(role: Role): Promise<RoleReport> {
  const { defineTask, unchecked } = await import('millrace')
  const { millAt } = await import('../peers/mill.ts')
  const task = defineTask('turn', { input: unchecked<{ of: string; at: number }>() })
  await using mill = millAt(role.url)
  const fair = role.contender === WITH
  for (const [index, weight] of WEIGHTS.entries()) await mill.partitions.put(`p${index}`, { weight })
  const draft = (of: string) => task.with({ of, at: Date.now() }, fair ? { partition: of } : {})
  const backlogs = BACKLOGS.map((size) => sized(role.quick, size, size / 40))
  // large ones come first, and all at once
  for (const [index, size] of [...backlogs.entries()].toReversed()) {
    for (let from = 0; from < size; from += 1_000) {
      const drafts = Array.from({ length: Math.min(1_000, size - from) }, () => draft(`p${index}`))
      await mill.enqueueMany(drafts, { atomic: true })
    }
  }
  const served = new Map<string, number>()
  const waits: number[] = []
  const handlers = task.handler(async ({ of, at }) => {
    if (of === SMALL) waits.push(Date.now() - at)
    else served.set(of, (served.get(of) ?? 0) + 1)
    await new Promise((resolve) => setTimeout(resolve, HANDLER_MS))
  })
  const worker = mill.worker({ handlers, concurrency: CONCURRENCY })
  await role.ready()
  await worker.start()
  const size = sized(role.quick, SMALL_TASKS, 20)
  for (let n = 0; n < size; n++) {
    await mill.enqueue(task, { of: SMALL, at: Date.now() }, fair ? { partition: SMALL } : {})
    await new Promise((resolve) => setTimeout(resolve, SMALL_EVERY_MS))
  }
  const shares = new Map(served)
  // without turns the small ones come when all that came before them is done
  while (waits.length < size) await new Promise((resolve) => setTimeout(resolve, 20))
  await worker.stop({ drain: '5s' })
  return { figures: figuresOf(waits, shares) }
}

function figuresOf(waits: readonly number[], shares: ReadonlyMap<string, number>): Figures {
  const total = [...shares.values()].reduce((sum, count) => sum + count, 0)
  const weights = WEIGHTS.reduce<number>((sum, weight) => sum + weight, 0)
  const off = WEIGHTS.map((weight, index) => {
    const share = (shares.get(`p${index}`) ?? 0) / total
    return Math.abs(share / (weight / weights) - 1) * 100
  })
  return { p50: percentile(waits, 0.5), p99: percentile(waits, 0.99), unfairness: Math.max(...off) }
}
