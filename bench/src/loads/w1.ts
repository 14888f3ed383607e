/** W1: tasks are enqueued one by one, by 100 callers that each await theirs. */
import { callers, item } from '../item.ts'
import { OURS, sideNamed } from '../side.ts'
import { RATE, sized, type Load, type Role, type RoleReport } from '../load.ts'
import { checkedWaiting, costs, CPU_METRICS } from './common.ts'

export const CALLERS = 100

export const w1: Load = {
  name: 'W1',
  cases: [
    {
      name: 'W1',
      about: 'enqueue one by one, 100 callers awaiting',
      contenders: 'sides',
      ratios: 'first / others',
      roles: ['producer'],
      metrics: [RATE, ...CPU_METRICS],
      goals: [{ metric: 'rate', of: OURS, against: 'plainjob', atLeast: 2, reach: 3 }],
      engines: ['sqlite', 'memory'],
      handled: () => null,
      run,
    },
  ],
}

async function run(role: Role): Promise<RoleReport> {
  const size = sized(role.quick, 100_000, 2_000)
  const opened = await sideNamed(role.contender).open(role.file, role.engine)
  await role.ready()
  const span = await role.span(() => callers(CALLERS, size, (n) => opened.enqueue(item(n))))
  await checkedWaiting(opened, size)
  await opened.close()
  return { figures: { rate: size / span.seconds, ...costs(span, size) } }
}
