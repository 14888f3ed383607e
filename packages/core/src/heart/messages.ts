/** What a worker and a heart on another thread say to each other. */
import { codeOf, InvalidArgumentError, StoreError, type StoreErrorCode } from '../task/errors.ts'
import { shown } from '../task/shown.ts'
import type { SessionId } from '../store/records.ts'
import type { RenewAnswer } from '../store/sessions.ts'
import type { Progress } from './heart.ts'

/** From the worker to its heart. */
export type Word =
  | {
      readonly kind: 'begin'
      readonly session: SessionId
      readonly ttlMs: number
      /** The buffer of the life's pulse. */
      readonly buffer: SharedArrayBuffer
      /** How far the clock of the process is ahead of the worker's. */
      readonly originMs: number
    }
  | { readonly kind: 'progress'; readonly session: SessionId; readonly progress: Progress }
  | { readonly kind: 'now' }
  | { readonly kind: 'end' }

/** From the heart to its worker. */
export type News =
  /** It could not open what it renews by, and is gone. */
  | { readonly kind: 'refused'; readonly failure: Failure }
  | { readonly kind: 'ask'; readonly session: SessionId }
  | { readonly kind: 'renewed'; readonly session: SessionId; readonly answer: RenewAnswer }
  | { readonly kind: 'failed'; readonly session: SessionId; readonly failure: Failure }

/** What the thread of the hearts has, as it tells who started it: `attempt` if it is about to open what they renew by. */
export type Holding = 'nothing' | 'attempt' | 'connection'

/** An error on its way: between threads its class is lost, and so is what it says beside its message. */
export interface Failure {
  readonly message: string
  readonly code: string | null
  readonly hint: string | undefined
  readonly effect: StoreError['effect']
}

export function failureOf(error: unknown): Failure {
  const { hint, effect = 'unknown' } = (error ?? {}) as Partial<Pick<StoreError, 'hint' | 'effect'>>
  const message = error instanceof Error ? error.message : shown(error)
  return { message, code: codeOf(error) ?? null, hint, effect }
}

export function errorOf({ message, code, hint, effect }: Failure): Error {
  if (code === 'invalid-argument') return new InvalidArgumentError(message, { hint })
  if (code?.startsWith('store-') === true)
    return new StoreError(code as StoreErrorCode, message, { hint, effect })
  return new Error(message)
}
