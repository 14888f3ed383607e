/**
 * Whether a server can be given calls: one answer, for probes by HTTP and by gRPC. However many ask, the store is asked
 * once at a time, and not more often than every second.
 */
import { bounded } from '../timing/bounded.ts'
import { codeOf } from '../metrics/error-text.ts'
import type { Platform } from '@millrace/core'
import type { Reloads, ReloadSource } from './reloads.ts'
import type { Store } from '@millrace/core/store'

/** As gRPC has it: `SERVING`, `NOT_SERVING`. */
export type ServingStatus = 'serving' | 'not-serving'

/** Whether it can be given calls, and why not. No host names, no addresses, no messages of engines. */
export interface Readiness {
  readonly status: ServingStatus
  readonly checks: {
    /** `failed` with the code of the error, or `timeout`. */
    readonly store: { readonly status: 'ok' } | { readonly status: 'failed'; readonly code: string }
    readonly draining: boolean
  }
  /** What could not be read again: what was read last still counts, so that calls are answered as before. */
  readonly warnings: readonly ReloadSource[]
}

export interface HealthParts {
  readonly store: Pick<Store, 'now'>
  readonly platform: Platform
  /** What is read again while the server runs. Left out: nothing. */
  readonly reloads?: (() => Reloads) | undefined
}

export interface HealthOptions {
  /** How long the store may take to answer, in milliseconds. Default 2 000. */
  readonly timeoutMs?: number | undefined
  /** How often it is asked while somebody watches, in milliseconds. Default 5 000. */
  readonly watchEveryMs?: number | undefined
}

type StoreCheck = Readiness['checks']['store']

/** What was found is told again for so long. */
const FRESH_MS = 1_000

export class Health {
  readonly #parts: HealthParts
  readonly #timeoutMs: number
  readonly #watchEveryMs: number
  /** Each is called when the answer may be another one. */
  readonly #watchers = new Set<() => void>()
  #draining = false
  #closed = false
  #checking: Promise<StoreCheck> | undefined
  #latest: { readonly check: StoreCheck; readonly atMs: number } | undefined
  /** The store's answer that nobody waits for any more. */
  #overdue: Promise<unknown> | undefined

  constructor(parts: HealthParts, { timeoutMs = 2_000, watchEveryMs = 5_000 }: HealthOptions = {}) {
    this.#parts = parts
    this.#timeoutMs = timeoutMs
    this.#watchEveryMs = watchEveryMs
  }

  /** What was found last, without asking anybody: `not-serving` before the first check. */
  status(): ServingStatus {
    return !this.#draining && this.#latest?.check.status === 'ok' ? 'serving' : 'not-serving'
  }

  /** Asks the store, unless that was just done. Never rejects. */
  async check(): Promise<Readiness> {
    const store = await this.#storeCheck()
    const draining = this.#draining
    return {
      status: store.status === 'ok' && !draining ? 'serving' : 'not-serving',
      checks: { store, draining },
      warnings: [...(this.#parts.reloads?.() ?? [])].flatMap(([source, problem]) =>
        problem === null ? [] : [source],
      ),
    }
  }

  /** From now on it takes no new calls: whoever sends them hears of it, and sends them elsewhere. There is no way back. */
  drain(): void {
    this.#draining = true
    this.#tell()
  }

  /** Drains, and ends all watches. */
  close(): void {
    this.#closed = true
    this.drain()
  }

  /** The status now, and then each other one, until the signal is aborted or `close`. */
  async *watch(signal: AbortSignal): AsyncGenerator<ServingStatus, void, undefined> {
    let told: ServingStatus | undefined
    while (!signal.aborted) {
      const { status } = await this.check()
      if (signal.aborted) return
      if (status !== told) yield status
      told = status
      if (this.#closed) return
      await this.#change(signal)
    }
  }

  #storeCheck(): Promise<StoreCheck> {
    const nowMs = this.#parts.platform.monotonicMs()
    if (this.#latest !== undefined && nowMs - this.#latest.atMs < FRESH_MS)
      return Promise.resolve(this.#latest.check)
    this.#checking ??= this.#askStore().then((check) => {
      this.#checking = undefined
      this.#latest = { check, atMs: this.#parts.platform.monotonicMs() }
      return check
    })
    return this.#checking
  }

  async #askStore(): Promise<StoreCheck> {
    const { store, platform } = this.#parts
    if (this.#overdue !== undefined) return TIMEOUT
    const answer: Promise<StoreCheck> = Promise.try(() => store.now()).then(
      () => OK,
      (error: unknown): StoreCheck => ({ status: 'failed', code: codeOf(error) ?? 'unknown' }),
    )
    const found = await bounded(platform, this.#timeoutMs, answer)
    if (found !== undefined) return found
    this.#overdue = answer.finally(() => (this.#overdue = undefined))
    return TIMEOUT
  }

  #tell(): void {
    for (const watcher of this.#watchers) watcher()
  }

  /** Resolves when it is time to look again. */
  #change(signal: AbortSignal): Promise<void> {
    return new Promise((resolve) => {
      const end = (): void => {
        timer.cancel()
        signal.removeEventListener('abort', end)
        this.#watchers.delete(end)
        resolve()
      }
      const timer = this.#parts.platform.setTimer(this.#watchEveryMs, end, 'idle')
      signal.addEventListener('abort', end, { once: true })
      this.#watchers.add(end)
    })
  }
}

const OK: StoreCheck = { status: 'ok' }
const TIMEOUT: StoreCheck = { status: 'failed', code: 'timeout' }
