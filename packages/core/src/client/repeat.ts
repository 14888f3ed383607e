/** Store calls that end without an effect, or without an answer, are repeated with the same ids. */
import { AmbiguousError, codeOf, type StoreError } from '../task/errors.ts'
import type { Platform } from '../platform/platform.ts'
import { randomFraction } from '../platform/platform.ts'

/** How long a caller waits for a store that is busy, unreachable or silent. */
export const STORE_PATIENCE_MS = 30_000

const FIRST_WAIT_MS = 10
// with the wait of a store that comes back by itself it is still well below three seconds until work goes on
const LONGEST_WAIT_MS = 1_000

/**
 * Calls until it is answered or refused for good, with jittered waits in between.
 *
 * @param call is told whether an earlier call may have had its effect
 * @throws StoreError if nothing was carried out, AmbiguousError if that cannot be known
 */
export async function repeating<T>(platform: Platform, call: (again: boolean) => Promise<T>): Promise<T> {
  const end = platform.monotonicMs() + STORE_PATIENCE_MS
  let waits: Iterator<number, never> | undefined
  let unknown = false
  for (;;) {
    try {
      return await call(unknown)
    } catch (error) {
      if (!isStoreError(error)) throw error
      if (error.effect === 'final') throw unknown ? ambiguous(error) : error
      unknown ||= error.effect === 'unknown'
      waits ??= growingWaits(platform)
      const { value: waitMs } = waits.next()
      if (platform.monotonicMs() + waitMs > end) throw unknown ? ambiguous(error) : error
      await pause(platform, waitMs)
    }
  }
}

/** The waits between tries, in milliseconds: they double up to 1 s, with jitter, and never end. */
export function* growingWaits(platform: Platform): Generator<number, never> {
  for (let waitMs = FIRST_WAIT_MS; ; waitMs = Math.min(waitMs * 2, LONGEST_WAIT_MS)) {
    yield waitMs * (0.5 + randomFraction(platform) / 2)
  }
}

/** Resolves after a while; a process with nothing else to do waits for it. */
export function pause(platform: Platform, delayMs: number): Promise<void> {
  return new Promise((resolve) => platform.setTimer(delayMs, resolve, 'holds'))
}

/** By its code: a backend may have been installed with another copy of core. */
function isStoreError(error: unknown): error is StoreError {
  return (
    codeOf(error)?.startsWith('store-') === true &&
    typeof error === 'object' &&
    error !== null &&
    'effect' in error
  )
}

function ambiguous(cause: StoreError): AmbiguousError {
  return new AmbiguousError(`It is not known whether the store carried this out: ${cause.message}`, {
    cause,
    hint: 'Repeat the call with the same id: a task is never created twice under one id.',
  })
}
