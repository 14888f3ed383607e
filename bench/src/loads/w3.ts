/** W3: one worker drains a store that was filled before. */
import { Ledger } from '../item.ts'
import { OURS, sideNamed } from '../side.ts'
import { RATE, sized, type Load, type Role, type RoleReport } from '../load.ts'
import { costs, CPU_METRICS, drained, fill } from './common.ts'

export const w3: Load = {
  name: 'W3',
  cases: [
    {
      name: 'W3',
      about: 'drain 50 000, one worker, no-op handler, concurrency 100',
      contenders: 'sides',
      ratios: 'first / others',
      roles: ['worker'],
      metrics: [RATE, ...CPU_METRICS],
      goals: [{ metric: 'rate', of: OURS, against: 'plainjob', atLeast: 2.5, reach: 3 }],
      engines: ['sqlite', 'memory'],
      handled: drainSize,
      run: (role) => drain(role),
    },
  ],
}

export function drainSize(quick: boolean): number {
  return sized(quick, 50_000, 2_000)
}

/** From the start of the worker until the last task is written as done. */
export async function drain(role: Role, side: string = role.contender): Promise<RoleReport> {
  const size = drainSize(role.quick)
  const opened = await sideNamed(side).open(role.file, role.engine)
  await fill(opened, size)
  const ledger = new Ledger(size)
  await role.ready()
  const span = await role.span(() => drained(opened, ledger, role.stopped))
  const { succeeded } = await opened.counts()
  await opened.close()
  const figures = { rate: size / span.seconds, ...costs(span, size), utilization: span.utilization }
  return { figures, seen: ledger.seen, succeeded }
}
