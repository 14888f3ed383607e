/** When a worker process that died is started again. Pure: the same deaths and the same chance give the same answer. */

/** A process that lived so long was well: what kills it now is something new. */
export const STABLE_MS = 10_000

/** So many deaths in a row, each before its process was stable, and it is given up. */
export const DEATHS_MAX = 6

const BASE_MS = 1_000

export interface Death {
  /** Deaths in a row before this one. */
  readonly before: number
  /** For how long the process had lived. */
  readonly livedMs: number
  /** From 0 to 1, 1 excluded. */
  readonly chance: number
}

export type Restart =
  /** Start it again after so long; `deaths` is the number to go on with. */
  | { readonly verdict: 'restart'; readonly delayMs: number; readonly deaths: number }
  | { readonly verdict: 'give up'; readonly deaths: number }

/** Exponential backoff with full jitter, so that many that died together do not come back together. */
export function afterDeath({ before, livedMs, chance }: Death): Restart {
  const deaths = livedMs >= STABLE_MS ? 1 : before + 1
  if (deaths >= DEATHS_MAX) return { verdict: 'give up', deaths }
  return {
    verdict: 'restart',
    deaths,
    delayMs: Math.floor(chance * BASE_MS * 2 ** (deaths - 1)),
  }
}
