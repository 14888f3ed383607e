/** docs/benchmarks.md, from the record of a run. */
import { figure, goalText, spreadText } from './figures.ts'
import { machineLines } from './terminal.ts'
import type { ContenderResult, Result } from '../runner.ts'
import type { RunRecord } from './record.ts'

export function docsOf(record: RunRecord): string {
  return `${[
    '# Benchmarks',
    `Written by \`${record.command}\` on ${record.startedAt.slice(0, 10)}; nothing here was typed by hand. Figures are medians of ${times(record.iterations)} with the least and the most behind them; ratios are of figures of the same round, and are what counts: absolute figures move from machine to machine.`,
    [...machineLines(record.machine), record.server].join('  \n'),
    '![Millrace and its peers, tasks per second](benchmarks.svg)',
    '## Who was measured, and how durable it was',
    sidesTable(record),
    '## Figures',
    ...record.results.map(resultSection),
    '## What is not compared',
    NOT_COMPARED,
  ].join('\n\n')}\n`
}

const NOT_COMPARED = `Each side runs with what is on by default. Of ours that is: every acknowledged task synced to disk, leases with fences, a history per task, validation of inputs, retention. The peers here do less of it, or none, and some are less durable (see the table above), so equal figures would not mean equal work; where a peer is as fast as we are, it may be the better choice for what it does. The other way round, handlers that do nothing flatter whoever has the least work per task: with real handlers the queue is seldom what takes the time. Peers are measured as their own documentation sets them up for speed, which need not be the best that can be had. Nothing was measured over a network, on a slow disk, or for longer than some seconds at a time; memory, start-up and behaviour after a crash are not part of these figures. Figures of one machine with few cores, on which client, worker and engine share the processor, say little about a larger one.`

function times(iterations: number): string {
  return iterations === 1 ? 'one round' : `${iterations} rounds`
}

function sidesTable({ sides }: RunRecord): string {
  const rows = sides.map(
    ({ name, durability, configuration, documentation }) =>
      `| [${name}](${documentation}) | ${durability} | ${configuration} |`,
  )
  return ['| | What an acknowledged task survives | Set up as |', '|---|---|---|', ...rows].join('\n')
}

function resultSection(result: Result): string {
  const { metrics, contenders, ratios, goals, about } = result
  const head = ['', ...metrics.map(({ title, unit }) => `${title}, ${unit}`)]
  const rows = contenders.map((contender) => [contender.name, ...cells(contender, result)])
  const pairs = [...new Map(ratios.map((ratio) => [`${ratio.of} / ${ratio.against}`, ratio])).entries()]
  for (const [name, { of, against }] of pairs) {
    const found = metrics.map(({ key }) =>
      ratios.find((one) => one.metric === key && one.of === of && one.against === against),
    )
    rows.push([
      `*${name}*`,
      ...found.map((ratio) => (ratio === undefined ? '' : spreadText(ratio.spread, '×'))),
    ])
  }
  const bounds = goals.map(
    (goal) => `- Goal: ${goalText(goal, metrics)}: ${figure(goal.value)}, ${goal.met ? 'met' : '**missed**'}`,
  )
  const lines = [head, head.map(() => '---'), ...rows].map((row) => `| ${row.join(' | ')} |`)
  return [
    `### ${result.case}`,
    about[0]!.toUpperCase() + about.slice(1) + '.',
    lines.join('\n'),
    bounds.join('\n'),
  ]
    .filter((part) => part !== '')
    .join('\n\n')
}

function cells({ figures }: ContenderResult, { metrics }: Result): string[] {
  return metrics.map(({ key }) => {
    const spread = figures[key]
    return spread === undefined ? '' : spreadText(spread)
  })
}
