/**
 * The doors to time and chance. Core takes both from here and from nowhere else, so that a simulation can
 * draw a whole run from one seed.
 */
export interface Platform {
  /** The host's clock, in whole milliseconds since 1970. It may jump. */
  wallMs(): number
  /** A clock that never jumps, in milliseconds with fractions. It may stop while the machine sleeps. */
  monotonicMs(): number
  /** 32 random bits, fit for ids. */
  random32(): number
  /**
   * Calls `run` once after at least `delayMs`, however long that is.
   *
   * @param hold whether the timer keeps the process alive
   */
  setTimer(delayMs: number, run: () => void, hold: 'holds' | 'idle'): Timer
  /** Whether threads can be started here, by platform/threads.ts. There are none on a virtual clock. */
  readonly threads: 'available' | 'none'
  /** Calls `run` once, after everything that is already in motion: what happens in one turn can so leave together. */
  soon(run: () => void): void
}

/** A call that was put off, until it is cancelled. */
export interface Timer {
  cancel(): void
}

/** A number from 0 to 1, 1 excluded. */
export function randomFraction(platform: Platform): number {
  return platform.random32() / 0x1_0000_0000
}
