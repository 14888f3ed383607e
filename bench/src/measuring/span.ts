/** What a stretch of work costs: time, and the processor time of the main thread and of all others. */
import { performance } from 'node:perf_hooks'
import { profiled, type Table } from './profile.ts'

export interface Span {
  readonly seconds: number
  /** Processor time of the main thread. */
  readonly mainUs: number
  /** Processor time of everything else in the process: the store's thread, V8's helpers. */
  readonly othersUs: number
  /** Share of the time in which the main thread's event loop was busy. */
  readonly utilization: number
}

export async function measured(work: () => Promise<void>): Promise<Span> {
  const utilization = performance.eventLoopUtilization()
  const main = process.threadCpuUsage()
  const all = process.cpuUsage()
  const from = performance.now()
  await work()
  const seconds = (performance.now() - from) / 1_000
  const mainUs = sum(process.threadCpuUsage(main))
  return {
    seconds,
    mainUs,
    othersUs: sum(process.cpuUsage(all)) - mainUs,
    utilization: performance.eventLoopUtilization(utilization).utilization,
  }
}

/** The same under a profiler, which makes it slower. */
export async function measuredAndProfiled(
  work: () => Promise<void>,
): Promise<{ readonly span: Span; readonly tables: readonly Table[] }> {
  let span: Span | undefined
  const tables = await profiled(async () => {
    span = await measured(work)
  })
  return { span: span!, tables }
}

function sum({ user, system }: { readonly user: number; readonly system: number }): number {
  return user + system
}
