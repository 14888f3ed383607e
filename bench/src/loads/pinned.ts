/** A transaction that somebody left open: Postgres then keeps every old version, and a claim may have to step over them. */
import { Ledger, type Item } from '../item.ts'
import { monotonicUs } from '../measuring/clock.ts'
import { OURS, sideNamed } from '../side.ts'
import { probeOf } from '../engines/probe.ts'
import { sized, type Load, type Metric, type Role, type RoleReport, type Scale } from '../load.ts'
import { CONCURRENCY, prepare } from './common.ts'

/** Of all tasks, at each end of the drain; the first ones are left to everybody's warming up. */
const STRETCH = 1 / 6
const WARM_UP = 1 / 12

const rate = (key: string, title: string): Metric => ({ key, title, unit: 'tasks/s', better: 'more' })

export const pinned: Load = {
  name: 'pinned',
  cases: [
    {
      name: 'pinned',
      about: 'drain 120 000 while a transaction is open that was begun before: its beginning against its end',
      contenders: 'sides',
      ratios: 'first / others',
      roles: ['prepare', 'worker'],
      metrics: [
        rate('start', 'at the start'),
        rate('end', 'at the end'),
        { key: 'kept', title: 'end / start', unit: '×', better: 'more' },
      ],
      goals: { postgres: [{ metric: 'kept', of: OURS, atLeast: 0.9 }] },
      engines: ['postgres'],
      handled: size,
      run: (role) => (role.name === 'prepare' ? prepare(role, size(role)) : drain(role)),
    },
  ],
}

function size({ quick }: Scale): number {
  return sized(quick, 120_000, 1_200)
}

async function drain(role: Role): Promise<RoleReport> {
  const count = size(role)
  const opened = await sideNamed(role.contender).open(role.url)
  await using probe = await probeOf(role.storeUrl)
  await probe.pin()
  const ledger = new Ledger(count)
  const times: number[] = []
  const handle = (item: Item): void => {
    times.push(monotonicUs())
    ledger.mark(item)
  }
  await role.ready()
  const working = await opened.work(handle, { concurrency: CONCURRENCY })
  await Promise.race([ledger.all, role.stopped])
  await working.stop()
  const counts = await opened.counts()
  await opened.close()
  const start = rateBetween(times, WARM_UP, WARM_UP + STRETCH)
  const end = rateBetween(times, 1 - STRETCH, 1)
  return { figures: { start, end, kept: end / start }, seen: ledger.seen, counts }
}

/** Tasks a second between two shares of all that were handled. */
function rateBetween(timesUs: readonly number[], from: number, to: number): number {
  const first = Math.round(timesUs.length * from)
  const last = Math.round(timesUs.length * to) - 1
  return ((last - first) * 1_000_000) / (timesUs[last]! - timesUs[first]!)
}
