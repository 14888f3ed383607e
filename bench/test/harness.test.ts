import { execFile } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { expect, test } from 'vitest'
import { discrepancy, item, Ledger } from '../src/item.ts'
import { docsOf } from '../src/report/docs.ts'
import { figure } from '../src/report/figures.ts'
import { LOADS } from '../src/loads.ts'
import { percentile, spreadOf } from '../src/measuring/statistics.ts'
import { plotOf } from '../src/report/plot.ts'
import { UsageError, wishOf } from '../src/arguments.ts'
import type { RunRecord } from '../src/report/record.ts'

const MAIN = fileURLToPath(new URL('../src/main.ts', import.meta.url))

function run(...args: string[]): Promise<{ readonly code: number; readonly output: string }> {
  return new Promise((resolve) => {
    const child = execFile(process.execPath, [...process.execArgv, MAIN, ...args], (_, stdout, stderr) =>
      resolve({ code: child.exitCode ?? -1, output: stdout + stderr }),
    )
  })
}

// As `npm run bench -- --load all --iterations 1 --quick`, so that no load rots. On a quiet machine some 15 s.
test('every load runs, and loses nothing', { timeout: 240_000 }, async () => {
  const folder = mkdtempSync(join(tmpdir(), 'millrace-bench-test-'))
  try {
    const file = join(folder, 'run.json')
    const { code, output } = await run('--load', 'all', '--iterations', '1', '--quick', '--json', file)
    expect({ code, output }).toMatchObject({ code: 0 })
    const record = JSON.parse(readFileSync(file, 'utf8')) as RunRecord
    expect(record.results.map((result) => result.case)).toEqual(
      LOADS.flatMap(({ cases }) => cases.map(({ name }) => name)),
    )
    for (const { case: name, metrics, contenders } of record.results) {
      for (const contender of contenders) {
        expect(Object.keys(contender.figures), `${name}, ${contender.name}`).toEqual(
          metrics.map(({ key }) => key),
        )
      }
    }
    expect(plotOf(record)).toContain('<svg')
    const docs = docsOf(record)
    for (const { case: name } of record.results) expect(docs).toContain(`### ${name}\n`)
  } finally {
    rmSync(folder, { recursive: true })
  }
})

test('the loads that need no file also run on memory', { timeout: 120_000 }, async () => {
  const { code, output } = await run(
    '--load',
    'W3,W4',
    '--engine',
    'memory',
    '--against',
    'none',
    '--iterations',
    '1',
    '--quick',
  )
  expect({ code, output }).toMatchObject({ code: 0 })
  expect(output).toContain('W4, 2 processes: not on memory')
})

test('wrong usage is told, with exit code 2', async () => {
  const { code, output } = await run('--load', 'W9')
  expect(code).toBe(2)
  expect(output).toContain('--load names W9')
  for (const args of [
    ['--engine', 'papyrus'],
    ['--against', 'millrace'],
    ['--iterations', '0'],
    ['--nonsense'],
    ['W1'],
  ]) {
    expect(() => wishOf(args)).toThrow(UsageError)
  }
})

test('lost and doubled tasks are found', async () => {
  const one = new Ledger(3)
  const other = new Ledger(3)
  one.mark(item(0))
  one.mark(item(1))
  other.mark(item(2))
  expect(discrepancy([one.seen, other.seen], 3)).toBeNull()
  other.mark(item(1))
  expect(discrepancy([one.seen, other.seen], 3)).toBe('of 3 tasks 0 were lost and 1 handled more than once')
  expect(discrepancy([one.seen], 3)).toBe('of 3 tasks 1 were lost and 0 handled more than once')
  expect(() => one.mark(item(3))).toThrow('nobody enqueued')
  other.mark(item(0))
  await other.all
})

test('the payload is about 200 bytes', () => {
  const size = JSON.stringify(item(12_345)).length
  expect(size).toBeGreaterThan(190)
  expect(size).toBeLessThan(220)
})

test('medians, percentiles and figures', () => {
  expect(spreadOf([3, 1, 2])).toEqual({ values: [3, 1, 2], median: 2, min: 1, max: 3 })
  expect(percentile([1, 2, 3, 4], 0.5)).toBe(2.5)
  expect(percentile([5], 0.99)).toBe(5)
  expect([1_234_567, 999.4, 12.34, 0.256, Number.NaN].map(figure)).toEqual([
    '1\u202f230\u202f000',
    '999',
    '12.3',
    '0.26',
    '–',
  ])
})
