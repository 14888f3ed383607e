/** The rooms of the store's thread in this thread, so that a test can count what they do. */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Database, Value } from '../src/database.ts'
import { Exchanges } from '../src/exchanges.ts'
import { newHome, type Home, type Pass } from '../src/home.ts'
import { openDatabase } from '../src/migrate.ts'
import { packAdd } from '../src/packing.ts'
import { writing } from '../src/operations.ts'
import { Transactions } from '../src/transactions.ts'
import type { ExchangeAnswer, ExchangeRequest, TaskGroup } from '@millrace/core/store'
import type { OperationName, PackedExchangeAnswer } from '../src/wire.ts'

export class Rooms {
  readonly home: Home & { readonly database: Database }
  readonly transactions: Transactions
  /** What was run since the last look, in order. */
  readonly statements: string[] = []
  /** Called before each pause while another process has the lock. */
  waits: () => void = () => undefined
  readonly #folder: string
  readonly #exchanges = new Exchanges()

  private constructor(folder: string, database: Database) {
    this.#folder = folder
    this.home = newHome(database)
    for (const method of ['get', 'all', 'object', 'objects', 'run'] as const) this.#count(database, method)
    this.transactions = new Transactions(this.home, folder, {
      othersWrote: () => undefined,
      waits: () => this.waits(),
    })
  }

  static async open(): Promise<Rooms> {
    const folder = mkdtempSync(join(tmpdir(), 'millrace-'))
    const path = join(folder, 'home.db')
    return new Rooms(folder, await openDatabase({ path, migrate: true, patiently: async (step) => step() }))
  }

  get path(): string {
    return join(this.#folder, 'home.db')
  }

  async write(operation: OperationName, request: unknown): Promise<unknown> {
    const { answers } = await this.transactions.write([writing(operation, request)!])
    return answers[0]
  }

  async add(groups: readonly TaskGroup[]): Promise<void> {
    await this.write('add', packAdd({ groups, again: false }))
  }

  async exchange(request: ExchangeRequest): Promise<ExchangeAnswer> {
    const sent = this.#exchanges.pack(request)
    return this.#exchanges.unpack(sent, (await this.write('exchange', sent.packed)) as PackedExchangeAnswer)
  }

  close(): void {
    this.home.database.close()
    rmSync(this.#folder, { recursive: true })
  }

  #count(database: Database, method: 'get' | 'all' | 'object' | 'objects' | 'run'): void {
    const run = database[method].bind(database) as (sql: string, ...values: Value[]) => unknown
    Object.defineProperty(database, method, {
      value: (sql: string, ...values: Value[]) => {
        this.statements.push(sql)
        return run(sql, ...values)
      },
    })
  }
}

export type { Pass }
