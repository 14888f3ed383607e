/** The SQLite store on a file to which the user has a connection, too: what is written there commits together. */
import { InvalidArgumentError } from '@millrace/core'
import { GuestConnection, type SqliteTransaction } from './guest-connection.ts'
import { Guests, syncEachCommit } from './guests.ts'
import { notOpen } from './errors.ts'
import { SqliteStore } from './store.ts'
import type { SqliteStoreOptions } from './options.ts'
import type { TransactionalStore, Transactions } from '@millrace/core/store'

/** Your connection, and what every SQLite store may be told. */
export interface TransactionalSqliteStoreOptions extends Omit<SqliteStoreOptions, 'path'> {
  /**
   * Your own synchronous connection. The store works on its file by a connection of its own, and on yours only in
   * your transactions; it sets its `synchronous` to FULL, and never closes it.
   */
  readonly connection: SqliteTransaction
}

/** A SQLite store that also works in transactions of yours, on your own synchronous connection. */
export class TransactionalSqliteStore extends SqliteStore implements TransactionalStore<SqliteTransaction> {
  readonly transactions: Transactions<SqliteTransaction>
  readonly #connection: SqliteTransaction
  #offsetMs = 0
  #isOpen = false

  /** @throws InvalidArgumentError if it is no connection, or none to a file */
  constructor({ connection, ...options }: TransactionalSqliteStoreOptions) {
    const path = fileOf(connection)
    super({ ...options, path })
    this.#connection = connection
    this.transactions = new Guests({
      path,
      connection,
      checkOpen: () => {
        if (!this.#isOpen) throw notOpen(path)
      },
      offsetMs: () => this.#offsetMs,
      settled: ({ fence }) => this.settledElsewhere(fence),
    })
  }

  override async open(): Promise<void> {
    await super.open()
    syncEachCommit(new GuestConnection(this.#connection))
    this.#isOpen = true
  }

  override async close(): Promise<void> {
    this.#isOpen = false
    await super.close()
  }

  override async shiftClock(ms: number): Promise<void> {
    await super.shiftClock(ms)
    this.#offsetMs += ms
  }
}

function fileOf(connection: SqliteTransaction): string {
  const { file } = new GuestConnection(connection)
  if (file !== '') return file
  throw new InvalidArgumentError('The connection has no file.', {
    hint: 'Open one with a path: a database in memory cannot be shared with workers.',
  })
}
