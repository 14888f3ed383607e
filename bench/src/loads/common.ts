/** What several loads have in common. */
import { SERVERS } from '../engine.ts'
import { rest } from '../engines/probe.ts'
import { item, items, type Item, type Ledger } from '../item.ts'
import { monotonicUs } from '../measuring/clock.ts'
import { percentile } from '../measuring/statistics.ts'
import { sideNamed, type Aim, type Opened } from '../side.ts'
import { sized, type Figures, type Metric, type Role, type RoleReport, type Scale } from '../load.ts'
import type { Span } from '../measuring/span.ts'

export const CONCURRENCY = 100
export const BULK = 1_000

/** Tasks that are there before the first one that is measured. */
export function seedSize({ quick }: Scale): number {
  return sized(quick, 1_000, 100)
}

/** How often a worker that shares its tasks with others tells how far it is. */
const PROGRESS_MS = 5

export const CPU_METRICS: readonly Metric[] = [
  { key: 'mainUs', title: 'main thread, CPU per task', unit: 'µs', better: 'less' },
  { key: 'othersUs', title: 'other threads, CPU per task', unit: 'µs', better: 'less' },
  {
    key: 'engineUs',
    title: "the engine's processes, CPU per task",
    unit: 'µs',
    better: 'less',
    engines: SERVERS,
  },
]

export function costs({ mainUs, othersUs, engineUs }: Span, tasks: number): Figures {
  const client = { mainUs: mainUs / tasks, othersUs: othersUs / tasks }
  return engineUs === null ? client : { ...client, engineUs: engineUs / tasks }
}

/** @throws Error if there are not as many tasks waiting as were acknowledged */
export async function checkedWaiting(opened: Opened, size: number): Promise<void> {
  const { waiting } = await opened.counts()
  if (waiting !== size) throw new Error(`${size} tasks were acknowledged, but ${waiting} are waiting.`)
}

/** Fills a store, in bulks of 1 000. */
export async function fill(opened: Opened, size: number): Promise<void> {
  for (let from = 0; from < size; from += BULK)
    await opened.enqueueMany(items(from, Math.min(BULK, size - from)))
}

/**
 * A store that has known tasks for a while, as one in use does: Postgres makes its plans by what was there when a
 * connection first asked, and graphile-worker's for an empty table get slower with every task.
 */
export async function seeded(opened: Opened, role: Role): Promise<void> {
  await fill(opened, seedSize(role))
  await rest(role)
}

/** The role `prepare`: fills the store and goes. */
export async function prepare(role: Role, size: number, aim?: Aim): Promise<RoleReport> {
  const opened = await sideNamed(role.contender).open(role.url, aim)
  await fill(opened, size)
  await opened.close()
  await rest(role)
  return { figures: {} }
}

/** One of several worker processes on one store: runs until all tasks are handled, by whomever. */
export async function sharedWorker(role: Role, ledger: Ledger): Promise<RoleReport> {
  const opened = await sideNamed(role.contender).open(role.url)
  await role.ready()
  const startedAt = monotonicUs()
  let lastAt = startedAt
  const timer = setInterval(() => role.progress(ledger.handled), PROGRESS_MS)
  const handle = (one: Item): void => {
    ledger.mark(one)
    lastAt = monotonicUs()
  }
  const working = await opened.work(handle, { concurrency: CONCURRENCY })
  await role.stopped
  clearInterval(timer)
  await working.stop()
  const counts = await opened.counts()
  await opened.close()
  return { figures: { startedAt, lastAt, handled: ledger.handled }, seen: ledger.seen, counts }
}

/** Enqueues so many tasks a second, whether the last one has been acknowledged or not. */
export async function steadily(opened: Opened, size: number, perSecond: number): Promise<void> {
  const from = performance.now()
  const acknowledged: Promise<unknown>[] = []
  for (let n = 0; n < size; n++) {
    const waitMs = from + (n * 1_000) / perSecond - performance.now()
    if (waitMs > 0) await new Promise((resolve) => setTimeout(resolve, waitMs))
    acknowledged.push(opened.enqueue(item(n)))
  }
  await Promise.all(acknowledged)
}

export const LATENCY_METRICS: readonly Metric[] = [
  { key: 'p50', title: 'p50', unit: 'ms', better: 'less' },
  { key: 'p99', title: 'p99', unit: 'ms', better: 'less' },
  { key: 'max', title: 'max', unit: 'ms', better: 'less' },
]

/** Of the cases that measure exchanges of one process, against the plain ones. */
export const EXCHANGES = {
  ratios: 'others / first',
  roles: ['store'],
  metrics: LATENCY_METRICS,
  handled: () => null,
} as const

export function latencies(samplesMs: readonly number[]): Figures {
  return { p50: percentile(samplesMs, 0.5), p99: percentile(samplesMs, 0.99), max: Math.max(...samplesMs) }
}

/** Starts a worker, waits until every task was handled, and until that is written. */
export async function drained(opened: Opened, ledger: Ledger, timeUp: Promise<void>): Promise<void> {
  const working = await opened.work(ledger.mark, { concurrency: CONCURRENCY })
  await Promise.race([ledger.all, timeUp])
  await working.stop()
}
