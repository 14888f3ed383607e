import { InvalidArgumentError } from './errors.ts'
import { shown } from './shown.ts'

type Unit = 'ms' | 's' | 'm' | 'h' | 'd' | 'w'

/** Milliseconds, or a number with a unit: `'250ms'`, `'30s'`, `'5m'`, `'2h'`, `'1d'`, `'1w'`. */
export type Duration = number | `${number}${Unit}`

const UNIT_MS: Readonly<Record<Unit, number>> = {
  ms: 1,
  s: 1_000,
  m: 60_000,
  h: 3_600_000,
  d: 86_400_000,
  w: 604_800_000,
}

/** Longest duration: 100 years of 365 days. */
const DURATION_MAX_MS = 100 * 365 * UNIT_MS.d

const GRAMMAR = /^(\d+(?:\.\d+)?)(ms|s|m|h|d|w)$/
const TEXT_MAX = 32

const HINT =
  "A duration is milliseconds or text like '250ms', '30s', '5m', '2h', '1d', '1w', and at most 100 years."

/**
 * A duration in whole milliseconds, rounded.
 *
 * @param what the name of the option, for the error
 * @throws InvalidArgumentError if it is no duration, negative, or longer than 100 years
 */
export function durationMs(value: Duration, what: string): number {
  const ms = typeof value === 'number' ? value : parse(value)
  if (ms >= 0 && ms <= DURATION_MAX_MS) return Math.round(Math.abs(ms)) // abs: no -0
  throw new InvalidArgumentError(`${what} is ${shown(value)}, which is no duration.`, { hint: HINT })
}

/**
 * Text that was computed or read, as a duration.
 *
 * @throws InvalidArgumentError if the text is no duration
 */
export function duration(text: string): Duration {
  return durationMs(text as Duration, 'The duration')
}

function parse(text: unknown): number {
  const match = typeof text === 'string' && text.length <= TEXT_MAX ? GRAMMAR.exec(text) : null
  return match === null ? Number.NaN : Number(match[1]) * UNIT_MS[match[2] as Unit]
}
