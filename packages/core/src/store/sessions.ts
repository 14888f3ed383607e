/** Sessions: the leases of worker processes. Part of the port, whose rules hold here too. */
import type { Port } from '../platform/threads.ts'
import type { Fence, Nonce, SessionId } from './records.ts'
import type { Store } from './port.ts'

/**
 * How renewals get to another thread than the worker's main one, so that a handler which blocks that keeps its lease:
 * - a way to open there what renews leases of the same home;
 * - `own-thread`: the store has a thread, and takes the heart in there (see `HostingStore`);
 * - `needs-url`: it works by something of the user's that stays where it is, and could do it with a URL beside that;
 * - `never`: nobody else can reach the data.
 */
export type Elsewhere = LeasesModule | 'own-thread' | 'needs-url' | 'never'

/** Plain data, which can be sent to a thread. */
export interface LeasesModule {
  /** The URL of a file. */
  readonly module: string
  /** The name of a function in it, which takes `options` and answers `Leases`. */
  readonly export: string
  /** What structured cloning takes. */
  readonly options: unknown
}

/** What renews leases: `open` is called once, before anything else, `close` once, after everything else has ended. */
export type Leases = Pick<Store, 'open' | 'renew' | 'close'>

/** A store with a thread of its own that hearts can live in. */
export interface HostingStore extends Store {
  readonly elsewhere: 'own-thread'
  /**
   * Hands the port to the thread, which calls `lodgeHeart` with it. The port closes when the thread ends.
   *
   * @throws StoreError if there is no thread now
   */
  lodge(port: Port): void
}

/** The part of a store that keeps the leases of workers. */
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
  /**
   * Tells the worker of a session what to do: every renewal from now on is answered with it, as long as the lease goes
   * on. Of each member the last word stands; members that are left out stay as they are. It comes with renewals and
   * with nothing else, so that it takes no part in any exchange.
   */
  orderSession(request: SessionOrderRequest): Promise<{ readonly session: 'alive' | 'dead' }>
  /** Ends a lease, if there is one. What the session still holds lapses at once. */
  closeSession(session: SessionId): Promise<void>
}

/** A lease to begin, and what operators see of its worker. */
export interface SessionRequest {
  readonly session: SessionId
  readonly ttlMs: number
  /** Shown to operators: where the worker runs and what it serves. */
  readonly host: string
  readonly pid: number
  readonly queues: readonly string[]
  readonly types: readonly string[]
  readonly offers: readonly string[]
  /** How many handlers it runs at the same time. It opens its session again when that changes. */
  readonly concurrency: number
  /** `draining`: it claims nothing more, and ends when what it runs has ended. */
  readonly state: 'running' | 'draining'
  /** The definitions it handles, published for producers that have only a name. */
  readonly definitions: readonly PublishedDefinition[]
}

/** What an operator wants of a worker; what is left out stays as it is. */
export interface SessionOrderRequest {
  readonly session: SessionId
  readonly end?: SessionOrder['end'] | undefined
  readonly concurrency?: number | undefined
}

/** What operators want of a worker. */
export interface SessionOrder {
  /** `drain`: let what runs come to its end, however long that takes; `stop`: as when its process is asked to end. */
  readonly end: 'drain' | 'stop' | null
  readonly concurrency: number | null
}

/** A definition that a worker handles, as those see it who have not its code. */
export interface PublishedDefinition {
  readonly type: string
  readonly queue: string
  readonly level: number
  /** The plain options of the definition, as JSON. */
  readonly options: string
  /** JSON Schema of the input as JSON, where the schema library gives one. */
  readonly schema: string | null
}

/** A renewal of a lease, and what its worker says that it holds. */
export interface RenewRequest {
  readonly session: SessionId
  readonly ttlMs: number
  /** Numbers the renewals of a session from 1. One that does not exceed the last extends and counts nothing. */
  readonly seq: number
  /**
   * `null`: a *blind* renewal, by who cannot ask the worker what it holds. Whatever its number, which is not kept,
   * it extends the lease and counts nothing; no fence is answered as lost, but all running tasks of the session that
   * have a cancel request are answered.
   */
  readonly held: readonly Held[] | null
  /** Exchanges and reclaims whose reply may still arrive: what they claimed is no stray. */
  readonly awaiting: readonly Nonce[]
}

/** A claim that a worker holds. */
export interface Held {
  readonly fence: Fence
  /** The first renewal that says so starts the clock of the attempt's time limit in the store. */
  readonly started: boolean
}

/** What became of a lease and of what is held under it. */
export interface RenewAnswer {
  /** `dead`: the lease had lapsed or never was. Everything held is lost; a new session is needed. */
  readonly session: 'alive' | 'dead'
  readonly now: number
  /** Listed fences that are no longer valid. What the worker itself has settled meanwhile may be among them. */
  readonly lost: readonly Fence[]
  /** Listed tasks that have a cancel request; of a blind renewal, all that the session runs and that have one. */
  readonly cancelled: readonly { readonly fence: Fence; readonly reason: string | null }[]
  /** What the session was ordered to do, whether its worker has heard of it before or not; `null`: nothing. */
  readonly order: SessionOrder | null
}
