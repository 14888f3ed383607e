/** Transactions of drizzle-orm on node-postgres: their session has the driver's client. */
import { askPg } from './pg.ts'
import { has, type Ask } from './asking.ts'

/** What `db.transaction(async (tx) => …)` gives, by structure. */
export interface DrizzleTransaction {
  execute(query: string): PromiseLike<unknown>
  rollback(): never
}

export function askDrizzle(tx: unknown): Ask | undefined {
  if (!has(tx, 'execute') || !has(tx, 'rollback')) return undefined
  const { session } = tx as { readonly session?: { readonly client?: unknown } }
  return askPg(session?.client)
}
