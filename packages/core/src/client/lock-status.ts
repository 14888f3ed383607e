/** A lock as readers see it. */
import type { LockRecord } from '../store/locks.ts'

/** A lock that is held, as `mill.locks()` lists it. */
export interface HeldLock {
  readonly name: string
  readonly token: number
  /** Host and process id of who holds it. */
  readonly holder: string
  readonly since: Date
  /** When its lease ends unless it is renewed. */
  readonly until: Date
}

export function heldLock({ name, token, about, acquiredAt, expiresAt }: LockRecord): HeldLock {
  return { name, token, holder: about, since: new Date(acquiredAt), until: new Date(expiresAt) }
}
