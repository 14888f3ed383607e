/**
 * What cron expressions mean, worked out minute by minute: for each minute that there is, what does the wall clock show,
 * and what did it skip? It shares nothing with the code that it checks: no croner, another way to read an expression, and
 * another way to ask for offsets.
 */
export interface Expectation {
  readonly at: number
  readonly note: 'gap' | 'overlap' | null
}

export interface Choice {
  readonly gap: 'after' | 'skip'
  readonly overlap: 'first' | 'last' | 'both'
}

const MINUTE = 60_000

const formats = new Map<string, Intl.DateTimeFormat>()

/** How far a zone's wall clock is ahead, in minutes. */
export function offsetMinutes(zone: string, at: number): number {
  let format = formats.get(zone)
  if (format === undefined) {
    format = new Intl.DateTimeFormat('en-US', { timeZone: zone, timeZoneName: 'longOffset', hour: 'numeric' })
    formats.set(zone, format)
  }
  const [, sign, hours, minutes] = /GMT(?:([+-])(\d\d):(\d\d))?/.exec(format.format(at))!
  if (sign === undefined) return 0
  return (sign === '-' ? -1 : 1) * (60 * Number(hours) + Number(minutes))
}

/** The moments from which on another offset holds, in order. */
export function changesOf(zone: string, from: number, to: number): readonly number[] {
  const step = 12 * 60
  const found: number[] = []
  for (let minute = from / MINUTE; minute < to / MINUTE; minute += step) {
    let low = minute
    let high = minute + step
    const before = offsetMinutes(zone, low * MINUTE)
    if (offsetMinutes(zone, high * MINUTE) === before) continue
    while (high - low > 1) {
      const middle = (low + high) >> 1
      if (offsetMinutes(zone, middle * MINUTE) === before) low = middle
      else high = middle
    }
    found.push(high * MINUTE)
  }
  return found
}

/** Whether a wall clock minute (in minutes since 1970, as if it were UTC) is meant by the five fields of an expression. */
export type Matcher = (wall: number) => boolean

const MONTHS = ['jan', 'feb', 'mar', 'apr', 'may', 'jun', 'jul', 'aug', 'sep', 'oct', 'nov', 'dec']
const DAYS = ['sun', 'mon', 'tue', 'wed', 'thu', 'fri', 'sat']

export function matcherOf(expression: string): Matcher {
  const [minutes, hours, days, months, weekdays] = expression.split(' ') as [
    string,
    string,
    string,
    string,
    string,
  ]
  const minuteSet = setOf(minutes, 0, 59)
  const hourSet = setOf(hours, 0, 23)
  const monthSet = setOf(named(months, MONTHS, 1), 1, 12)
  return (wall) => {
    const date = new Date(wall * MINUTE)
    if (!minuteSet.has(date.getUTCMinutes()) || !hourSet.has(date.getUTCHours())) return false
    if (!monthSet.has(date.getUTCMonth() + 1)) return false
    const byDay = days !== '*'
    const byWeekday = weekdays !== '*'
    const day = byDay && isDay(days, date)
    const weekday = byWeekday && isWeekday(named(weekdays, DAYS, 0), date)
    // where both are given either will do
    return (!byDay && !byWeekday) || day || weekday
  }
}

function isDay(field: string, date: Date): boolean {
  const last = new Date(Date.UTC(date.getUTCFullYear(), date.getUTCMonth() + 1, 0)).getUTCDate()
  return field.split(',').some((part) => {
    if (part === 'L') return date.getUTCDate() === last
    return setOf(part, 1, 31).has(date.getUTCDate())
  })
}

function isWeekday(field: string, date: Date): boolean {
  const day = date.getUTCDate()
  const last = new Date(Date.UTC(date.getUTCFullYear(), date.getUTCMonth() + 1, 0)).getUTCDate()
  return field.split(',').some((part) => {
    const nth = /^(\d)#(\d)$/.exec(part)
    if (nth !== null) return date.getUTCDay() === Number(nth[1]) % 7 && Math.ceil(day / 7) === Number(nth[2])
    const lastOne = /^(\d)L$/.exec(part)
    if (lastOne !== null) return date.getUTCDay() === Number(lastOne[1]) % 7 && day > last - 7
    const set = setOf(part, 0, 7)
    return set.has(date.getUTCDay()) || (date.getUTCDay() === 0 && set.has(7))
  })
}

function named(field: string, names: readonly string[], first: number): string {
  return field
    .toLowerCase()
    .replaceAll(/[a-z]{3}/g, (name) => String(names.indexOf(name) + first))
    .replaceAll('l', 'L')
}

function setOf(field: string, low: number, high: number): Set<number> {
  const set = new Set<number>()
  for (const part of field.split(',')) {
    const [range = '', step = '1'] = part.split('/')
    const [from, to] = range === '*' ? [low, high] : range.split('-').map(Number)
    for (let value = from!; value <= (to ?? from!); value += Number(step)) set.add(value)
  }
  return set
}

/** Whether an expression names all 24 hours, so that it goes by elapsed time. */
export function goesByElapsedTime(expression: string): boolean {
  return setOf(expression.split(' ')[1]!, 0, 23).size === 24
}

/** The offsets of each minute of a window; two windows with the same ones have the same answers. */
export interface Window {
  /** First and last minute that count; around them there is room to see what came before and comes after. */
  readonly from: number
  readonly to: number
  readonly start: number
  readonly offsets: readonly number[]
}

/** @param room so many minutes before and behind are looked at, so that what was shown before or comes again is known */
export function windowOf(
  zone: string,
  { from, to, room }: { readonly from: number; readonly to: number; readonly room: number },
): Window {
  const start = from - room
  const offsets = Array.from({ length: to + room - start }, (_, index) =>
    offsetMinutes(zone, (start + index) * MINUTE),
  )
  return { from, to, start, offsets }
}

/** Every fire in a window, by looking at each of its minutes. */
export function expectedIn(
  { from, to, start, offsets }: Window,
  matches: Matcher,
  how: Choice & { readonly elapsed: boolean },
): Expectation[] {
  const walls = offsets.map((offset, index) => start + index + offset)
  const times = new Map<number, number>()
  for (const wall of walls) times.set(wall, (times.get(wall) ?? 0) + 1)
  const shown = new Map<number, number>()
  const found: Expectation[] = []
  for (const [index, wall] of walls.entries()) {
    const before = walls[index - 1]
    const pass = (shown.get(wall) ?? 0) + 1
    shown.set(wall, pass)
    const at = start + index
    if (at < from || at >= to) continue
    const skipped = before !== undefined && wall > before + 1
    if (skipped && !how.elapsed && how.gap === 'after' && anyBetween(before + 1, wall, matches)) {
      found.push({ at: at * MINUTE, note: 'gap' })
      continue
    }
    if (!matches(wall)) continue
    const twice = times.get(wall)! > 1
    const wanted =
      !twice || how.elapsed || how.overlap === 'both' || (how.overlap === 'first') === (pass === 1)
    if (wanted) found.push({ at: at * MINUTE, note: twice ? 'overlap' : null })
  }
  return found
}

function anyBetween(from: number, to: number, matches: Matcher): boolean {
  for (let wall = from; wall < to; wall++) if (matches(wall)) return true
  return false
}
