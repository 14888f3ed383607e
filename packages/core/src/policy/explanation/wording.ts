/** How numbers, times and tasks are said in a sentence. */
import type { Kin } from './facts.ts'

const UNITS: readonly (readonly [ms: number, name: string])[] = [
  [86_400_000, 'd'],
  [3_600_000, 'h'],
  [60_000, 'm'],
  [1_000, 's'],
]

/** A length of time in its largest unit and, where that is a small number, the next: `2 h 5 m`. */
export function span(ms: number): string {
  const first = UNITS.findIndex(([unit]) => ms >= unit)
  if (first < 0) return `${Math.round(ms)} ms`
  const [large] = UNITS[first]!
  const [small] = (ms < FEW * large ? UNITS[first + 1] : UNITS[first]) ?? [large]
  // what is all but an hour is an hour
  const rounded = Math.round(ms / small) * small
  const at = UNITS.findIndex(([unit]) => rounded >= unit)
  const [unit, name] = UNITS[at]!
  const [below, nameBelow] = UNITS[at + 1] ?? [unit, '']
  const whole = Math.floor(rounded / unit)
  const rest = whole < FEW ? Math.floor((rounded - whole * unit) / below) : 0
  return rest === 0 ? `${whole} ${name}` : `${whole} ${name} ${rest} ${nameBelow}`
}

/** Of fewer than so many the next unit is told, too. */
const FEW = 10

export function ahead(at: number, now: number): string {
  return at <= now ? 'now' : `in ${span(at - now)}`
}

export function ago(at: number, now: number): string {
  return at >= now ? 'just now' : `${span(now - at)} ago`
}

export function grouped(n: number): string {
  return String(n).replaceAll(/\B(?=(\d{3})+$)/g, ' ')
}

/** `1 task`, `12 000 tasks`. */
export function many(n: number, noun: string): string {
  return `${grouped(n)} ${noun}${n === 1 ? '' : 's'}`
}

export function listed(items: readonly string[]): string {
  if (items.length <= 1) return items.join('')
  return `${items.slice(0, -1).join(', ')} and ${items.at(-1)}`
}

/** `task ID (running)`. */
export function kin({ id, state }: Kin): string {
  return `task ${id} (${state})`
}

/** What may be of any length, or hold line breaks, as the beginning of one line. */
export function brief(text: string): string {
  const line = text.replaceAll(/\s+/g, ' ').trim()
  return line.length <= BRIEF_MAX ? line : `${line.slice(0, BRIEF_MAX - 1).toWellFormed()}…`
}

const BRIEF_MAX = 200
