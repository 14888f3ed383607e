/** Waits for something, and not for ever. */
import type { Platform } from '@millrace/core'

/**
 * What the promise answers, or `undefined` once so many milliseconds are over: it goes on by itself then, and what it
 * rejects with is whoever's who made it.
 */
export async function bounded<T>(
  platform: Platform,
  waitMs: number,
  promise: Promise<T>,
): Promise<T | undefined> {
  const { promise: over, resolve } = Promise.withResolvers<undefined>()
  const timer = platform.setTimer(waitMs, () => resolve(undefined), 'idle')
  try {
    return await Promise.race([over, promise])
  } finally {
    timer.cancel()
  }
}
