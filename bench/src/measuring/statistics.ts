/** Medians, spreads and percentiles. */

export interface Spread {
  readonly values: readonly number[]
  readonly median: number
  readonly min: number
  readonly max: number
}

export function spreadOf(values: readonly number[]): Spread {
  return { values, median: percentile(values, 0.5), min: Math.min(...values), max: Math.max(...values) }
}

/** Between the two nearest values, in proportion. */
export function percentile(values: Iterable<number>, share: number): number {
  const sorted = Float64Array.from(values).toSorted()
  if (sorted.length === 0) return Number.NaN
  const position = (sorted.length - 1) * share
  const below = sorted[Math.floor(position)]!
  const above = sorted[Math.ceil(position)]!
  return below + (above - below) * (position - Math.floor(position))
}
