/**
 * What workers did, in files outside of the store: each process appends to one of its own, line by line and at once, so
 * that what it did is there after kill -9. Times are of the monotonic clock, which all processes of a machine share.
 */
import { closeSync, openSync, readdirSync, readFileSync, writeSync } from 'node:fs'
import { join } from 'node:path'
import process from 'node:process'
import type { Effect, Grant, Settled } from '@millrace/core/simulation'

/** What one process wrote down of a write that its handler tried although it had lost its task. */
export interface LateWrite {
  readonly task: string
  readonly what: 'checkpoint' | 'child' | 'settlement'
  /** An error's code, or the store's verdict; `accepted` is what must not be. */
  readonly answer: string
  readonly atMs: number
}

/** What a worker said of a task, in its log or by an event. */
export interface Report {
  readonly task: string
  readonly says: string
  readonly atMs: number
}

/** Something went wrong in a worker that is no task's fault. */
export interface Trouble {
  readonly doing: string
  readonly code: string
  readonly atMs: number
}

type Line =
  | ({ readonly is: 'effect' } & Effect)
  | ({ readonly is: 'grant'; readonly pid: number; readonly cause: string | null } & Grant)
  | ({ readonly is: 'settled'; readonly pid: number } & Settled)
  | ({ readonly is: 'late write' } & LateWrite)
  | ({ readonly is: 'report' } & Report)
  | ({ readonly is: 'trouble' } & Trouble)

/** A line as its writer gives it; when it was written is added. */
type Written<L = Line> = L extends Line ? Omit<L, 'atMs' | 'pid'> : never

export class EffectsJournal implements Disposable {
  readonly #file: number

  constructor(folder: string) {
    this.#file = openSync(join(folder, `effects-${process.pid}`), 'a')
  }

  write(line: Written): void {
    writeSync(this.#file, `${JSON.stringify({ ...line, pid: process.pid, atMs: monotonicMs() })}\n`)
  }

  [Symbol.dispose](): void {
    closeSync(this.#file)
  }
}

export function monotonicMs(): number {
  return Number(process.hrtime.bigint() / 1_000n) / 1_000
}

/** All that was written down, by kind, each in the order of time. */
export interface Effects {
  readonly effects: readonly Effect[]
  readonly grants: readonly (Grant & { readonly pid: number; readonly cause: string | null })[]
  readonly settlements: readonly (Settled & { readonly pid: number })[]
  readonly lateWrites: readonly LateWrite[]
  readonly reports: readonly Report[]
  readonly troubles: readonly Trouble[]
}

export function readEffects(folder: string): Effects {
  const lines = readdirSync(folder)
    .filter((name) => name.startsWith('effects-'))
    .flatMap((name) => readFileSync(join(folder, name), 'utf8').split('\n'))
    // a process that was killed in the middle of a write may leave half a line
    .filter((line) => line.endsWith('}'))
    .map((line) => JSON.parse(line) as Line)
    .toSorted((one, other) => one.atMs - other.atMs)
  const all = <K extends Line['is']>(is: K): Extract<Line, { is: K }>[] =>
    lines.filter((line): line is Extract<Line, { is: K }> => line.is === is)
  return {
    effects: all('effect'),
    grants: all('grant'),
    settlements: all('settled'),
    lateWrites: all('late write'),
    reports: all('report'),
    troubles: all('trouble'),
  }
}
