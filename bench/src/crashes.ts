/**
 * Crashes, ours and the peers': a handler that blocks its thread for longer than a lease, a worker process killed with
 * -9, a task that kills every process that runs it. After `npm run build`:
 * `node bench/src/crashes.ts [--engine redis,postgres,sqlite] [--test blocked,killed,pill] [--only NAMES] [--quick]
 * [--json FILE]`; `--from FILE …` takes the figures from files, `--write-docs` writes docs/crashes.md.
 */
import { readFileSync, writeFileSync } from 'node:fs'
import { parseArgs } from 'node:util'
import { blocked } from './crashes/blocked.ts'
import type { Contender } from './crashes/contender.ts'
import { CONTENDERS, contenderNamed } from './crashes/contenders/all.ts'
import { docsOf } from './crashes/docs.ts'
import { killed } from './crashes/killed.ts'
import { pill } from './crashes/pill.ts'
import {
  linesOf,
  merged,
  tablesOf,
  TESTS,
  type CrashRecord,
  type Result,
  type Test,
} from './crashes/report.ts'
import { onStage } from './crashes/scene.ts'
import { openSite, type Site } from './engines/site.ts'
import { machine } from './measuring/machine.ts'
import { machineLines } from './report/terminal.ts'

const DOCS = new URL('../../docs/crashes.md', import.meta.url)
const ENGINES = ['redis', 'postgres', 'sqlite'] as const
type CrashEngine = (typeof ENGINES)[number]

for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => process.exit(1))

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    engine: { type: 'string', default: ENGINES.join(',') },
    test: { type: 'string', default: TESTS.join(',') },
    only: { type: 'string', default: CONTENDERS.map(({ name }) => name).join(';') },
    quick: { type: 'boolean', default: false },
    json: { type: 'string' },
    from: { type: 'string' },
    'write-docs': { type: 'boolean', default: false },
  },
})
const records = values.from === undefined ? [await measure()] : [values.from, ...positionals].map(read)
for (const table of tablesOf(merged(records))) for (const line of ['', ...linesOf(table)]) say(line)
if (values['write-docs']) writeFileSync(DOCS, docsOf(records))

async function measure(): Promise<CrashRecord> {
  const startedAt = new Date().toISOString()
  const here = machine()
  machineLines(here).forEach(say)
  const command = ['node bench/src/crashes.ts', ...process.argv.slice(2)].join(' ')
  const servers: Record<string, string> = {}
  const results: Result[] = []
  const record = { startedAt, command, quick: values.quick, machine: here, servers, results }
  for (const engine of named(values.engine, ENGINES)) {
    await using site = await openSite({ engine, quick: values.quick })
    servers[engine] = site.about
    say(`${engine}: ${site.about}`)
    for (const test of named(values.test, TESTS))
      for (const contender of contendersOn(engine, test)) {
        results.push(...(await played(contender, { site, engine, test })))
        keep(record)
      }
  }
  return record
}

/** After each trial: a run takes long, and what was measured is measured. */
function keep(record: CrashRecord): void {
  if (values.json !== undefined) writeFileSync(values.json, `${JSON.stringify(record, null, 2)}\n`)
}

function contendersOn(engine: CrashEngine, test: Test): readonly Contender[] {
  return values.only
    .split(';')
    .map(contenderNamed)
    .filter(({ engines, isTuned }) => engines.includes(engine) && (!isTuned || test === 'killed'))
}

interface Turn {
  readonly site: Site
  readonly engine: CrashEngine
  readonly test: Test
}

async function played(contender: Contender, { site, engine, test }: Turn): Promise<readonly Result[]> {
  say(`… ${test}: ${contender.name} on ${engine}`)
  const place = { site, quick: values.quick }
  const who = { engine, contender: contender.name }
  switch (test) {
    case 'blocked':
      return [{ ...who, test, figures: await onStage(contender, place, blocked) }]
    case 'killed':
      return [{ ...who, test, figures: await onStage(contender, place, killed) }]
    case 'pill': {
      const results: Result[] = []
      for (const poison of ['kill', 'abort'] as const) {
        const figures = await onStage(contender, place, (scene) => pill(scene, poison))
        results.push({ ...who, test, figures })
      }
      return results
    }
  }
}

function read(file: string): CrashRecord {
  return JSON.parse(readFileSync(file, 'utf8')) as CrashRecord
}

/** @throws Error for a name that is not among those that there are */
function named<T extends string>(list: string, known: readonly T[]): readonly T[] {
  return list.split(',').map((name) => {
    const found = known.find((one) => one === name)
    if (found === undefined) throw new Error(`There is no ${name}: ${known.join(', ')}.`)
    return found
  })
}

function say(line: string): void {
  process.stdout.write(`${line}\n`)
}
