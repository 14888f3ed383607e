/** Locks, as they travel. */
import * as scripts from './lua/scripts.ts'
import type { LockAnswer, LockRecord, LockRequest } from '@millrace/core/store'
import type { Home } from './home.ts'

export async function acquireLock(home: Home, request: LockRequest): Promise<LockAnswer> {
  const { name, holder, ttlMs, about } = request
  const reply = await home.ask(scripts.acquireLock, (packer) =>
    packer.array(4).text(name).text(holder).int(ttlMs).text(about),
  )
  const [what, number] = reply as readonly [Buffer, number]
  return String(what) === 'a' ? { outcome: 'acquired', token: number } : { outcome: 'held', endsInMs: number }
}

export async function renewLock(
  home: Home,
  { name, holder, ttlMs }: Pick<LockRequest, 'name' | 'holder' | 'ttlMs'>,
): Promise<'held' | 'lost'> {
  const reply = await home.ask(scripts.renewLock, (packer) =>
    packer.array(3).text(name).text(holder).int(ttlMs),
  )
  return reply === 1 ? 'held' : 'lost'
}

export async function releaseLock(
  home: Home,
  { name, holder }: Pick<LockRequest, 'name' | 'holder'>,
): Promise<'released' | 'lost'> {
  const reply = await home.ask(scripts.releaseLock, (packer) => packer.array(2).text(name).text(holder))
  return reply === 1 ? 'released' : 'lost'
}

export async function locks(home: Home): Promise<readonly LockRecord[]> {
  const reply = await home.ask(scripts.locks, (packer) => packer.array(0))
  const rows = (reply as readonly (readonly Buffer[])[]).map(
    ([name, token, about, acquiredAt, expiresAt]) => ({
      name: String(name),
      token: Number(token),
      about: String(about),
      acquiredAt: Number(acquiredAt),
      expiresAt: Number(expiresAt),
    }),
  )
  return rows.toSorted((one, other) => (one.name < other.name ? -1 : 1))
}
