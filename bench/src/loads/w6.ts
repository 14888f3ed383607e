/** W6: several worker processes drain one store. */
import { Ledger } from '../item.ts'
import type { Engine } from '../engine.ts'
import { RATE, sized, type Case, type Figures, type Load, type RoleReport, type Scale } from '../load.ts'
import { prepare, sharedWorker } from './common.ts'

export const w6: Load = {
  name: 'W6',
  cases: [workers(2, ['sqlite', 'postgres', 'redis']), workers(4, ['sqlite', 'postgres', 'redis'])],
}

function workers(count: number, engines: readonly Engine[]): Case {
  return {
    name: `W6, ${count} workers`,
    about: `drain 50 000 with ${count} worker processes on one store`,
    contenders: 'sides',
    ratios: 'first / others',
    roles: ['prepare', ...Array.from({ length: count }, (_, index) => `worker ${index + 1}`)],
    metrics: [RATE, { key: 'smallest', title: 'smallest share of a worker', unit: '%', better: 'more' }],
    goals: {},
    engines,
    handled: size,
    run: (role) =>
      role.name === 'prepare' ? prepare(role, size(role)) : sharedWorker(role, new Ledger(size(role))),
    combine,
  }
}

function size({ quick }: Scale): number {
  return sized(quick, 50_000, 1_000)
}

function combine(reports: readonly RoleReport[]): Figures {
  const workers = reports.filter(({ seen }) => seen !== undefined).map(({ figures }) => figures)
  const handled = workers.map((figures) => figures['handled']!)
  const total = handled.reduce((sum, tasks) => sum + tasks, 0)
  const from = Math.min(...workers.map((figures) => figures['startedAt']!))
  const to = Math.max(...workers.map((figures) => figures['lastAt']!))
  return { rate: (total * 1_000_000) / (to - from), smallest: (100 * Math.min(...handled)) / total }
}
