/** Transactions of the user's, on their own synchronous connection to the store's file. */
import { realpathSync } from 'node:fs'
import { InvalidArgumentError, StoreError } from '@millrace/core'
import { addGroup } from './groups.ts'
import { draftOf, seqOf } from './tasks.ts'
import { flushLoads } from './loads.ts'
import { flushVolumes } from './volumes.ts'
import { errorOf } from './errors.ts'
import { failureOf, isBusy, storeError } from './failures.ts'
import { GuestConnection, type SqliteTransaction } from './guest-connection.ts'
import { newHome, newPass, type Pass } from './home.ts'
import { patiently } from './transactions.ts'
import { READ_FLOOR } from './statements/sessions.ts'
import { settle } from './settling.ts'
import { checkGuestReplacements, STATE } from '@millrace/core/store'
import { tellDependents } from './dependents.ts'
import type {
  Fate,
  GroupAnswer,
  Receipt,
  Settled,
  Settlement,
  TaskGroup,
  Transactions as Port,
} from '@millrace/core/store'

export interface GuestsParts {
  readonly path: string
  readonly connection: SqliteTransaction
  /** Throws if the store is not open. */
  readonly checkOpen: () => void
  /** How far the store's clock is moved, for tests. */
  readonly offsetMs: () => number
  /** A task was settled that the store's thread believes to run. */
  readonly settled: (receipt: Receipt) => void
}

export class Guests implements Port<SqliteTransaction> {
  readonly work = 'synchronous'
  readonly #parts: GuestsParts
  readonly #own: GuestConnection
  readonly #known = new WeakMap<object, GuestConnection>()

  constructor(parts: GuestsParts) {
    this.#parts = parts
    this.#own = new GuestConnection(parts.connection)
    this.#known.set(parts.connection, this.#own)
  }

