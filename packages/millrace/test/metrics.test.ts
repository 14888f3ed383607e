/** What a worker has counted, as text and in a file, and how a stalled one ends. */
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { StalledError, type WorkerHealth, type WorkerMetrics } from '@millrace/core'
import { fail } from '../src/cli/failure.ts'
import { metricsText } from '../src/cli/metrics-text.ts'
import { MetricsFile } from '../src/cli/metrics-file.ts'
import { connect, defineTask, unchecked, type Mill } from '../src/index.ts'
import { promtool } from '../../../test/promtool.ts'

const metrics: WorkerMetrics = {
  claimed: 12,
  succeeded: 7,
  failed: 1,
  retried: 2,
  cancelled: 1,
  lost: 1,
  crashes: 3,
  exchanges: 40,
  attempts: {
    count: 9,
    totalMs: 1_250,
    buckets: [
      { atMostMs: 5, count: 4 },
      { atMostMs: 1_000, count: 8 },
    ],
  },
  slots: { busy: 2, total: 10 },
  loop: { meanMs: 1, p99Ms: 20, maxMs: 250 },
}
const health: WorkerHealth = {
  status: 'ok',
  reasons: [],
  renewedAt: new Date(1_700_000_000_500),
  answeredAt: null,
  claimedAt: null,
  running: 2,
  freeSlots: 8,
  concurrency: 10,
  loop: metrics.loop,
}

let folder: string
let mill: Mill
beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), 'millrace-metrics-'))
  mill = await connect('memory:')
})
afterEach(async () => {
  await mill.close()
  rmSync(folder, { recursive: true })
})

const worker = (): ReturnType<Mill['worker']> =>
  mill.worker({ handlers: defineTask('job', { input: unchecked<null>() }).handler(() => undefined) })

test('each line has its name, its labels and its value, under its family', () => {
  const lines = metricsText(metrics, health, { host: 'a"b\\c', pid: '7' }).split('\n')
  const base = 'host="a\\"b\\\\c",pid="7"'
  for (const line of [
    `millrace_worker_claimed_tasks_total{${base}} 12`,
    `millrace_worker_taken_over_tasks_total{${base}} 3`,
    `millrace_worker_attempt_duration_seconds_bucket{${base},le="0.005"} 4`,
    `millrace_worker_attempt_duration_seconds_bucket{${base},le="+Inf"} 9`,
    `millrace_worker_attempt_duration_seconds_sum{${base}} 1.25`,
    `millrace_worker_event_loop_delay_seconds{${base},stat="max"} 0.25`,
    `millrace_worker_status{${base},status="ok"} 1`,
    `millrace_worker_status{${base},status="store-down"} 0`,
    `millrace_worker_renewed_timestamp_seconds{${base}} 1700000000.5`,
    `millrace_worker_claimed_timestamp_seconds{${base}} 0`,
  ])
    expect(lines).toContain(line)
  expect(lines.at(-1)).toBe('')
})

test('every family is told once, before its lines, and no line is told twice', () => {
  const lines = metricsText(metrics, health, {}).trimEnd().split('\n')
  const types = lines.filter((line) => line.startsWith('# TYPE ')).map((line) => line.split(' ')[2]!)
  expect(new Set(types).size).toBe(types.length)
  const names = lines.map((line) => line.split(' ')[line.startsWith('#') ? 2 : 0]!.replace(/\{.*/, ''))
  const order = names.map((name) => name.replace(/_(bucket|sum|count)$/, ''))
  const firsts = order.filter((name, index) => name !== order[index - 1])
  expect(firsts).toEqual(types)
  const samples = lines.filter((line) => !line.startsWith('#'))
  expect(samples.filter((line) => !/^[a-z_0-9]+\{.*\} [\d.]+$/.test(line))).toEqual([])
  expect(new Set(samples.map((line) => line.slice(0, line.lastIndexOf(' ')))).size).toBe(samples.length)
})

test('promtool finds nothing wrong with it', () => {
  const text = metricsText(metrics, health, { host: 'a"b\\c', pid: '7' })
  expect(promtool(['check', 'metrics'], text)).toEqual({ code: 0, text: '' })
})

test('the file is whole at any time, and has the last word', async () => {
  const one = worker()
  const path = join(folder, 'worker.prom')
  const file = new MetricsFile(one, { path, process: 1, processes: 1 })
  expect(readFileSync(path, 'utf8')).toMatch(/status="starting"\} 1\n/)
  await one.stop()
  file.close()
  expect(readFileSync(path, 'utf8')).toMatch(/status="stopped"\} 1\n/)
  expect(readdirSync(folder)).toEqual(['worker.prom'])
})

test('each of several processes has a file of its own', () => {
  const file = new MetricsFile(worker(), { path: join(folder, 'worker.prom'), process: 2, processes: 3 })
  file.close()
  expect(readdirSync(folder)).toEqual(['worker-2.prom'])
})

test('a file that cannot be written is told before anything runs', () => {
  const path = join(folder, 'none', 'worker.prom')
  expect(() => new MetricsFile(worker(), { path, process: 1, processes: 1 })).toThrow(/cannot be written/)
})

test('a stalled worker ends with a code of its own', () => {
  const write = vi.spyOn(process.stderr, 'write').mockImplementation(() => true)
  expect(fail(new StalledError('Nothing moves.'), { json: false })).toBe(3)
  expect(write).toHaveBeenCalledWith(
    expect.stringMatching(/^millrace: Nothing moves\.\n {2}Start the process again/),
  )
  write.mockRestore()
})
