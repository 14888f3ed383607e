/** W3: one worker drains a store that was filled before. */
import { Ledger } from '../item.ts'
import { ENGINES } from '../engine.ts'
import { rest } from '../engines/probe.ts'
import { OURS, sideNamed } from '../side.ts'
import { BEST_PEER, RATE, sized, type Load, type Role, type RoleReport, type Scale } from '../load.ts'
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
      goals: {
        sqlite: [{ metric: 'rate', of: OURS, against: 'plainjob', atLeast: 2.5, reach: 3 }],
        postgres: [{ metric: 'rate', of: OURS, against: BEST_PEER, atLeast: 1.15, reach: 1.5 }],
        redis: [
          { metric: 'rate', of: OURS, against: 'bullmq', atLeast: 3 },
          { metric: 'rate', of: OURS, against: 'bee-queue', atLeast: 1.5, reach: 2 },
        ],
      },
      engines: ENGINES,
      handled: drainSize,
      run: (role) => drain(role),
    },
  ],
}

export function drainSize({ quick }: Scale): number {
  return sized(quick, 50_000, 2_000)
}

/** From the start of the worker until the last task is written as done. */
export async function drain(role: Role, side: string = role.contender): Promise<RoleReport> {
  const size = drainSize(role)
  const opened = await sideNamed(side).open(role.url)
  await fill(opened, size)
  await rest(role)
  const ledger = new Ledger(size)
  await role.ready()
  const span = await role.span(() => drained(opened, ledger, role.stopped))
  const counts = await opened.counts()
  await opened.close()
  const figures = { rate: size / span.seconds, ...costs(span, size), utilization: span.utilization }
  return { figures, seen: ledger.seen, counts }
}
