/** The user's own connection, by structure, as the rooms of the store work on it. */
import { InvalidArgumentError } from '@millrace/core'
import type { Connection, Value } from './database.ts'

/**
 * A synchronous connection to the file of the store: a `DatabaseSync` of node:sqlite, or a Database of better-sqlite3.
 */
export interface SqliteTransaction {
  exec(sql: string): unknown
  prepare(sql: string): {
    run(...values: SqliteValue[]): { readonly changes: number | bigint }
    get(...values: SqliteValue[]): unknown
    all(...values: SqliteValue[]): unknown[]
  }
  /** For the compiler only: what is done in a transaction is done when it returns. */
  readonly '~work'?: 'synchronous' | undefined
}

/** What is bound to a parameter. */
export type SqliteValue = null | number | bigint | string | Uint8Array

/** Statements of either library, and what each of them has beside the other. */
interface Statement {
  run(...values: unknown[]): { readonly changes: number | bigint }
  get(...values: unknown[]): unknown
  all(...values: unknown[]): unknown[]
  // node:sqlite
  setReturnArrays?(on: boolean): void
  setReadBigInts?(on: boolean): void
  // better-sqlite3
  readonly reader?: boolean
  raw?(on: boolean): void
  safeIntegers?(on: boolean): void
}

interface Handle {
  exec(sql: string): unknown
  prepare(sql: string): Statement
  readonly isTransaction?: boolean
  readonly inTransaction?: boolean
}

export class GuestConnection implements Connection {
  readonly #handle: Handle
  readonly #tuples = new Map<string, Statement>()
  readonly #objects = new Map<string, Statement>()

  /** @throws InvalidArgumentError if it is no such connection */
  constructor(connection: unknown) {
    const handle = connection as Handle | null
    const isOne =
      typeof handle === 'object' &&
      handle !== null &&
      typeof handle.prepare === 'function' &&
      typeof handle.exec === 'function' &&
      typeof (handle.isTransaction ?? handle.inTransaction) === 'boolean'
    if (!isOne) {
      throw new InvalidArgumentError('What was given is no synchronous connection to a SQLite file.', {
        hint: 'Give a DatabaseSync of node:sqlite, or a Database of better-sqlite3.',
      })
    }
    this.#handle = handle
  }

  /** The file that is open, `''` if there is none. */
  get file(): string {
    return this.get<[seq: number, name: string, file: string]>('PRAGMA database_list')?.[2] ?? ''
  }

  get inTransaction(): boolean {
    return (this.#handle.isTransaction ?? this.#handle.inTransaction)!
  }

  get<T extends readonly Value[]>(sql: string, ...values: Value[]): T | undefined {
    return this.#tuple(sql).get(...bound(sql, values)) as T | undefined
  }

  all<T extends readonly Value[]>(sql: string, ...values: Value[]): T[] {
    return this.#tuple(sql).all(...bound(sql, values)) as unknown as T[]
  }

  object<T>(sql: string, ...values: Value[]): T | undefined {
    return this.#object(sql).get(...bound(sql, values)) as T | undefined
  }

  objects<T>(sql: string, ...values: Value[]): T[] {
    return this.#object(sql).all(...bound(sql, values)) as T[]
  }

  run(sql: string, ...values: Value[]): number {
    const statement = this.#tuple(sql)
    // better-sqlite3 runs only what answers no rows
    if (statement.reader !== true) return Number(statement.run(...bound(sql, values)).changes)
    return statement.all(...bound(sql, values)).length
  }

  script(sql: string): void {
    this.#handle.exec(sql)
  }

  #tuple(sql: string): Statement {
    let statement = this.#tuples.get(sql)
    if (statement === undefined) {
      statement = this.#prepared(sql)
      statement.setReturnArrays?.(true)
      if (statement.reader === true) statement.raw?.(true)
      this.#tuples.set(sql, statement)
    }
    return statement
  }

  #object(sql: string): Statement {
    let statement = this.#objects.get(sql)
    if (statement === undefined) {
      statement = this.#prepared(sql)
      statement.setReturnArrays?.(false)
      this.#objects.set(sql, statement)
    }
    return statement
  }

  /** Whatever the user has set for the connection, our numbers are numbers. */
  #prepared(sql: string): Statement {
    const statement = this.#handle.prepare(sql)
    statement.setReadBigInts?.(false)
    if (statement.reader !== undefined) statement.safeIntegers?.(false)
    return statement
  }
}

/** better-sqlite3 takes numbered parameters by their numbers only; node:sqlite takes them either way. */
function bound(sql: string, values: readonly Value[]): readonly unknown[] {
  return NUMBERED.test(sql)
    ? [Object.fromEntries(values.map((value, index) => [`?${index + 1}`, value]))]
    : values
}

const NUMBERED = /\?\d/