  add(tx: unknown, group: TaskGroup): GroupAnswer {
    return this.#within(tx, (pass) => {
      checkGuestReplacements(group)
      return addGroup(pass, group)
    })
  }

  settle(tx: unknown, settlement: Settlement): Settled {
    const { fence, seq } = settlement
    const verdict = this.#within(tx, (pass) => {
      const given = settle(pass, { seq: 0, settlement }, '')
      tellDependents(pass)
      return given
    })
    if (verdict === 'stale') return { verdict }
    const receipt = { fence, seq, transaction: '' }
    this.#parts.settled(receipt)
    return { verdict: 'applied', receipt }
  }

  async run<T>(work: (tx: SqliteTransaction) => T | Promise<T>): Promise<T> {
    this.#parts.checkOpen()
    await this.#begin()
    let answer: T | Promise<T>
    try {
      answer = work(this.#parts.connection)
      if (answer instanceof Promise) throw asynchronous(answer)
      if (!this.#own.inTransaction) throw endedByWork()
    } catch (error) {
      if (this.#own.inTransaction) this.#own.script('ROLLBACK')
      throw error
    }
    this.#commit()
    return answer
  }

  fate({ fence, seq: number }: Receipt): Promise<Fate> {
    return Promise.resolve().then(() => {
      if (this.#own.inTransaction) return 'open'
      return this.#pass(this.#own, (pass) => {
        const seq = seqOf(pass, fence.task)
        const task = seq === undefined ? undefined : draftOf(pass, seq)?.task
        const isOurs = task?.epoch === fence.epoch && task.nonce === fence.nonce && task.settled === number
        return isOurs && task.owner === null && task.state === STATE.succeeded ? 'committed' : 'rolled back'
      })
    })
  }

  /** The lock is waited for without holding up the thread; so is whoever has a transaction on this connection. */
  async #begin(): Promise<void> {
    try {
      await patiently(() => {
        if (this.#own.inTransaction) throw new InTheWay()
        this.#own.script('BEGIN IMMEDIATE')
      }, this.#parts.path)
    } catch (error) {
      throw errorOf(failureOf(error))
    }
  }

  #commit(): void {
    try {
      this.#own.script('COMMIT')
    } catch (error) {
      if (!this.#own.inTransaction) throw this.#failure(error, 'unknown')
      this.#own.script('ROLLBACK')
      throw this.#failure(error, 'none')
    }
  }

  /** All of it or nothing, in a transaction that goes on either way. */
  #within<T>(tx: unknown, work: (pass: Pass) => T): T {
    this.#parts.checkOpen()
    const connection = this.#connectionOf(tx)
    if (!connection.inTransaction) throw noTransaction()
    try {
      connection.script('SAVEPOINT millrace')
    } catch (error) {
      throw this.#failure(error, 'none')
    }
    try {
      const answer = this.#pass(connection, work)
      connection.script('RELEASE millrace')
      return answer
    } catch (error) {
      // SQLite may have ended the transaction by itself, as when the disk is full
      if (connection.inTransaction) connection.script('ROLLBACK TO millrace; RELEASE millrace')
      throw this.#failure(error, 'none')
    }
  }

  /** What was learned in a transaction that may have been rolled back is not remembered. */
  #pass<T>(connection: GuestConnection, work: (pass: Pass) => T): T {
    const home = newHome(connection)
    home.clock.shift(this.#parts.offsetMs())
    home.clock.raise(connection.get<[number]>(READ_FLOOR)![0])
    const pass = newPass(home, home.clock.now())
    const answer = work(pass)
    flushVolumes(pass)
    flushLoads(pass)
    return answer
  }

  #connectionOf(tx: unknown): GuestConnection {
    const known = typeof tx === 'object' && tx !== null ? this.#known.get(tx) : undefined
    if (known !== undefined) return known
    const connection = new GuestConnection(tx)
    const { file } = connection
    if (file === '' || realpathSync(file) !== realpathSync(this.#parts.path)) {
      throw new InvalidArgumentError('The connection is one to another file than that of the store.', {
        hint: `Open ${this.#parts.path}: only what is in one file commits together.`,
      })
    }
    syncEachCommit(connection)
    this.#known.set(tx as object, connection)
    return connection
  }

  #failure(error: unknown, effect: 'none' | 'unknown'): unknown {
    if (isBusy(error)) return busy(error)
    const failure = storeError(error, this.#parts.path, effect)
    return failure === error ? error : errorOf(failureOf(failure))
  }
}

/** A task is as safe as the store keeps anything: with less than FULL a power loss may take the last commits. */
export function syncEachCommit(connection: GuestConnection): void {
  const [level = 0] = connection.get<[number]>('PRAGMA synchronous') ?? []
  if (level < FULL && !connection.inTransaction) connection.script('PRAGMA synchronous = FULL')
}

const FULL = 2

/** Somebody has a transaction on this very connection: as good as locked. */
class InTheWay extends Error {
  readonly code = 'SQLITE_BUSY'
}

function noTransaction(): InvalidArgumentError {
  return new InvalidArgumentError('There is no transaction under way on the connection.', {
    hint: "Begin one: db.exec('BEGIN IMMEDIATE'), or what your library has for it.",
  })
}

function endedByWork(): InvalidArgumentError {
  return new InvalidArgumentError('The work has ended the transaction by itself.', {
    hint: 'Leave COMMIT and ROLLBACK to ctx.transaction; throw to roll back.',
  })
}

function asynchronous(answer: Promise<unknown>): InvalidArgumentError {
  answer.catch(() => undefined) // refused, whatever becomes of it
  return new InvalidArgumentError('The work of the transaction is asynchronous.', {
    hint: 'Give a function that is done when it returns: everybody else waits for it.',
  })
}

function busy(cause: unknown): StoreError {
  return new StoreError('store-busy', 'Somebody else was writing to the file.', {
    cause,
    effect: 'none',
    hint: 'Begin with BEGIN IMMEDIATE: a transaction that began by reading cannot wait for others to write. A busy timeout of the connection says how long it waits.',
  })
}
