/** The clock of `millrace dev`, which is ahead of the one on the wall by as much as somebody says. */
import { duration } from '@millrace/core'
import { span } from '../time.ts'

export type ClockLine =
  | { readonly kind: 'moved' }
  | { readonly kind: 'asked' }
  | { readonly kind: 'not understood'; readonly why: string }

/** Differences of clocks that are no move of anybody's. */
const NOISE_MS = 1_000

export class DevClock {
  #aheadMs: number

  /** @param aheadMs how far the store's time is ahead already */
  constructor(aheadMs: number) {
    this.#aheadMs = aheadMs < NOISE_MS ? 0 : Math.round(aheadMs)
  }

  get aheadMs(): number {
    return this.#aheadMs
  }

  /** A line that somebody typed: `+1h` moves it, an empty one asks for the time. It never goes back. */
  take(line: string): ClockLine {
    const text = line.trim()
    if (text === '') return { kind: 'asked' }
    try {
      if (!text.startsWith('+')) throw new Error('it does not begin with +')
      this.#aheadMs += Number(duration(text.slice(1).trim()))
      return { kind: 'moved' }
    } catch {
      return {
        kind: 'not understood',
        why: `${JSON.stringify(text)} is no move of the clock: type +30s, +5m, +1h or +1d.`,
      }
    }
  }

  /** @param now the time on the wall */
  text(now: number): string {
    const time = new Date(now + this.#aheadMs).toISOString().replace('T', ' ').slice(0, 19)
    return `${time} UTC${this.#aheadMs === 0 ? '' : ` (${span(this.#aheadMs)} ahead)`}`
  }
}
