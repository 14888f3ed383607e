/** `npm run bench`: see `arguments.ts` for what it is told. Exit code 1 if a task was lost or doubled, 2 for wrong usage. */
import { readFileSync, writeFileSync } from 'node:fs'
import { docsOf } from './report/docs.ts'
import { machine } from './measuring/machine.ts'
import { machineLines, resultLines, sideLines } from './report/terminal.ts'
import { openSite } from './engines/site.ts'
import { sideNamed } from './side.ts'
import { plotOf } from './report/plot.ts'
import {
  isThroughServer,
  serverSection,
  serverSectionOf,
  withServerSection,
} from './report/through-server.ts'
import { runPlan } from './runner.ts'
import { USAGE, UsageError, wishOf, type Wish } from './arguments.ts'
import { merged, type RunRecord } from './report/record.ts'

/** A load average beyond which the machine is not ours alone. */
const BUSY = 0.5

const DOCS = new URL('../../docs/', import.meta.url)

try {
  process.exitCode = await main(process.argv.slice(2))
} catch (error) {
  if (!(error instanceof UsageError)) throw error
  process.stderr.write(`${error.message}\n\n${USAGE}\n`)
  process.exitCode = 2
}

async function main(args: readonly string[]): Promise<number> {
  const wish = wishOf(args)
  if (wish.help) {
    say(USAGE)
    return 0
  }
  const records = wish.from.length === 0 ? [await measure(wish, args)] : wish.from.map(read)
  if (wish.from.length > 0)
    for (const { results } of records) for (const result of results) resultLines(result).forEach(say)
  if (wish.json !== undefined) writeFileSync(wish.json, `${JSON.stringify(records.at(-1), null, 2)}\n`)
  if (wish.writeDocs) writeDocs(records)
  return records.some(({ results }) => results.some(({ failures }) => failures.length > 0)) ? 1 : 0
}

/** What was measured through a server has a section of its own: of the page what was not measured now stays as it is. */
function writeDocs(records: readonly RunRecord[]): void {
  const file = new URL('benchmarks.md', DOCS)
  const before = readFileSync(file, 'utf8')
  const through = merged(records.filter(isThroughServer))
  const parts = merged(records.filter((record) => !isThroughServer(record)))
  const section = through.length === 0 ? serverSectionOf(before) : serverSection(through)
  writeFileSync(file, withServerSection(parts.length === 0 ? before : docsOf(parts), section))
  if (parts.length > 0) writeFileSync(new URL('benchmarks.svg', DOCS), plotOf(parts))
  if (through.length > 0) writeFileSync(new URL('benchmarks-server.svg', DOCS), plotOf(through))
}

function read(file: string): RunRecord {
  return JSON.parse(readFileSync(file, 'utf8')) as RunRecord
}

async function measure(wish: Wish, args: readonly string[]): Promise<RunRecord> {
  const startedAt = new Date().toISOString()
  const here = machine()
  const sides = wish.sides.map((name) => {
    const { durability, configuration, documentation } = sideNamed(name)
    return { name, durability: durability[wish.engine] ?? '', configuration, documentation }
  })
  await using site = await openSite(wish)
  const server = site.about
  for (const line of [...machineLines(here), server, ...sideLines(sides)]) say(line)
  if (here.loadAverage > BUSY)
    say('Something else is running on this machine: these figures will mean little.')
  const progress = (line: string): void => void process.stderr.write(`  … ${line}\n`)
  const course = { plan: wish, site, say: progress }
  const results = await runPlan(course, (result) => resultLines(result).forEach(say))
  const { engine, iterations, quick } = wish
  const command = ['npm run bench --', ...args].join(' ')
  return { startedAt, command, engine, server, iterations, quick, machine: here, sides, results }
}

function say(line: string): void {
  process.stdout.write(`${line}\n`)
}
