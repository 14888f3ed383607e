/** Locks: rows by name; one whose lease has lapsed is nobody's. */
import { inPass, type Home, type Pass } from './pass.ts'
import { now as storeTime } from './inspector.ts'
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

type Held = readonly [holder: string, token: number, expiresAt: number]

/** Those who come for a lock that is held only look: so many may wait for one. */
export async function acquireLock(home: Home, request: LockRequest): Promise<LockAnswer> {
  const [held] = await home.database.rows<Held>(LOCK, [request.name])
  const now = await storeTime(home)
  if (held !== undefined && held[0] !== request.holder && held[2] > now) {
    return { outcome: 'held', endsInMs: held[2] - now }
  }
  return inPass(home, (pass) => take(pass, request))
}

/** Tokens are given one after the other, so that they grow in the order in which locks are taken. */
async function take({ connection, now }: Pass, request: LockRequest): Promise<LockAnswer> {
  const { name, holder, ttlMs, about } = request
  const [[token] = [0]] = await connection.rows<[number]>(NEXT_TOKEN)
  await connection.run(FORGET_LAPSED, [now])
  const [held] = await connection.rows<Held>(LOCK, [name])
  if (held !== undefined && held[0] !== holder) return { outcome: 'held', endsInMs: held[2] - now }
  if (held !== undefined && (await connection.run(RENEW_LOCK, [now, name, holder, ttlMs])) === 1) {
    return { outcome: 'acquired', token: held[1] }
  }
  await connection.run(TAKE_LOCK, [name, holder, token, about, now, now + ttlMs])
  return { outcome: 'acquired', token }
}

export async function renewLock(
  { database }: Home,
  { name, holder, ttlMs }: Pick<LockRequest, 'name' | 'holder' | 'ttlMs'>,
): Promise<'held' | 'lost'> {
  const rows = await database.rows(RENEW_LOCK, [database.seen, name, holder, ttlMs])
  return rows.length === 1 ? 'held' : 'lost'
}

export async function releaseLock(
  { database }: Home,
  { name, holder }: Pick<LockRequest, 'name' | 'holder'>,
): Promise<'released' | 'lost'> {
  const rows = await database.rows(RELEASE_LOCK, [database.seen, name, holder])
  return rows.length === 1 ? 'released' : 'lost'
}

type Row = readonly [name: string, token: number, about: string, acquiredAt: number, expiresAt: number]

export async function locks({ database }: Home): Promise<readonly LockRecord[]> {
  const rows = await database.rows<Row>(LOCKS, [database.seen])
  return rows.map(([name, token, about, acquiredAt, expiresAt]) => {
    return { name, token, about, acquiredAt, expiresAt }
  })
}
