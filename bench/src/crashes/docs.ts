/** docs/crashes.md, from the records of runs. */
import { figure } from '../report/figures.ts'
import { machineLines } from '../report/terminal.ts'
import { CONTENDERS } from './contenders/all.ts'
import { linesOf, merged, tablesOf, type CrashRecord, type Test } from './report.ts'
import { versionOf } from './version.ts'

const TITLES: Readonly<Record<Test, readonly [string, string]>> = {
  blocked: [
    'A handler that blocks its thread',
    'One task keeps the main thread of its process busy, without ever giving it up, for 10 s longer than the lease or lock lasts (25 s where nothing is renewed). A second process is idle. Wanted: started once, one outcome accepted, ended when the handler is done.',
  ],
  killed: [
    'A process that is killed',
    'Two processes work on tasks of 1 s, ten at a time; one of them is killed with -9 while it runs ten. Shown is how long after the kill those tasks were started again; a new process was there at once.',
  ],
  pill: [
    'A task that kills whatever runs it',
    'Among 1 000 tasks of 20 ms there is one that sends its own process SIGKILL, as the kernel does when memory is out, or calls `process.abort()`, as a native module does. Two processes, ten tasks at a time each; one that dies is started again at once. Wanted: the pill fails for good, and none of its neighbours does.',
  ],
}

export function docsOf(records: readonly CrashRecord[]): string {
  const tables = tablesOf(merged(records))
  return `${[
    '# When processes crash',
    'What becomes of tasks when a process is busy, is killed, or is killed by a task: measured for Millrace and for its peers with the same rig, side by side. Nothing here was typed by hand: `bench/src/crashes.ts` wrote it.',
    ...tables.flatMap((table) => {
      const [title, about] = TITLES[table.test]
      return [`## ${title}`, about, linesOf(table).join('\n')]
    }),
    '## Who took part, and how',
    'Each with the defaults that its documentation states; only the concurrency, ten, and what is said here was set.',
    contendersTable(records),
    '## How it was measured',
    measured(records),
    '## What is not compared',
    NOT_COMPARED,
  ].join('\n\n')}\n`
}

function contendersTable(records: readonly CrashRecord[]): string {
  const present = new Set(records.flatMap(({ results }) => results.map(({ contender }) => contender)))
  const rows = CONTENDERS.filter(({ name }) => present.has(name)).map(
    ({ name, defaults, documentation, package: from }) =>
      `| [${name}](${documentation}) | ${versionOf(from)} | ${defaults} |`,
  )
  return ['| | version | its defaults |', '|---|---|---|', ...rows].join('\n')
}

function measured(records: readonly CrashRecord[]): string {
  const servers = new Map(records.flatMap((record) => Object.entries(record.servers)))
  const lines = [
    ...machineLines(records.at(-1)!.machine),
    ...[...servers].map(([engine, about]) => `${engine}: ${about}`),
  ]
  const dates = records.map(({ startedAt }) => startedAt.slice(0, 10)).toSorted()
  const days = [...new Set([dates[0]!, dates.at(-1)!])].join(' to ')
  const pieces = records.length === 1 ? '' : `, in ${records.length} pieces by its options`
  const command = `\`npm run build\`, then \`node bench/src/crashes.ts\`${pieces}, on ${days}`
  const loads = records.map(({ machine: { loadAverage } }) => loadAverage)
  const about =
    'Handlers write their starts and ends to a file outside the store, by the clock that all processes share. Whether a task has ended is asked of the store every 250 ms (every 500 ms for the pills). Each figure is of one run; where a check comes round every 30 s, another run finds another moment of it.'
  const busy = `Other programs kept the machine busy: load averages before the runs were ${figure(Math.min(...loads))} to ${figure(Math.max(...loads))}. On an idle one the shorter figures would be shorter; what tells the contenders apart are tens of seconds, which come from their settings.`
  return [about, busy, lines.join('  \n'), command].join('\n\n')
}

const NOT_COMPARED = `These are defaults, and defaults are choices. A queue that gives up a job only after 15 minutes or 4 hours survives a blocked thread without a heartbeat, and pays for it when a process is killed; one with a lock of 30 s pays the other way round. Most of it can be set: BullMQ's lock and stalled check (its guide says that one should normally not need to, and offers sandboxed processors, which run handlers in processes of their own), pg-boss' expiration and its heartbeats (10 s at least, off by default); graphile-worker's 4 hours cannot be, but its commercial Worker Pro has heartbeats. None of that was measured. Ours keeps the tasks of a blocked thread for 60 s (\`maxBlock\`, for a worker or a handler); one that blocks for longer loses them to another process, as it would elsewhere. Of ours the short lease is shown to tell what a setting changes.

Ours was given the module of its handlers (\`isolates\`), as its documentation advises: without it nothing runs a suspect alone, and its crashes are only counted and spaced out. A peer that fails a job after its second crash needs fewer starts to be rid of a pill than we do; what that costs its neighbours is in the table. BullMQ counts a crash against whatever ran beside it, too, so how many neighbours fail depends on what is picked up together again.

"Started again" is no fault by itself: every one of these queues runs a task again when the process that ran it dies, and handlers have to bear that. Two runs of one task at the same time, and an outcome that is thrown away though its handler was done, are what a blocked thread should not lead to.

Each cell is one run on one machine with two cores, client, workers and engine on it. Not tried here: machines that vanish, networks that part, engines that die (see \`bench/src/server-kills.ts\` for ours), memory that really runs out, and more than two processes.`
