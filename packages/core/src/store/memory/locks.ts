/** Locks: rows by name; one whose lease has lapsed is nobody's. */
import type { Pass } from './home.ts'
import type { LockAnswer, LockRecord, LockRequest } from '../locks.ts'
import type { Nonce } from '../records.ts'

export interface Lock extends LockRecord {
  readonly holder: Nonce
}

export function acquireLock({ home, now }: Pass, request: LockRequest): LockAnswer {
  const { name, holder, ttlMs, about } = request
  forgetLapsed({ home, now })
  const held = home.locks.get(name)
  if (held !== undefined && held.holder !== holder) {
    return { outcome: 'held', endsInMs: held.expiresAt - now }
  }
  const token = held?.token ?? ++home.lockToken
  const acquiredAt = held?.acquiredAt ?? now
  home.locks.set(name, { name, token, holder, about, acquiredAt, expiresAt: now + ttlMs })
  return { outcome: 'acquired', token }
}

export function renewLock(
  pass: Pass,
  { name, holder, ttlMs }: Pick<LockRequest, 'name' | 'holder' | 'ttlMs'>,
): 'held' | 'lost' {
  const { home, now } = pass
  const lock = home.locks.get(name)
  if (lock?.holder !== holder || lock.expiresAt <= now) return 'lost'
  home.locks.set(name, { ...lock, expiresAt: now + ttlMs })
  return 'held'
}

export function releaseLock(
  { home, now }: Pass,
  { name, holder }: Pick<LockRequest, 'name' | 'holder'>,
): 'released' | 'lost' {
  const lock = home.locks.get(name)
  if (lock?.holder !== holder) return 'lost'
  home.locks.delete(name)
  return lock.expiresAt <= now ? 'lost' : 'released'
}

export function locks({ home, now }: Pass): readonly LockRecord[] {
  return [...home.locks.values()]
    .filter(({ expiresAt }) => expiresAt > now)
    .sort((one, other) => (one.name < other.name ? -1 : 1))
    .slice(0, 1_000)
    .map(({ holder: _, ...shown }) => shown)
}

function forgetLapsed({ home, now }: Pick<Pass, 'home' | 'now'>): void {
  for (const { name, expiresAt } of home.locks.values()) if (expiresAt <= now) home.locks.delete(name)
}
