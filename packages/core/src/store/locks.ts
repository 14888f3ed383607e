/**
 * Locks with a lease, for users and for who leads the upkeep. Nothing of Millrace's own safety rests on one. Part of
 * the port, whose rules hold here too.
 */
import type { Nonce } from './records.ts'

/** The part of a store that keeps locks with leases and fencing tokens. */
export interface Locks {
  /**
   * Takes a lock that nobody holds, or whose lease has lapsed. The token is larger than any that a lock of this store
   * was ever given. Repeated by who holds it, it is answered with the same token, and the lease begins anew.
   */
  acquireLock(request: LockRequest): Promise<LockAnswer>
  /** Extends a lease. One that has lapsed is `lost`, whether or not somebody else took the lock. */
  renewLock(request: Pick<LockRequest, 'name' | 'holder' | 'ttlMs'>): Promise<'held' | 'lost'>
  /** Gives a lock back. `lost`: it was not held any more. */
  releaseLock(request: Pick<LockRequest, 'name' | 'holder'>): Promise<'released' | 'lost'>
  /** Those whose lease holds, by name, bytewise; at most 1 000. */
  locks(): Promise<readonly LockRecord[]>
}

/** Which lock is taken, by whom, and for how long. */
export interface LockRequest {
  readonly name: string
  /** Drawn for this taking of the lock. */
  readonly holder: Nonce
  readonly ttlMs: number
  /** Shown to operators: who holds it. At most 1 KiB. */
  readonly about: string
}

/** Whether a lock was taken. */
export type LockAnswer =
  | { readonly outcome: 'acquired'; readonly token: number }
  /** Somebody else has it; unless it is renewed its lease ends in so long. */
  | { readonly outcome: 'held'; readonly endsInMs: number }

/** A lock that is held; times are store time. */
export interface LockRecord {
  readonly name: string
  readonly token: number
  readonly about: string
  readonly acquiredAt: number
  readonly expiresAt: number
}
