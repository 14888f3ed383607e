/** Transactions of Knex. */
import { answerIn, has, type Ask } from './asking.ts'

/** What `knex.transaction(async (trx) => …)` gives, by structure. */
export interface KnexTransaction {
  raw(statement: string, bindings: readonly string[]): PromiseLike<unknown>
  isCompleted(): boolean
}

export function askKnex(tx: unknown): Ask | undefined {
  if (!has(tx, 'raw') || !has(tx, 'isCompleted')) return undefined
  const trx = tx as unknown as KnexTransaction
  return async (statement, text) => {
    // its own sign for a binding; the statements hold no other question mark
    const answer = await trx.raw(statement.replace('$1', '?'), [text])
    return answerIn((answer as { readonly rows?: readonly unknown[] }).rows)
  }
}
