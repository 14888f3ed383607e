/** A client on a store in memory, with what a server has beside it. */
import {
  MemoryStore,
  Mill,
  systemPlatform,
  type Logger,
  type MillOptions,
  type Platform,
} from '@millrace/core'
import type { Store } from '@millrace/core/store'

export interface Scene extends AsyncDisposable {
  readonly mill: Mill
  readonly store: Store
  readonly platform: Platform
  readonly logger: Logger
  readonly lines: readonly (readonly [level: string, data: unknown, message: string | undefined])[]
  /** Moves the clock that does not jump. */
  pass(ms: number): void
}

export function scene(options: MillOptions = {}): Scene {
  const lines: [string, unknown, string | undefined][] = []
  const write =
    (level: string) =>
    (data: unknown, message?: string): void =>
      void lines.push([level, data, message])
  const logger = { debug: write('debug'), info: write('info'), warn: write('warn'), error: write('error') }
  let passedMs = 0
  const platform: Platform = {
    ...systemPlatform,
    monotonicMs: () => systemPlatform.monotonicMs() + passedMs,
  }
  const store = new MemoryStore({ platform: systemPlatform })
  const mill = new Mill(store, { logger, ...options })
  return {
    mill,
    store,
    platform,
    logger,
    lines,
    pass: (ms) => void (passedMs += ms),
    [Symbol.asyncDispose]: () => mill.close(),
  }
}
