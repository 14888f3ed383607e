/** How late tasks with a delay start, and that none starts early. */
import type { Mill } from 'millrace'
import { ENGINES } from '../engine.ts'
import { item, Ledger } from '../item.ts'
import { OURS } from '../side.ts'
import { percentile } from '../measuring/statistics.ts'
import { sized, type Figures, type Goal, type Load, type Role, type RoleReport, type Scale } from '../load.ts'
import { CONCURRENCY } from './common.ts'

const DELAY_MIN_MS = 5

const goals: readonly Goal[] = [
  { metric: 'p99', of: OURS, atMost: 20 },
  { metric: 'early', of: OURS, atMost: 0 },
]

export const delay: Load = {
  name: 'delay',
  cases: [
    {
      name: 'delay',
      about: '1 000 tasks with delays from 5 ms to 2 s: how long after its time each starts',
      contenders: [OURS],
      ratios: 'first / others',
      roles: ['both'],
      metrics: [
        { key: 'p50', title: 'late, p50', unit: 'ms', better: 'less' },
        { key: 'p99', title: 'late, p99', unit: 'ms', better: 'less' },
        { key: 'max', title: 'late, max', unit: 'ms', better: 'less' },
        { key: 'early', title: 'started early', unit: 'tasks', better: 'less' },
      ],
      goals: Object.fromEntries(ENGINES.map((engine) => [engine, goals])),
      engines: ENGINES,
      handled: size,
      run,
    },
  ],
}

function size({ quick }: Scale): number {
  return sized(quick, 1_000, 100)
}

async function run(role: Role): Promise<RoleReport> {
  const { benchTask, millAt } = await import('../peers/mill.ts')
  const count = size(role)
  const delays = delaysMs(count, sized(role.quick, 2_000, 300))
  const mill = millAt(role.url)
  const ledger = new Ledger(count)
  const starts = new Map<string, Start>()
  const handler = benchTask.handler((one, { task }) => {
    // the store's clock counts whole milliseconds; the finer one tells how late it was
    starts.set(task.id, { storeMs: Date.now(), ms: performance.timeOrigin + performance.now() })
    ledger.mark(one)
  })
  const worker = mill.worker({ handlers: handler, concurrency: CONCURRENCY })
  await worker.start()
  await role.ready()
  await Promise.all(delays.map((delayMs, n) => mill.enqueue(benchTask, item(n), { delay: delayMs })))
  await Promise.race([ledger.all, role.stopped])
  await worker.stop()
  const figures = await lateness(mill, benchTask.name, starts)
  const [queue] = await mill.queues.list()
  await mill.close()
  const succeeded = queue?.counts.succeeded ?? 0
  return { figures, seen: ledger.seen, counts: { waiting: 0, left: count - succeeded, succeeded } }
}

interface Start {
  readonly storeMs: number
  readonly ms: number
}

/** Against the time at which the store says that each fell due. */
async function lateness(mill: Mill, type: string, starts: ReadonlyMap<string, Start>): Promise<Figures> {
  const late: number[] = []
  let early = 0
  let cursor: string | undefined
  do {
    const page = await mill.tasks.list({ type, limit: 1_000, cursor })
    for (const { id, runAt } of page.tasks) {
      const start = starts.get(id)
      if (start === undefined) continue
      late.push(start.ms - runAt)
      if (start.storeMs < runAt) early += 1
    }
    cursor = page.next
  } while (cursor !== undefined)
  return { p50: percentile(late, 0.5), p99: percentile(late, 0.99), max: Math.max(...late), early }
}

/** Spread evenly, in an order that looks like chance and is always the same. */
function delaysMs(count: number, maxMs: number): number[] {
  const step = 379 // has no divisor in common with the counts above
  return Array.from({ length: count }, (_, n) => {
    const place = (n * step) % count
    return Math.round(DELAY_MIN_MS + (place * (maxMs - DELAY_MIN_MS)) / (count - 1))
  })
}
