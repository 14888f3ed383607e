/** Store calls that end without an effect, or without an answer, are repeated with the same ids. */
import { AmbiguousError, codeOf, StoreError } from '../task/errors.ts'
import type { Platform } from '../platform/platform.ts'
import { randomFraction } from '../platform/platform.ts'

const FIRST_WAIT_MS = 10
/** Workers so ask a store that is back within half a second. */
const LONGEST_WAIT_MS = 500

/** How long something is repeated. */
export interface Persistence {
  /** By the monotonic clock. Nobody waits longer. */
  readonly endMs: number
  /** Whether it is not worth while to go on with what had no effect. */
  readonly isHopeless: () => boolean
}

/** How long an answer is waited for. */
export interface Bound {
  /** By the monotonic clock. */
  readonly endMs: number
  /** What a call may have done that is not waited for any longer. */
  readonly effect: 'unknown' | 'none'
}

/**
 * Calls until it is answered or refused for good, with jittered waits in between.
 *
 * @param call is told whether an earlier call may have had its effect; it ends in time by itself
 * @throws StoreError if nothing was carried out, AmbiguousError if that cannot be known
 */
export async function repeating<T>(
  platform: Platform,
  call: (again: boolean) => Promise<T>,
  { endMs, isHopeless }: Persistence,
): Promise<T> {
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
      if (platform.monotonicMs() + waitMs >= endMs) throw unknown ? ambiguous(error) : error
      if (!unknown && isHopeless()) throw error
      await pause(platform, waitMs)
    }
  }
}

/**
 * What a store answers, if it does in time. An answer that comes too late is nobody's.
 *
 * @throws StoreError with the effect that a call under way may have
 */
export async function answeredBy<T>(
  platform: Platform,
  answer: Promise<T>,
  { endMs, effect }: Bound,
): Promise<T> {
  const late = Promise.withResolvers<never>()
  const waitMs = Math.max(0, endMs - platform.monotonicMs())
  // what is waited for keeps the process alive, if anything does
  const timer = platform.setTimer(waitMs, () => late.reject(silent(waitMs, effect)), 'idle')
  try {
    return await Promise.race([answer, late.promise])
  } finally {
    timer.cancel()
  }
}

/** The waits between tries, in milliseconds: they double up to half a second, with jitter, and never end. */
export function* growingWaits(platform: Platform): Generator<number, never> {
  for (let waitMs = FIRST_WAIT_MS; ; waitMs = Math.min(waitMs * 2, LONGEST_WAIT_MS)) {
    yield waitMs * (0.5 + randomFraction(platform) / 2)
  }
}

/** Resolves after a while; a process with nothing else to do waits for it. */
export function pause(platform: Platform, delayMs: number): Promise<void> {
  return new Promise((resolve) => platform.setTimer(delayMs, resolve, 'holds'))
}

/** Whether an error says that the store is away, rather than busy, full, or of another mind. */
export function isOutage(error: unknown): error is StoreError {
  return codeOf(error) === 'store-unavailable'
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

/** No answer came in time. */
export function silent(waitedMs: number, effect: 'unknown' | 'none'): StoreError {
  return new StoreError('store-unavailable', `The store did not answer within ${Math.round(waitedMs)} ms.`, {
    effect,
    hint: 'See that it runs and can be reached; raise storeTimeout if it needs so long.',
  })
}

/** It is not known what became of a call. */
export function ambiguous(cause: Error): AmbiguousError {
  return new AmbiguousError(`It is not known whether the store carried this out: ${cause.message}`, {
    cause,
    hint: 'Repeat the call with the same id: a task is never created twice under one id.',
  })
}
