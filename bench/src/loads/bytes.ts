/** What a waiting task takes in the engine: Postgres on disk with all its indexes, Redis in memory. */
import { OURS, sideNamed } from '../side.ts'
import { SERVERS } from '../engine.ts'
import { probeOf } from '../engines/probe.ts'
import { sized, type Load, type Role, type RoleReport } from '../load.ts'
import { checkedWaiting, fill } from './common.ts'

export const bytes: Load = {
  name: 'bytes',
  cases: [
    {
      name: 'bytes',
      about: 'what 100 000 waiting tasks add to the engine, with a payload of about 200 bytes each',
      contenders: 'sides',
      ratios: 'first / others',
      roles: ['producer'],
      metrics: [{ key: 'bytes', title: 'per waiting task', unit: 'B', better: 'less' }],
      goals: { redis: [{ metric: 'bytes', of: OURS, against: 'bullmq', atMost: 0.6, reach: 0.5 }] },
      engines: SERVERS,
      handled: () => null,
      run,
    },
  ],
}

async function run(role: Role): Promise<RoleReport> {
  const size = sized(role.quick, 100_000, 2_000)
  const opened = await sideNamed(role.contender).open(role.url)
  await role.ready()
  await using probe = await probeOf(role.storeUrl)
  const before = await probe.bytes()
  await fill(opened, size)
  await checkedWaiting(opened, size)
  const after = await probe.bytes()
  await opened.close()
  return { figures: { bytes: (after - before) / size } }
}
