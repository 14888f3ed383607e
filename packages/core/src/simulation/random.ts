/** Chance that repeats itself: one seed draws a whole run. */
export interface SeededRandom {
  /** 32 random bits. */
  bits(): number
  /** From 0 to 1, 1 excluded. */
  fraction(): number
  /** A whole number from `low` to `high`, both included. */
  between(low: number, high: number): number
  chance(share: number): boolean
}

/** Mulberry32 (T. Ettinger, public domain algorithm): 32 bits of state, good enough to draw faults with. */
export function seededRandom(seed: number): SeededRandom {
  let state = seed >>> 0
  const bits = (): number => {
    state = (state + 0x6d2b79f5) >>> 0
    let t = state
    t = Math.imul(t ^ (t >>> 15), t | 1)
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61)
    return (t ^ (t >>> 14)) >>> 0
  }
  const fraction = (): number => bits() / 0x1_0000_0000
  return {
    bits,
    fraction,
    between: (low, high) => low + Math.floor(fraction() * (high - low + 1)),
    chance: (share) => fraction() < share,
  }
}
