/** What a worker takes that has nothing to do: memory of its process, and connections. */
import { OURS, sideNamed } from '../side.ts'
import { ENGINES, SERVERS } from '../engine.ts'
import { probeOf } from '../engines/probe.ts'
import { sized, type Goal, type Load, type Role, type RoleReport } from '../load.ts'
import { CONCURRENCY } from './common.ts'

const MIB = 2 ** 20

/** What is expected of a process that serves many queues. */
const QUEUES = 100

const most = (mib: number): readonly Goal[] => [{ metric: 'rss', of: OURS, atMost: mib }]

export const idle: Load = {
  name: 'idle',
  cases: [
    {
      name: 'idle',
      about: 'a process with a worker that has had nothing to do for three seconds',
      contenders: 'sides',
      ratios: 'first / others',
      roles: ['worker'],
      metrics: [{ key: 'rss', title: 'resident memory', unit: 'MiB', better: 'less' }],
      goals: { sqlite: most(100), postgres: most(90), redis: most(90) },
      engines: ENGINES,
      handled: () => null,
      precompiled: false,
      run: memory,
    },
    {
      name: 'connections',
      about: `connections of a process that works on one queue, and on ${QUEUES}`,
      contenders: 'sides',
      ratios: 'first / others',
      roles: ['worker'],
      metrics: [
        { key: 'one', title: 'one queue', unit: 'connections', better: 'less' },
        { key: 'many', title: `${QUEUES} queues`, unit: 'connections', better: 'less' },
        { key: 'added', title: 'what the other 99 queues add', unit: 'connections', better: 'less' },
      ],
      goals: Object.fromEntries(
        SERVERS.map((engine) => [engine, [{ metric: 'added', of: OURS, atMost: 0 }]]),
      ),
      engines: SERVERS,
      handled: () => null,
      run: connections,
    },
  ],
}

async function memory(role: Role): Promise<RoleReport> {
  const opened = await sideNamed(role.contender).open(role.url)
  const working = await opened.work(() => {}, { concurrency: CONCURRENCY })
  await role.ready()
  await idling(role)
  const rss = process.memoryUsage.rss() / MIB
  await working.stop()
  await opened.close()
  return { figures: { rss } }
}

async function connections(role: Role): Promise<RoleReport> {
  await role.ready()
  const one = await connectionsWith(role, ['queue-1'])
  const many = await connectionsWith(
    role,
    Array.from({ length: sized(role.quick, QUEUES, QUEUES / 10) }, (_, index) => `queue-${index + 1}`),
  )
  return { figures: { one, many, added: many - one } }
}

/** Connections may be opened by the first use: so it counts once the worker has settled. */
async function connectionsWith(role: Role, queues: readonly string[]): Promise<number> {
  const opened = await sideNamed(role.contender).open(role.url)
  const working = await opened.work(() => {}, { concurrency: CONCURRENCY, queues })
  await idling(role)
  await using probe = await probeOf(role.storeUrl)
  const count = await probe.connections()
  await working.stop()
  await opened.close()
  return count
}

function idling({ quick }: Role): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, sized(quick, 3_000, 300)))
}
