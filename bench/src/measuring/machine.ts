/** The machine, as far as figures depend on it. */
import { closeSync, fdatasyncSync, mkdtempSync, openSync, readFileSync, rmSync, writeSync } from 'node:fs'
import { join } from 'node:path'
import { performance } from 'node:perf_hooks'
import os from 'node:os'
import { percentile } from './statistics.ts'

const SYNCS = 300

export interface Machine {
  readonly cpu: string
  readonly cores: number
  readonly memoryGiB: number
  readonly node: string
  readonly kernel: string
  /** What else the machine was doing in the minute before. */
  readonly loadAverage: number
  /** Where the files were, and on which file system. */
  readonly folder: string
  /** What it costs to make 4 KiB durable at the end of a file. */
  readonly fsyncUs: { readonly median: number; readonly p99: number }
}

export function machine(): Machine {
  const cpus = os.cpus()
  return {
    cpu: cpus[0]?.model.trim() ?? 'unknown',
    cores: cpus.length,
    memoryGiB: Math.round(os.totalmem() / 2 ** 30),
    node: process.version,
    kernel: `${os.type()} ${os.release()}`,
    folder: `${os.tmpdir()} (${fileSystemOf(os.tmpdir())})`,
    loadAverage: os.loadavg()[0]!,
    fsyncUs: fsyncCost(),
  }
}

function fsyncCost(): Machine['fsyncUs'] {
  const folder = mkdtempSync(join(os.tmpdir(), 'millrace-bench-'))
  const file = openSync(join(folder, 'sync'), 'w')
  const page = new Uint8Array(4_096).fill(1)
  const costs: number[] = []
  for (let turn = 0; turn < SYNCS; turn++) {
    const from = performance.now()
    writeSync(file, page)
    fdatasyncSync(file)
    costs.push((performance.now() - from) * 1_000)
  }
  closeSync(file)
  rmSync(folder, { recursive: true })
  return { median: Math.round(percentile(costs, 0.5)), p99: Math.round(percentile(costs, 0.99)) }
}

/** The type of the mount that a path is on: the one with the longest name that leads to it. */
function fileSystemOf(path: string): string {
  try {
    const mounts = readFileSync('/proc/mounts', 'utf8').trim().split('\n')
    let found = { point: '', type: 'unknown' }
    for (const mount of mounts) {
      const [, point = '', type = ''] = mount.split(' ')
      const leads = path === point || path.startsWith(point === '/' ? '/' : `${point}/`)
      if (leads && point.length >= found.point.length) found = { point, type }
    }
    return found.type
  } catch {
    return 'unknown'
  }
}
