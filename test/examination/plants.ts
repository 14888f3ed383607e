/** A store with a little of everything, in which something is made wrong: what its audit finds before, then, and after a repair. */
import { shop, type Shop } from '../../packages/core/src/conformance/audit.ts'
import { Scene } from '../../packages/core/src/conformance/scene.ts'
import type { AuditAnswer, Store, StoreDefect } from '@millrace/core/store'

export interface Planted {
  readonly before: readonly StoreDefect[]
  readonly found: readonly StoreDefect[]
  readonly after: readonly StoreDefect[]
}

interface Home {
  readonly store: Store
  open(): Promise<Store>
  shiftClock(ms: number): Promise<void>
}

/** All pages, small ones unless told otherwise. */
export async function auditOf(store: Store, repair = false, limit = 7): Promise<readonly StoreDefect[]> {
  const found: StoreDefect[] = []
  let cursor: string | null = null
  do {
    const page: AuditAnswer = await store.audit({ cursor, limit, repair })
    found.push(...page.defects)
    cursor = page.next
  } while (cursor !== null)
  return found
}

export async function planted(home: Home, spoil: (shop: Shop) => Promise<void>): Promise<Planted> {
  const made = await shop(new Scene(home))
  const before = await auditOf(home.store)
  await spoil(made)
  const found = await auditOf(home.store)
  await auditOf(home.store, true)
  return { before, found, after: await auditOf(home.store) }
}

/** Codes and remedies, each once, in their order. */
export function codesOf(defects: readonly StoreDefect[]): readonly string[] {
  return [...new Set(defects.map(({ code, remedy }) => `${code}, ${remedy}`))].toSorted()
}
