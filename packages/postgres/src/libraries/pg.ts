/** A client of the driver, or of whatever has its query method, between its BEGIN and its COMMIT. */
import { answerIn, has, type Ask } from './asking.ts'
import type { DrizzleTransaction } from './drizzle.ts'
import type { KnexTransaction } from './knex.ts'
import type { KyselyTransaction } from './kysely.ts'
import type { PrismaTransaction } from './prisma.ts'

/** A connection in a transaction, by structure: `pg.PoolClient` and `pg.Client` are such. */
export interface PgTransaction {
  query(
    text: string,
    values?: unknown[],
  ): Promise<{ readonly rows: Record<string, unknown>[]; readonly rowCount: number | null }>
  /** For the compiler only: what is taken for a transaction of this store beside the driver's. */
  readonly '~takes'?: DrizzleTransaction | KyselyTransaction | KnexTransaction | PrismaTransaction | undefined
}

export function askPg(tx: unknown): Ask | undefined {
  if (!has(tx, 'query')) return undefined
  const client = tx as unknown as PgTransaction
  return async (statement, text) => answerIn((await client.query(statement, [text])).rows)
}
