import type { Platform } from '../platform/platform.ts'

/** Waits for the first of these, but no longer than `ms`. */
export async function within(platform: Platform, ms: number, ends: readonly Promise<void>[]): Promise<void> {
  const over = Promise.withResolvers<void>()
  const timer = platform.setTimer(ms, over.resolve, 'holds')
  await Promise.race([...ends, over.promise])
  timer.cancel()
}
