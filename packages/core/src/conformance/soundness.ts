/** What a store finds when it looks itself over, page by page. */
import { equal, holds } from './expect.ts'
import type { AuditAnswer, StoreDefect } from '../store/audit.ts'
import type { Store } from '../store/port.ts'

/** More pages than any home of a case has. */
const PAGES_MAX = 100_000

/** The defects of what the store keeps; how the engine is set is no matter of the suite. */
export async function defectsOf(
  store: Store,
  limit = 1_000,
  repair = false,
): Promise<readonly StoreDefect[]> {
  const found: StoreDefect[] = []
  let cursor: string | null = null
  for (let pages = 0; pages < PAGES_MAX; pages++) {
    const page: AuditAnswer = await store.audit({ cursor, limit, repair })
    found.push(...page.defects.filter(({ code }) => !code.startsWith('engine-')))
    cursor = page.next
    if (cursor === null) return found
  }
  holds(false, 'the audit does not come to its end')
}

/** Whatever was done, nothing of it is out of step. */
export async function seeNoDefects(store: Store): Promise<void> {
  equal(await defectsOf(store), [], 'the defects')
}
