/** What is asked of a transaction of the user's: on their connection, in their words, at their risk. */
import { InvalidArgumentError, StoreError } from '@millrace/core/store'
import { askDrizzle } from './libraries/drizzle.ts'
import { askKnex } from './libraries/knex.ts'
import { askKysely } from './libraries/kysely.ts'
import { askPg } from './libraries/pg.ts'
import { askPrisma } from './libraries/prisma.ts'
import { codeOfError, SQLSTATE, storeError } from './errors.ts'
import type { Ask } from './libraries/asking.ts'
import type { Database } from './database.ts'

/** The driver last: some libraries have a `query` of their own. */
const LIBRARIES = [askKnex, askKysely, askPrisma, askDrizzle, askPg] as const

/** A transaction of the user's, by whatever library. */
export class Guest {
  readonly #ask: Ask
  readonly #database: Database

  /** @throws InvalidArgumentError if it is nothing that could be one */
  constructor(tx: unknown, database: Database) {
    const ask = LIBRARIES.map((library) => library(tx)).find((found) => found !== undefined)
    if (ask === undefined) {
      throw new InvalidArgumentError('What was given is no transaction of Postgres.', {
        hint: TRANSACTION_HINT,
      })
    }
    this.#ask = ask
    this.#database = database
  }

  /**
   * @throws StoreError if Postgres refused it
   */
  async asks(statement: string, question: object): Promise<string> {
    return this.#said(statement, JSON.stringify(question))
  }

  async reads<T>(statement: string, question: object): Promise<T> {
    return JSON.parse(await this.asks(statement, question)) as T
  }

  async #said(statement: string, text: string): Promise<string> {
    try {
      return await this.#ask(this.#database.text(statement), text)
    } catch (error) {
      throw refusal(error)
    }
  }
}

const TRANSACTION_HINT =
  'Give a client of pg between its BEGIN and its COMMIT, or the transaction that drizzle (node-postgres), Kysely, Knex or Prisma gives you.'

/** Statements went out one by one, each on its own. */
export function noTransaction(): InvalidArgumentError {
  return new InvalidArgumentError('There is no transaction under way on what was given.', {
    hint: `${TRANSACTION_HINT} A pool is none: its statements go to any of its connections.`,
  })
}

/** Another transaction has taken an id or a key that this one, as old as it is, cannot see. */
export function overtaken(): StoreError {
  return new StoreError(
    'store-busy',
    'Another transaction has enqueued under the same id or key since this one began.',
    {
      effect: 'none',
      hint: 'Roll back, and do it again in a new transaction.',
    },
  )
}

const ROLL_BACK = 'Postgres takes nothing more in this transaction: roll it back.'
const DO_AGAIN = `${ROLL_BACK} Then do it again: another one was in its way.`

function refusal(cause: unknown): StoreError {
  const { code, message, hint } = storeError(cause, 'none')
  const sqlstate = codeOfError(cause)
  const again = sqlstate === SQLSTATE.serialization || sqlstate === SQLSTATE.deadlock
  return new StoreError(code, message, {
    cause,
    effect: 'none',
    hint: again ? DO_AGAIN : `${ROLL_BACK} ${hint ?? ''}`.trim(),
  })
}
