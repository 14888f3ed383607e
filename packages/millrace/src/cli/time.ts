/** Times as people say them. */
const SECOND_MS = 1_000
const MINUTE_MS = 60 * SECOND_MS
const HOUR_MS = 60 * MINUTE_MS
const DAY_MS = 24 * HOUR_MS

/** `12 ms`, `3.4 s`, `5 m 10 s`, `2 h 5 m`, `3 d 4 h`. */
export function span(ms: number): string {
  const whole = Math.max(0, Math.round(ms))
  if (whole < SECOND_MS) return `${whole} ms`
  if (whole < MINUTE_MS) return `${(whole / SECOND_MS).toFixed(1)} s`
  if (whole < HOUR_MS) return pair([whole, MINUTE_MS, 'm'], [SECOND_MS, 's'])
  if (whole < DAY_MS) return pair([whole, HOUR_MS, 'h'], [MINUTE_MS, 'm'])
  return pair([whole, DAY_MS, 'd'], [HOUR_MS, 'h'])
}

/** A point in time from where we are: `5.0 s ago`, `in 3 m`. */
export function relative(at: number, now: number): string {
  return at <= now ? `${span(now - at)} ago` : `in ${span(at - now)}`
}

/** A point in time as it stands on a clock, with how far away it is. */
export function moment(at: number, now: number): string {
  return `${new Date(at).toISOString()} (${relative(at, now)})`
}

function pair(
  [ms, large, largeUnit]: readonly [number, number, string],
  [small, smallUnit]: readonly [number, string],
): string {
  const rest = Math.floor((ms % large) / small)
  return `${Math.floor(ms / large)} ${largeUnit}${rest === 0 ? '' : ` ${rest} ${smallUnit}`}`
}
