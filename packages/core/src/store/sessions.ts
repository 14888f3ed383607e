/** Sessions: the leases of worker processes. Part of the port, whose rules hold here too. */
import type { Fence, Nonce, SessionId } from './records.ts'

export interface Sessions {
  /**
   * Begins a lease of `ttlMs`, and publishes what the worker is. Repeated it begins the lease anew; an id
   * whose lease has lapsed or was closed is `dead` for good (a day later nobody asks any more).
   */
  openSession(request: SessionRequest): Promise<{ readonly session: 'alive' | 'dead'; readonly now: number }>
  /**
   * Extends a lease and compares notes: the worker lists every task it holds, the store answers which of
   * them it lost and which it is asked to cancel. A lapsed lease is never revived.
   *
   * A running task that was claimed before two successive renewals, neither of which listed it or the nonce
   * of its claim, is a *stray*: the reply that carried it was lost. Although the lease holds, it is taken away
   * at once: it goes back to pending as if it had been returned (or to cancelled, if that was requested), and
   * its nonce is forgotten, so that nobody holds its fence. A stray that had been taken over by `reclaim` is
   * left for the next `reclaim` instead.
   */
  renew(request: RenewRequest): Promise<RenewAnswer>
  /** Ends a lease, if there is one. What the session still holds lapses at once. */
  closeSession(session: SessionId): Promise<void>
}

export interface SessionRequest {
  readonly session: SessionId
  readonly ttlMs: number
  /** Shown to operators: where the worker runs and what it serves. */
  readonly host: string
  readonly pid: number
  readonly queues: readonly string[]
  readonly types: readonly string[]
  readonly offers: readonly string[]
  readonly concurrency: number
  /** The definitions it handles, published for producers that have only a name. */
  readonly definitions: readonly PublishedDefinition[]
}

export interface PublishedDefinition {
  readonly type: string
  readonly queue: string
  readonly level: number
  /** The plain options of the definition, as JSON. */
  readonly options: string
  /** JSON Schema of the input as JSON, where the schema library gives one. */
  readonly schema: string | null
}

export interface RenewRequest {
  readonly session: SessionId
  readonly ttlMs: number
  /** Numbers the renewals of a session from 1. One that does not exceed the last extends and counts nothing. */
  readonly seq: number
  readonly held: readonly Held[]
  /** Exchanges and reclaims whose reply may still arrive: what they claimed is no stray. */
  readonly awaiting: readonly Nonce[]
}

export interface Held {
  readonly fence: Fence
  /** The first renewal that says so starts the clock of the attempt's time limit in the store. */
  readonly started: boolean
}

export interface RenewAnswer {
  /** `dead`: the lease had lapsed or never was. Everything held is lost; a new session is needed. */
  readonly session: 'alive' | 'dead'
  readonly now: number
  /** Listed fences that are no longer valid. What the worker itself has settled meanwhile may be among them. */
  readonly lost: readonly Fence[]
  /** Listed tasks that have a cancel request. */
  readonly cancelled: readonly { readonly fence: Fence; readonly reason: string | null }[]
}
