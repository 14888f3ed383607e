/** docs/benchmarks.md, from the records of runs. */
import { figure, goalText, spreadText } from './figures.ts'
import { machineLines } from './terminal.ts'
import type { ContenderResult, Result } from '../runner.ts'
import type { EnginePart, RunRecord } from './record.ts'

export function docsOf(parts: readonly EnginePart[]): string {
  return `${[
    '# Benchmarks',
    'Nothing here was typed by hand: `bench/` wrote it, with the commands below. Figures are medians, with the least and the most behind them; ratios are of figures of the same round, and are what counts: absolute figures move from machine to machine. A goal is a bound that we set ourselves before.',
    '![Millrace and its peers, tasks per second](benchmarks.svg)',
    '## Goals',
    goalsTable(parts),
    ...parts.flatMap(engineSection),
    '## What is not compared',
    NOT_COMPARED,
  ].join('\n\n')}\n`
}

function goalsTable(parts: readonly EnginePart[]): string {
  const rows = parts.flatMap(({ engine, results }) =>
    results.flatMap((result) =>
      result.goals.map((goal) => {
        const verdict = goal.met ? 'met' : '**missed**'
        return `| ${engine} | ${result.case} | ${goalText(goal, result.metrics)} | ${figure(goal.value)} | ${verdict} |`
      }),
    ),
  )
  return ['| Engine | Load | Goal | Measured | |', '|---|---|---|---|---|', ...rows].join('\n')
}

function engineSection({ engine, runs, sides, results }: EnginePart): string[] {
  const [{ machine, server }] = runs as readonly [RunRecord, ...RunRecord[]]
  const commands = runs.map(
    ({ command, startedAt, iterations }) =>
      `- \`${repeatable(command)}\` on ${startedAt.slice(0, 10)}, ${times(iterations)}`,
  )
  return [
    `## On ${engine}`,
    [...machineLines(machine), server].join('  \n'),
    commands.join('\n'),
    sidesTable(sides),
    ...results.map(resultSection),
  ]
}

const NOT_COMPARED = `Each side runs with what is on by default. Of ours that is: every acknowledged task as durable as its engine was told to make it, leases with fences, a history per task, validation of inputs, retention. The peers here do less of it, or none, and most keep nothing of what is done, so equal figures would not mean equal work; where a peer is as fast as we are, it may be the better choice for what it does.

Durability is not the same everywhere: on SQLite and Postgres an acknowledged task is on the disk, on Redis it is in a log that is synced once a second, for us as for the peers there; plainjob syncs at checkpoints only (plainjob-full, where it is shown, with each commit). So figures of different engines are not to be compared with each other. A claim of ours that settles nothing does not wait for Postgres' disk; an enqueue and a settlement do.

The payload is one synthetic object of about 200 bytes, always the same but for its number. Handlers do nothing, which flatters whoever has the least work per task: with real handlers the queue is seldom what takes the time. Runs are over in a second or a few, with processes that have just been started, so compiling JavaScript is a part of every figure. Peers are set up as their own documentation has it for speed, or faster where we found something faster; that need not be the best that can be had.

All of it ran on one machine with few cores, on which client, worker and engine share the processor; nothing was measured over a network, on a slow disk, on a cluster, or for hours. Start-up, behaviour after a crash and under a full disk are not part of these figures.`

function times(iterations: number): string {
  return iterations === 1 ? 'one round' : `${iterations} rounds`
}

function sidesTable(sides: EnginePart['sides']): string {
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

/** Where the figures were kept is of no use on another machine. */
function repeatable(command: string): string {
  return command.replaceAll(/ --json[ =]\S+/g, '')
}
