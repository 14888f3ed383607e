/** What a stretch of work costs: time, and the processor time of the main thread and of all others. */
import { performance } from 'node:perf_hooks'
import { engineCpuUs } from './engine-cpu.ts'
import { profiled, type Table } from './profile.ts'

export interface Span {
  readonly seconds: number
  /** Processor time of the main thread. */
  readonly mainUs: number
  /** Processor time of everything else in the process: the store's thread, V8's helpers. */
  readonly othersUs: number
  /** Processor time of the engine's own processes; `null` where there are none, or none that we may look at. */
  readonly engineUs: number | null
  /** Share of the time in which the main thread's event loop was busy. */
  readonly utilization: number
}

export async function measured(work: () => Promise<void>, enginePid: number | null): Promise<Span> {
  const engineFromUs = engineCpuUs(enginePid)
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
    engineUs: enginePid === null ? null : engineCpuUs(enginePid) - engineFromUs,
    utilization: performance.eventLoopUtilization(utilization).utilization,
  }
}

/** The same under a profiler, which makes it slower. */
export async function measuredAndProfiled(
  work: () => Promise<void>,
  enginePid: number | null,
): Promise<{ readonly span: Span; readonly tables: readonly Table[] }> {
  let span: Span | undefined
  const tables = await profiled(async () => {
    span = await measured(work, enginePid)
  })
  return { span: span!, tables }
}

function sum({ user, system }: { readonly user: number; readonly system: number }): number {
  return user + system
}
