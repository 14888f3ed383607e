/** One connection: prepared statements by their text, and transactions that never wait inside SQLite. */
import { DatabaseSync, type StatementSync } from 'node:sqlite'

export type Value = null | number | bigint | string | Uint8Array

/** What the rooms of the store ask of a connection, whoever has opened it. */
export interface Connection {
  /** The first row as a tuple. */
  get<T extends readonly Value[]>(sql: string, ...values: Value[]): T | undefined
  /** All rows as tuples. */
  all<T extends readonly Value[]>(sql: string, ...values: Value[]): T[]
  /** The first row as an object, for rows with many columns. */
  object<T>(sql: string, ...values: Value[]): T | undefined
  objects<T>(sql: string, ...values: Value[]): T[]
  /** Runs a statement that answers no rows. How many rows it changed. */
  run(sql: string, ...values: Value[]): number
  readonly inTransaction: boolean
}

export class Database implements Connection {
  readonly #connection: DatabaseSync
  readonly #tuples = new Map<string, StatementSync>()
  readonly #objects = new Map<string, StatementSync>()

  /** @param options how SQLite opens the file; waiting for locks is ours, not SQLite's: its wait would block the thread */
  constructor(path: string, options: { readonly readOnly: boolean }) {
    this.#connection = new DatabaseSync(path, { timeout: 0, readOnly: options.readOnly })
  }

  get<T extends readonly Value[]>(sql: string, ...values: Value[]): T | undefined {
    return this.#tuple(sql).get(...values) as unknown as T | undefined
  }

  all<T extends readonly Value[]>(sql: string, ...values: Value[]): T[] {
    return this.#tuple(sql).all(...values) as unknown as T[]
  }

  object<T>(sql: string, ...values: Value[]): T | undefined {
    return this.#object(sql).get(...values) as T | undefined
  }

  objects<T>(sql: string, ...values: Value[]): T[] {
    return this.#object(sql).all(...values) as T[]
  }

  run(sql: string, ...values: Value[]): number {
    return Number(this.#tuple(sql).run(...values).changes)
  }

  /** Runs statements that are needed once. */
  script(sql: string): void {
    this.#connection.exec(sql)
  }

  get inTransaction(): boolean {
    return this.#connection.isTransaction
  }

  close(): void {
    this.#connection.close()
  }

  #tuple(sql: string): StatementSync {
    let statement = this.#tuples.get(sql)
    if (statement === undefined) {
      statement = this.#connection.prepare(sql)
      statement.setReturnArrays(true)
      this.#tuples.set(sql, statement)
    }
    return statement
  }

  #object(sql: string): StatementSync {
    let statement = this.#objects.get(sql)
    if (statement === undefined) {
      statement = this.#connection.prepare(sql)
      this.#objects.set(sql, statement)
    }
    return statement
  }
}
