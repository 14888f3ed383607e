/** W2: tasks are enqueued in bulks of 1 000. */
import { callers, items } from '../item.ts'
import { ENGINES, type Engine } from '../engine.ts'
import { OURS, sideNamed, type Opened } from '../side.ts'
import {
  BEST_PEER,
  RATE,
  sized,
  type Case,
  type Goals,
  type Load,
  type Role,
  type RoleReport,
} from '../load.ts'
import { BULK, checkedWaiting, costs, CPU_METRICS, seeded, seedSize } from './common.ts'

const goals: Goals = {
  sqlite: [{ metric: 'rate', of: OURS, atLeast: 150_000, reach: 200_000 }],
  postgres: [{ metric: 'rate', of: OURS, against: BEST_PEER, atLeast: 1.3, reach: 1.5 }],
  redis: [
    { metric: 'rate', of: OURS, against: 'bullmq', atLeast: 3 },
    { metric: 'rate', of: OURS, against: 'bee-queue', atLeast: 1.2, reach: 1.5 },
  ],
}

export const w2: Load = {
  name: 'W2',
  cases: [
    bulks('W2', 'enqueue in bulks of 1 000, one caller', {
      callers: 1,
      engines: ENGINES,
      write: (opened, bulk) => opened.enqueueMany(bulk),
    }),
    bulks('W2, 4 callers', 'enqueue in bulks of 1 000, four callers at the same time', {
      callers: 4,
      engines: ['sqlite', 'memory'],
      write: (opened, bulk) => opened.enqueueMany(bulk),
    }),
    bulks('W2, atomic', 'enqueue in bulks of 1 000, each all or nothing, one caller', {
      callers: 1,
      engines: ['sqlite', 'memory', 'postgres'],
      write: (opened, bulk) =>
        opened.enqueueAll?.(bulk) ?? Promise.reject(new Error('It has no such bulks.')),
    }),
  ],
}

interface Way {
  readonly engines: readonly Engine[]
  readonly callers: number
  write(opened: Opened, bulk: ReturnType<typeof items>): Promise<unknown>
}

function bulks(name: string, about: string, way: Way): Case {
  return {
    name,
    about,
    contenders: 'sides',
    ratios: 'first / others',
    roles: ['producer'],
    metrics: [RATE, ...CPU_METRICS],
    goals,
    engines: way.engines,
    handled: () => null,
    run: (role) => run(role, way),
  }
}

async function run(role: Role, way: Way): Promise<RoleReport> {
  const bulksCount = sized(role.quick, 200, 3)
  const size = bulksCount * BULK
  const opened = await sideNamed(role.contender).open(role.url)
  await seeded(opened, role)
  await role.ready()
  const span = await role.span(() =>
    callers(way.callers, bulksCount, (bulk) => way.write(opened, items(bulk * BULK, BULK))),
  )
  await checkedWaiting(opened, seedSize(role) + size)
  await opened.close()
  return { figures: { rate: size / span.seconds, ...costs(span, size) } }
}
