/** What handlers note down outside every store: a line for each step, by a clock that all processes share. */
import { appendFileSync, readFileSync } from 'node:fs'

/** `accepted`: the contender has told that the outcome of this run stands. */
export type Step = 'start' | 'end' | 'accepted'

export interface Entry {
  readonly step: Step
  readonly n: number
  readonly pid: number
  readonly atMs: number
}

/** On a clock that is the same for all processes of this machine. */
export function nowMs(): number {
  return Number(process.hrtime.bigint()) / 1e6
}

export function note(path: string, step: Step, n: number): void {
  appendFileSync(path, `${step} ${n} ${process.pid} ${nowMs()}\n`)
}

export function entriesOf(path: string): readonly Entry[] {
  const lines = readFileSync(path, 'utf8').trimEnd().split('\n')
  return lines.filter((line) => line !== '').map(entryOf)
}

function entryOf(line: string): Entry {
  const [step, ...numbers] = line.split(' ')
  const [n, pid, atMs] = numbers.map(Number)
  return { step: step as Step, n: n!, pid: pid!, atMs: atMs! }
}

/** How often each task was started. */
export function startsOf(entries: readonly Entry[]): ReadonlyMap<number, number> {
  const starts = new Map<number, number>()
  for (const { step, n } of entries) if (step === 'start') starts.set(n, (starts.get(n) ?? 0) + 1)
  return starts
}
