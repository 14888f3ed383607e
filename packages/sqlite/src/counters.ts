/** A task's counters as text in its row: numbers in this order. */
import type { Counters } from '@millrace/core/store'

const NAMES = [
  'claims',
  'failures',
  'crashes',
  'isolatedCrashes',
  'returns',
  'snoozes',
  'parks',
  'generation',
] as const

export type MutableCounters = { -readonly [K in keyof Counters]: number }

/** @param text `null`: all are zero */
export function readCounters(text: string | null): MutableCounters {
  const values = text === null ? [] : text.split(' ')
  return {
    claims: Number(values[0] ?? 0),
    failures: Number(values[1] ?? 0),
    crashes: Number(values[2] ?? 0),
    isolatedCrashes: Number(values[3] ?? 0),
    returns: Number(values[4] ?? 0),
    snoozes: Number(values[5] ?? 0),
    parks: Number(values[6] ?? 0),
    generation: Number(values[7] ?? 0),
  }
}

export function writeCounters(counters: Counters): string {
  return NAMES.map((name) => counters[name]).join(' ')
}
