/** W2: tasks are enqueued in bulks of 1 000. */
import { callers, items } from '../item.ts'
import { OURS, sideNamed, type Opened } from '../side.ts'
import { RATE, sized, type Case, type Load, type Role, type RoleReport } from '../load.ts'
import { BULK, checkedWaiting, costs, CPU_METRICS } from './common.ts'

export const w2: Load = {
  name: 'W2',
  cases: [
    bulks('W2', 'enqueue in bulks of 1 000, one caller', {
      callers: 1,
      write: (opened, bulk) => opened.enqueueMany(bulk),
    }),
    bulks('W2, 4 callers', 'enqueue in bulks of 1 000, four callers at the same time', {
      callers: 4,
      write: (opened, bulk) => opened.enqueueMany(bulk),
    }),
    bulks('W2, atomic', 'enqueue in bulks of 1 000, each all or nothing, one caller', {
      callers: 1,
      write: (opened, bulk) => opened.enqueueAll(bulk),
    }),
  ],
}

interface Way {
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
    goals: [{ metric: 'rate', of: OURS, atLeast: 150_000, reach: 200_000 }],
    engines: ['sqlite', 'memory'],
    handled: () => null,
    run: (role) => run(role, way),
  }
}

async function run(role: Role, way: Way): Promise<RoleReport> {
  const bulksCount = sized(role.quick, 200, 3)
  const size = bulksCount * BULK
  const opened = await sideNamed(role.contender).open(role.file, role.engine)
  await role.ready()
  const span = await role.span(() =>
    callers(way.callers, bulksCount, (bulk) => way.write(opened, items(bulk * BULK, BULK))),
  )
  await checkedWaiting(opened, size)
  await opened.close()
  return { figures: { rate: size / span.seconds, ...costs(span, size) } }
}
