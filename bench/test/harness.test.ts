import { execFile, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { expect, test } from 'vitest'
import { discrepancy, item, Ledger } from '../src/item.ts'
import { docsOf } from '../src/report/docs.ts'
import { engineCpuUs } from '../src/measuring/engine-cpu.ts'
import { figure } from '../src/report/figures.ts'
import { LOADS } from '../src/loads.ts'
import { machine } from '../src/measuring/machine.ts'
import { RATE } from '../src/load.ts'
import { percentile, spreadOf } from '../src/measuring/statistics.ts'
import {
  isThroughServer,
  serverSection,
  serverSectionOf,
  withServerSection,
} from '../src/report/through-server.ts'
import { plotOf } from '../src/report/plot.ts'
import { UsageError, wishOf } from '../src/arguments.ts'
import type { Engine } from '../src/engine.ts'
import { merged, type RunRecord } from '../src/report/record.ts'

const MAIN = fileURLToPath(new URL('../src/main.ts', import.meta.url))

const quick = ['--iterations', '1', '--quick'] as const

function run(...args: string[]): Promise<{ readonly code: number; readonly output: string }> {
  return new Promise((resolve) => {
    // without vitest's own arguments, which make `require` load what is made for `import`: pg does not survive it
    const child = execFile(process.execPath, [MAIN, ...args], (_, stdout, stderr) =>
      resolve({ code: child.exitCode ?? -1, output: stdout + stderr }),
    )
  })
}

function failureOf({ code, output }: { readonly code: number; readonly output: string }): string | null {
  return code === 0 ? null : output
}

const engines = ['sqlite', 'redis', 'postgres'] as const satisfies readonly Engine[]

// As `npm run bench -- --load all --iterations 1 --quick`, so that no load rots.
test.concurrent.each(engines)(
  'every load runs on %s, and loses nothing',
  { timeout: 600_000 },
  async (engine) => {
    const folder = mkdtempSync(join(tmpdir(), 'millrace-bench-test-'))
    try {
      const file = join(folder, 'run.json')
      const { code, output } = await run(...quick, '--load', 'all', '--engine', engine, '--json', file)
      expect(failureOf({ code, output })).toBeNull()
      const record = JSON.parse(readFileSync(file, 'utf8')) as RunRecord
      expect(record.results.map((result) => result.case)).toEqual(
        LOADS.flatMap((load) =>
          load.cases.filter((one) => one.engines.includes(engine)).map(({ name }) => name),
        ),
      )
      for (const { case: name, metrics, contenders } of record.results) {
        for (const contender of contenders) {
          expect(Object.keys(contender.figures), `${name}, ${contender.name}`).toEqual(
            metrics.map(({ key }) => key),
          )
        }
      }
      const parts = merged([record])
      expect(plotOf(parts)).toContain('<svg')
      const docs = docsOf(parts)
      for (const { case: name } of record.results) expect(docs).toContain(`### ${name}\n`)
    } finally {
      rmSync(folder, { recursive: true })
    }
  },
)

test(
  'what goes through a server is counted as well, and is a section of its own',
  { timeout: 120_000 },
  async () => {
    const folder = mkdtempSync(join(tmpdir(), 'millrace-bench-test-'))
    try {
      const file = join(folder, 'run.json')
      const { code, output } = await run(
        ...quick,
        '--load',
        'W2,W5',
        '--against',
        'millrace-server',
        '--json',
        file,
      )
      expect(failureOf({ code, output })).toBeNull()
      const record = JSON.parse(readFileSync(file, 'utf8')) as RunRecord
      expect(isThroughServer(record)).toBe(true)
      const section = serverSection(merged([record]))
      for (const row of ['W2: throughput, tasks/s', 'W5, 2 processes: p99, ms'])
        expect(section).toMatch(
          new RegExp(`^\\| ${row} \\| [\\d. \u202f]+ \\| [\\d. \u202f]+ \\| [\\d.]+ × \\|$`, 'm'),
        )
    } finally {
      rmSync(folder, { recursive: true })
    }
  },
)

test('the section of the server is replaced, stays, or comes before the last one', () => {
  const page = '# Benchmarks\n\ntext\n\n## On sqlite\n\nfigures\n\n## What is not compared\n\nmuch\n'
  const once = withServerSection(page, '## Through the server\n\none')
  expect(once).toBe(page.replace('## What', '## Through the server\n\none\n\n## What'))
  expect(withServerSection(once, '## Through the server\n\ntwo')).toBe(once.replace('one', 'two'))
  expect(withServerSection(page, serverSectionOf(once))).toBe(once)
  expect(serverSectionOf(page)).toBe('')
  expect(withServerSection(page, '')).toBe(page)
  expect(isThroughServer(recordOf('sqlite', []))).toBe(false)
})

test('BullMQ drains on Postgres too', { timeout: 120_000 }, async () => {
  const args = ['--load', 'W2,W3', '--engine', 'postgres', '--only', 'bullmq-postgres']
  const { code, output } = await run(...quick, ...args)
  expect(failureOf({ code, output })).toBeNull()
})

test('the loads that need no file also run on memory', { timeout: 120_000 }, async () => {
  const { code, output } = await run(...quick, '--load', 'W3,W4', '--engine', 'memory')
  expect(failureOf({ code, output })).toBeNull()
  expect(output).toContain('W4, 2 processes: not on memory')
})

test('wrong usage is told, with exit code 2', async () => {
  const { code, output } = await run('--load', 'W9')
  expect(code).toBe(2)
  expect(output).toContain('--load names W9')
  for (const args of [
    ['--engine', 'papyrus'],
    ['--against', 'millrace'],
    ['--against', 'bullmq'],
    ['--engine', 'redis', '--only', 'pg-boss'],
    ['--engine', 'redis', '--only', 'bullmq', '--against', 'bee-queue'],
    ['--only', ''],
    ['--iterations', '0'],
    ['--nonsense'],
    ['W1'],
    ['--write-docs', 'run.json'],
  ]) {
    expect(() => wishOf(args)).toThrow(UsageError)
  }
})

test('each engine has its own peers', () => {
  const sides = (...args: string[]): readonly string[] => wishOf(args).sides
  expect(sides()).toEqual(['millrace', 'plainjob'])
  expect(sides('--engine', 'memory')).toEqual(['millrace'])
  expect(sides('--engine', 'redis')).toEqual(['millrace', 'bullmq', 'bee-queue'])
  expect(sides('--engine', 'postgres')).toEqual(['millrace', 'graphile-worker', 'pg-boss'])
  expect(sides('--engine', 'postgres', '--against', 'bullmq-postgres')).toEqual([
    'millrace',
    'bullmq-postgres',
  ])
  expect(sides('--engine', 'redis', '--only', 'bee-queue')).toEqual(['bee-queue'])
})

test('several runs are one page: each engine once, of each case the last result', () => {
  const { results: _, ...run } = recordOf('postgres', [])
  const parts = merged([
    recordOf('sqlite', [['W1', 1]]),
    {
      ...run,
      results: recordOf('postgres', [
        ['W1', 2],
        ['W2', 3],
      ]).results,
    },
    recordOf('postgres', [['W1', 4]]),
  ])
  expect(parts.map(({ engine, results }) => [engine, results.map((one) => [one.case, rateOf(one)])])).toEqual(
    [
      ['sqlite', [['W1', 1]]],
      [
        'postgres',
        [
          ['W1', 4],
          ['W2', 3],
        ],
      ],
    ],
  )
  expect(parts[1]!.sides.map(({ name }) => name)).toEqual(['millrace'])
  const docs = docsOf(parts)
  expect(docs.match(/^## On .*$/gm)).toEqual(['## On sqlite', '## On postgres'])
  expect(docs).toContain('| postgres | W1 | millrace, throughput ≥ 3.00 tasks/s | 4.00 | met |')
  expect(docs).toContain('| sqlite | W1 | millrace, throughput ≥ 3.00 tasks/s | 1.00 | **missed** |')
  expect(plotOf(parts).match(/font-size="13"[^>]*>[a-z]+/g)).toHaveLength(2)
  expect(wishOf(['--from', 'a.json', 'b.json']).from).toEqual(['a.json', 'b.json'])
})

function rateOf({ contenders }: RunRecord['results'][number]): number {
  return contenders[0]!.figures['rate']!.median
}

function recordOf(engine: Engine, rates: readonly (readonly [name: string, rate: number])[]): RunRecord {
  const goal = { metric: 'rate', of: 'millrace', atLeast: 3 }
  return {
    startedAt: '2026-11-22T00:00:00Z',
    command: 'npm run bench',
    engine,
    server: 'a server',
    iterations: 1,
    quick: true,
    machine: machine(),
    sides: [{ name: 'millrace', durability: '', configuration: '', documentation: '' }],
    results: rates.map(([name, rate]) => ({
      load: name,
      case: name,
      about: 'a load',
      metrics: [RATE],
      contenders: [{ name: 'millrace', figures: { rate: spreadOf([rate]) }, tables: [] }],
      ratios: [],
      goals: [{ ...goal, value: rate, met: rate >= 3 }],
      failures: [],
    })),
  }
}

test('the time of a server counts its children, running and ended', async () => {
  // so much of each child that the parent and one of them are less than what is expected
  const busy = 'let used; do { used = process.cpuUsage() } while (used.user + used.system < 300_000);'
  const parent = `const { spawnSync, spawn } = require('node:child_process')
    spawnSync(process.execPath, ['-e', ${JSON.stringify(busy)}])
    const child = spawn(process.execPath, ['-e', ${JSON.stringify(`${busy} console.log('done'); setInterval(() => {}, 1000)`)}])
    child.stdout.once('data', () => console.log('done'))
    process.once('SIGTERM', () => { child.kill(); process.exit() })`
  const server = spawn(process.execPath, ['-e', parent], { stdio: ['ignore', 'pipe', 'inherit'] })
  try {
    await once(server.stdout, 'data')
    expect(engineCpuUs(server.pid!)).toBeGreaterThan(500_000)
    expect(engineCpuUs(null)).toBe(0)
  } finally {
    server.kill()
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
