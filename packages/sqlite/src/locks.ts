/** Locks: rows by name; one whose lease has lapsed is nobody's. */
import {
  FORGET_LAPSED,
  LOCK,
  LOCKS,
  NEXT_TOKEN,
  RELEASE_LOCK,
  RENEW_LOCK,
  TAKE_LOCK,
} from './statements/locks.ts'
import type { LockAnswer, LockRecord, LockRequest } from '@millrace/core/store'
import type { Pass } from './home.ts'

export function acquireLock(pass: Pass, request: LockRequest): LockAnswer {
  const { database, now } = pass
  const { name, holder, ttlMs, about } = request
  const [by, token, expiresAt] = database.get<[string, number, number]>(LOCK, name) ?? [null, 0, 0]
  if (expiresAt > now) {
    if (by !== holder) return { outcome: 'held', endsInMs: expiresAt - now }
    database.run(RENEW_LOCK, now + ttlMs, name, holder, now)
    return { outcome: 'acquired', token }
  }
  database.run(FORGET_LAPSED, now)
  const [next] = database.get<[number]>(NEXT_TOKEN)!
  database.run(TAKE_LOCK, name, holder, next, about, now, now + ttlMs)
  return { outcome: 'acquired', token: next }
}

export function renewLock(
  { database, now }: Pass,
  { name, holder, ttlMs }: Pick<LockRequest, 'name' | 'holder' | 'ttlMs'>,
): 'held' | 'lost' {
  return database.run(RENEW_LOCK, now + ttlMs, name, holder, now) === 1 ? 'held' : 'lost'
}

export function releaseLock(
  { database, now }: Pass,
  { name, holder }: Pick<LockRequest, 'name' | 'holder'>,
): 'released' | 'lost' {
  return database.run(RELEASE_LOCK, name, holder, now) === 1 ? 'released' : 'lost'
}

type Row = [name: string, token: number, about: string, acquiredAt: number, expiresAt: number]

export function locks({ database, now }: Pass): readonly LockRecord[] {
  return database.all<Row>(LOCKS, now).map(([name, token, about, acquiredAt, expiresAt]) => {
    return { name, token, about, acquiredAt, expiresAt }
  })
}
