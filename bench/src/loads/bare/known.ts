/** A store in which the session of these loads is open, and which knows all names that they use. */
import { demandOf, groups, newNonce, session, SESSION } from '../records.ts'
import { settled } from '../growth.ts'
import type { Store } from '@millrace/core/store'

/** Leaves nothing that waits, and closes it. */
export async function known(store: Store): Promise<void> {
  await store.open()
  await store.openSession(session)
  await store.add({ groups: groups(0, 1), again: false })
  const request = { session: SESSION, again: false } as const
  const demand = { ...demandOf(1), cursor: null }
  const { claims } = await store.exchange({ ...request, nonce: newNonce(), settlements: [], demand })
  await store.exchange({ ...request, nonce: newNonce(), settlements: claims.map(settled), demand: null })
  await store.close()
}
