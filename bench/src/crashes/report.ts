/** The figures of the crash tests as tables, for the terminal and for the documentation. */
import type { Machine } from '../measuring/machine.ts'
import type { BlockedFigures } from './blocked.ts'
import type { KilledFigures } from './killed.ts'
import type { PillFigures } from './pill.ts'

export const TESTS = ['blocked', 'killed', 'pill'] as const
export type Test = (typeof TESTS)[number]

export type Result = {
  readonly engine: string
  readonly contender: string
} & (
  | { readonly test: 'blocked'; readonly figures: BlockedFigures }
  | { readonly test: 'killed'; readonly figures: KilledFigures }
  | { readonly test: 'pill'; readonly figures: PillFigures }
)

/** What one run leaves behind. */
export interface CrashRecord {
  readonly startedAt: string
  readonly command: string
  readonly quick: boolean
  readonly machine: Machine
  /** What each engine was, by its name. */
  readonly servers: Readonly<Record<string, string>>
  readonly results: readonly Result[]
}

export interface Table {
  readonly test: Test
  readonly head: readonly string[]
  readonly rows: readonly (readonly string[])[]
}

const HEADS: Readonly<Record<Test, readonly string[]>> = {
  blocked: [
    '',
    'engine',
    'blocked for',
    'started',
    'handler done',
    'outcomes accepted',
    'became',
    'ended after',
  ],
  killed: ['', 'engine', 'tasks it ran', 'started again', 'least', 'median', 'most'],
  pill: [
    '',
    'engine',
    'the pill does',
    'workers that died',
    'other processes that died',
    'the pill became',
    'after starts',
    'neighbours failed',
    'neighbours started again',
    'neighbours not done',
    'all ended after',
  ],
}

/** A table for each test that there are results of. */
export function tablesOf(results: readonly Result[]): readonly Table[] {
  return TESTS.map((test) => {
    const rows = results
      .filter((result) => result.test === test)
      .map((result) => [result.contender, result.engine, ...cells(result)])
    return { test, head: HEADS[test], rows }
  }).filter(({ rows }) => rows.length > 0)
}

export function linesOf({ head, rows }: Table): readonly string[] {
  return [head, head.map(() => '---'), ...rows].map((row) => `| ${row.join(' | ')} |`)
}

function cells(result: Result): readonly string[] {
  switch (result.test) {
    case 'blocked':
      return blockedCells(result.figures)
    case 'killed':
      return killedCells(result.figures)
    case 'pill':
      return pillCells(result.figures)
  }
}

function blockedCells(figures: BlockedFigures): readonly string[] {
  const { blockedMs, starts, ends, accepted, fate, endedMs, boundMs } = figures
  return [
    seconds(blockedMs),
    times(starts),
    times(ends),
    accepted === null ? 'not told' : String(accepted),
    fateText(fate),
    within(endedMs, boundMs),
  ]
}

function killedCells({ running, againMs, boundMs }: KilledFigures): readonly string[] {
  const sorted = againMs.toSorted((a, b) => a - b)
  const cell = (index: number): string => within(sorted[index] ?? null, boundMs)
  // of those that were not started again nobody knows: beyond the bound
  const most = sorted.length < running ? null : sorted.at(-1)!
  return [String(running), String(sorted.length), cell(0), cell((running - 1) >> 1), within(most, boundMs)]
}

function pillCells(figures: PillFigures): readonly string[] {
  const { poison, workersDied, childrenDied, pill, pillStarts, totalMs, boundMs } = figures
  return [
    poison === 'kill' ? 'SIGKILL' : 'abort()',
    String(workersDied),
    String(childrenDied),
    fateText(pill),
    String(pillStarts),
    String(figures.neighboursFailed),
    String(figures.neighboursAgain),
    String(figures.neighboursLeft),
    within(totalMs, boundMs),
  ]
}

function fateText(fate: PillFigures['pill']): string {
  return fate === 'live' ? 'still alive' : fate
}

function times(count: number): string {
  return count === 1 ? 'once' : `${count} times`
}

function within(ms: number | null, boundMs: number): string {
  return ms === null ? `not within ${seconds(boundMs)}` : seconds(ms)
}

function seconds(ms: number): string {
  return `${(ms / 1_000).toFixed(Number.isInteger(ms / 1_000) ? 0 : 1)} s`
}

/** Engine by engine. Of what was measured more than once the last figures stand. */
export function merged(records: readonly CrashRecord[]): readonly Result[] {
  const keyOf = (result: Result): string => {
    const kind = result.test === 'pill' ? result.figures.poison : ''
    return [result.test, result.engine, result.contender, kind].join(' ')
  }
  const results = records.flatMap((record) => record.results)
  const last = [...new Map(results.map((result) => [keyOf(result), result])).values()]
  const place = ({ engine }: Result): number => last.findIndex((result) => result.engine === engine)
  return last.toSorted((a, b) => place(a) - place(b))
}
