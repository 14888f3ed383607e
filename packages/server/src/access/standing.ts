/** Streams that go on for long: they end with the credential that opened them. */
import { codeOf, type Platform } from '@millrace/core'
import type { Authenticator, Credentials } from './caller.ts'

const LOOK_MS = 2_000

/**
 * Asks every 2 s whether the credential still counts for the same caller, so that one that is revoked holds no stream open
 * for longer than 5 s. Calls `ended` once, with the error, unless disposed of before.
 */
export function whileItCounts(
  { authenticator, platform }: { readonly authenticator: Authenticator; readonly platform: Platform },
  credentials: Credentials,
  ended: (error: unknown) => void,
): Disposable {
  let timer: { cancel(): void } | undefined
  let isOver = false
  const look = async (): Promise<void> => {
    try {
      await authenticator.authenticate(credentials)
    } catch (error) {
      // that nobody can tell just now says nothing about the credential
      if (codeOf(error)?.startsWith('store-') !== true) {
        if (!isOver) ended(error)
        isOver = true
      }
    }
    lookLater()
  }
  const lookLater = (): void => {
    if (!isOver) timer = platform.setTimer(LOOK_MS, () => void look(), 'idle')
  }
  lookLater()
  return {
    [Symbol.dispose]() {
      isOver = true
      timer?.cancel()
    },
  }
}
