/** W1: tasks are enqueued one by one, by 100 callers that each await theirs. */
import { callers, item } from '../item.ts'
import { ENGINES } from '../engine.ts'
import { OURS, sideNamed } from '../side.ts'
import { BEST_PEER, RATE, sized, type Load, type Role, type RoleReport } from '../load.ts'
import { checkedWaiting, costs, CPU_METRICS, seeded, seedSize } from './common.ts'

export const CALLERS = 100

/** Who is slow need not enqueue all: what counts is the rate. */
const TIME_MS = 5_000

export const w1: Load = {
  name: 'W1',
  cases: [
    {
      name: 'W1',
      about: 'enqueue one by one, 100 callers awaiting; 100 000 tasks, or as many as 5 s allow',
      contenders: 'sides',
      ratios: 'first / others',
      roles: ['producer'],
      metrics: [RATE, ...CPU_METRICS],
      goals: {
        sqlite: [{ metric: 'rate', of: OURS, against: 'plainjob', atLeast: 2, reach: 3 }],
        postgres: [{ metric: 'rate', of: OURS, against: BEST_PEER, atLeast: 15, reach: 20 }],
        redis: [
          { metric: 'rate', of: OURS, against: 'bullmq', atLeast: 3 },
          { metric: 'rate', of: OURS, against: 'bee-queue', atLeast: 1, reach: 1.2 },
        ],
      },
      engines: ENGINES,
      handled: () => null,
      run,
    },
  ],
}

async function run(role: Role): Promise<RoleReport> {
  const size = sized(role.quick, 100_000, 500)
  const opened = await sideNamed(role.contender).open(role.url)
  await seeded(opened, role)
  await role.ready()
  const end = performance.now() + TIME_MS
  let made = 0
  const span = await role.span(() =>
    callers(CALLERS, size, async (n) => {
      if (performance.now() > end) return
      made += 1
      await opened.enqueue(item(n))
    }),
  )
  await checkedWaiting(opened, seedSize(role) + made)
  await opened.close()
  return { figures: { rate: made / span.seconds, ...costs(span, made) } }
}
