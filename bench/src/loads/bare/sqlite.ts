/**
 * The SQLite store's own operations in the calling thread: the statements that its thread runs, one transaction
 * each, without packing, messages or a second thread. They are no part of the package's surface, so they are
 * reached by their place in this repository.
 */
import { add } from '../../../../packages/sqlite/src/adding.ts'
import { newHome, type Pass } from '../../../../packages/sqlite/src/home.ts'
import { exchange } from '../../../../packages/sqlite/src/exchanging.ts'
import { openDatabase } from '../../../../packages/sqlite/src/migrate.ts'
import { openSession } from '../../../../packages/sqlite/src/sessions.ts'
import { packAdd } from '../../../../packages/sqlite/src/packing.ts'
import { Transactions } from '../../../../packages/sqlite/src/transactions.ts'
import type { Database } from '../../../../packages/sqlite/src/database.ts'
import type { PackedAdd, PackedExchange, Successes } from '../../../../packages/sqlite/src/wire.ts'
import type { TaskGroup } from '@millrace/core/store'
import { pathOf } from '../../engine.ts'
import { demandOf, newNonce, SESSION, session } from '../records.ts'
import type { Bare } from './bare.ts'

interface Claimed {
  readonly count: number
  readonly successes: readonly Successes[]
}

export async function bareSqlite(url: string): Promise<Bare<PackedAdd, Claimed>> {
  const path = pathOf(url)
  const database = await openDatabase({ path, migrate: true, patiently: async (step) => step() })
  const store = new BareSqlite(database, path)
  await store.open()
  return store
}

class BareSqlite implements Bare<PackedAdd, Claimed> {
  readonly lines = 1
  readonly #database: Database
  readonly #transactions: Transactions
  #known: PackedExchange['known'] = { routes: 0, terms: 0 }
  #first = true

  constructor(database: Database, path: string) {
    this.#database = database
    const nobody = { hint: () => {}, othersWrote: () => {}, waits: () => {} }
    this.#transactions = new Transactions(newHome(database), path, nobody)
  }

  async open(): Promise<void> {
    await this.#write((pass) => openSession(pass, session))
  }

  packed(groups: readonly TaskGroup[]): PackedAdd {
    return packAdd({ groups, again: false })
  }

  async add(packed: PackedAdd): Promise<void> {
    await this.#write((pass) => add(pass, packed))
  }

  async exchange(last: Claimed | null, tasksMax: number): Promise<Claimed> {
    const nonce = newNonce()
    const { types, offers, queues, quantum, bytesMax } = demandOf(tasksMax)
    const names = this.#first ? { types, offers } : { types: null, offers: null }
    this.#first = false
    const request: PackedExchange = {
      session: SESSION,
      nonce,
      again: false,
      known: this.#known,
      successes: last?.successes ?? [],
      singles: [],
      demand: { taste: 1, ...names, queues, tasksMax, quantum, bytesMax, turn: null },
    }
    const answer = await this.#write((pass) => exchange(pass, request))
    if (answer.successes.some((verdicts) => verdicts !== null)) throw new Error('A settlement was stale.')
    if (answer.lesson !== null) this.#known = answer.lesson.known
    const successes = answer.bundles.map(({ count, seqs }) => ({
      count,
      seqs,
      epoch: 1,
      nonce,
      settled: 1,
      result: null,
    }))
    return { count: successes.reduce((sum, { count }) => sum + count, 0), successes }
  }

  async #write<T>(work: (pass: Pass) => T): Promise<T> {
    const { answers } = await this.#transactions.write([work])
    return answers[0] as T
  }

  close(): Promise<void> {
    this.#database.close()
    return Promise.resolve()
  }
}
