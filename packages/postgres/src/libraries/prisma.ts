/** Transactions of Prisma's client. */
import { answerIn, has, type Ask } from './asking.ts'

/** What `prisma.$transaction(async (tx) => …)` gives, by structure. */
export interface PrismaTransaction {
  $queryRawUnsafe(statement: string, ...values: unknown[]): PromiseLike<unknown>
}

export function askPrisma(tx: unknown): Ask | undefined {
  if (!has(tx, '$queryRawUnsafe')) return undefined
  const client = tx as unknown as PrismaTransaction
  return async (statement, text) =>
    answerIn((await client.$queryRawUnsafe(statement, text)) as readonly unknown[])
}
