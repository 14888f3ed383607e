/** Transactions of Kysely. */
import { answerIn, has, type Ask } from './asking.ts'

/** What `db.transaction().execute(async (trx) => …)` gives, by structure. */
export interface KyselyTransaction {
  readonly isTransaction: true
  executeQuery(query: never): Promise<{ readonly rows: readonly unknown[] }>
}

export function askKysely(tx: unknown): Ask | undefined {
  if (!has(tx, 'executeQuery')) return undefined
  const trx = tx as unknown as KyselyTransaction
  return async (statement, text) => {
    const query = {
      sql: statement,
      parameters: [text],
      query: rawNode(statement),
      queryId: { queryId: 'millrace' },
    }
    return answerIn((await trx.executeQuery(query as never)).rows)
  }
}

/** As the library's own CompiledQuery.raw makes it. */
function rawNode(statement: string): object {
  return { kind: 'RawNode', sqlFragments: [statement], parameters: [] }
}
