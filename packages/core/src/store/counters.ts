/** A task's counters as text in its row: numbers in this order. */
import type { Counters } from './records.ts'

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

/** The counters of a task while a store changes them. */
export type MutableCounters = { -readonly [K in keyof Counters]: number }

/** @param text `null`: all are zero */
export function readCounters(text: string | null): MutableCounters {
  const values = text === null ? [] : text.split(' ').map(Number)
  const [claims = 0, failures = 0, crashes = 0, isolatedCrashes = 0, returns = 0, ...rest] = values
  const [snoozes = 0, parks = 0, generation = 0] = rest
  return { claims, failures, crashes, isolatedCrashes, returns, snoozes, parks, generation }
}

/** The counters of a task as the text that a store keeps. */
export function writeCounters(counters: Counters): string {
  return NAMES.map((name) => counters[name]).join(' ')
}
