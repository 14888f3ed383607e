/** The section of docs/benchmarks.md about Millrace through a server of its own, beside Millrace itself. */
import { spreadText } from './figures.ts'
import { machineLines } from './terminal.ts'
import { OURS, THROUGH_SERVER } from '../side.ts'
import { spreadOf, type Spread } from '../measuring/statistics.ts'
import type { EnginePart, RunRecord } from './record.ts'
import type { Result } from '../runner.ts'

const HEADING = '## Through the server'

const ABOUT = `Clients and workers that have no store, and reach one by gRPC through \`millrace serve\`, against the same with the store itself; in the same rounds, with the server on the same machine: it takes its share of the same processors.

![Millrace itself and through its server, tasks per second](benchmarks-server.svg)`

/** What is told of a load, of those of its metrics that it has. */
const TOLD = ['rate', 'p50', 'p99'] as const

/** Whether a run was made to compare the two. */
export function isThroughServer({ sides }: RunRecord): boolean {
  return sides.some(({ name }) => name === THROUGH_SERVER)
}

/** The page with the section in the place of the one that it has, or before its last one. */
export function withServerSection(page: string, section: string): string {
  const sections = page.trimEnd().split(/\n(?=## )/)
  const others = sections.filter((one) => !one.startsWith(HEADING))
  if (section === '') return `${others.join('\n')}\n`
  return `${[...others.slice(0, -1), `${section.trimEnd()}\n`, ...others.slice(-1)].join('\n')}\n`
}

/** The section of a page; empty: it has none. */
export function serverSectionOf(page: string): string {
  return page.split(/\n(?=## )/).find((one) => one.startsWith(HEADING)) ?? ''
}

export function serverSection(parts: readonly EnginePart[]): string {
  return [HEADING, ABOUT, ...parts.flatMap(engineLines)].join('\n\n')
}

function engineLines({ engine, runs, results }: EnginePart): string[] {
  const [{ machine, server }] = runs as readonly [RunRecord, ...RunRecord[]]
  const commands = runs.map(
    ({ command, startedAt, iterations }) =>
      `- \`${command.replaceAll(/ --json[ =]\S+/g, '')}\` on ${startedAt.slice(0, 10)}, rounds: ${iterations}`,
  )
  const rows = results.flatMap(rowsOf)
  return [
    `### Through the server, on ${engine}`,
    [...machineLines(machine), server].join('  \n'),
    commands.join('\n'),
    ['| | itself | through the server | of it |', '| --- | --- | --- | --- |', ...rows].join('\n'),
  ]
}

function rowsOf({ case: name, metrics, contenders, ratios }: Result): string[] {
  return TOLD.flatMap((key) => {
    const metric = metrics.find((one) => one.key === key)
    const figure = (side: string): Spread | undefined =>
      contenders.find((contender) => contender.name === side)?.figures[key]
    const [itself, through] = [figure(OURS), figure(THROUGH_SERVER)]
    const ratio = ratios.find((one) => one.metric === key && one.against === THROUGH_SERVER)
    if (metric === undefined || itself === undefined || through === undefined || ratio === undefined)
      return []
    const share = spreadOf(ratio.spread.values.map((value) => 1 / value))
    const what = `${name}: ${metric.title}, ${metric.unit}`
    return [`| ${what} | ${spreadText(itself)} | ${spreadText(through)} | ${spreadText(share, '×')} |`]
  })
}
