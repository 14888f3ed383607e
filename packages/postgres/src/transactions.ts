/** Transactions of the user's: what joins them, what is settled in them, and what became of it. */
import { columnsOf } from './payloads.ts'
import { FATES, NUMBER_WITHIN, SUCCEED_WITHIN, SUCCEEDED_BY } from './statements/guests.ts'
import { Guest, noTransaction } from './guests.ts'
import { isRefusedByServer, storeError } from './errors.ts'
import { join } from './joining.ts'
import {
  nonceValue,
  StoreError,
  type Fate,
  type GroupAnswer,
  type Receipt,
  type Settled,
  type Settlement,
  type TaskGroup,
  type Transactions as Port,
} from '@millrace/core/store'
import type { Commits } from './commits.ts'
import type { Database } from './database.ts'
import type { Home } from './pass.ts'
import type { PgTransaction } from './libraries/pg.ts'
import type { PoolClient } from './driver.ts'
import type { Turns } from './turns.ts'

/** What there is while the store is open. */
export interface Doors {
  readonly home: Home
  readonly commits: Commits
  /** Connections for the transactions of handlers, and who is next to get one. */
  readonly lent: Database
  readonly turns: Turns
}

export class Transactions implements Port<PgTransaction> {
  readonly work = 'asynchronous'
  readonly #doors: () => Doors
  /** Of the transactions that were begun here, while their work is done. */
  readonly #numbers = new WeakMap<object, string>()

  /** @param doors throws if the store is not open */
  constructor(doors: () => Doors) {
    this.#doors = doors
  }

  async add(tx: unknown, group: TaskGroup): Promise<GroupAnswer> {
    const { home, commits } = this.#doors()
    const { answer, transaction, news } = await join(home, new Guest(tx, home.database), group)
    if (news !== 'none') commits.note(transaction, { ready: true, settled: false, more: news === 'more' })
    return answer
  }

  async settle(tx: unknown, settlement: Settlement): Promise<Settled> {
    const { home, commits } = this.#doors()
    const { fence, seq } = settlement
    const guest = new Guest(tx, home.database)
    const transaction = this.#numbers.get(tx as object) ?? (await guest.asks(NUMBER_WITHIN, {}))
    const answer = await guest.asks(SUCCEED_WITHIN, {
      ...questionOf(settlement),
      transaction,
      seen: home.database.seen,
    })
    if (answer === 'no transaction') throw noTransaction()
    if (answer === 'busy' || answer === 'stale') return { verdict: answer }
    commits.note(transaction, { ready: false, settled: true, more: answer !== 'applied' })
    // the record of its claim is left to the next renewal: nobody knows yet whether this commits
    return { verdict: 'applied', receipt: { fence, seq, transaction } }
  }

  async run<T>(work: (tx: PgTransaction) => T | Promise<T>): Promise<T> {
    const { lent, turns } = this.#doors()
    const done = await turns.take(() => lent.connected((client) => this.#once(client, work)))
    if ('error' in done) throw done.error
    return done.answer
  }

  /** What the work threw is answered, since the connection is none the worse for it. */
  async #once<T>(
    client: PoolClient,
    work: (tx: PgTransaction) => T | Promise<T>,
  ): Promise<{ readonly answer: T } | { readonly error: unknown }> {
    const { commits } = this.#doors()
    const transaction = await begin(client)
    commits.begin(transaction)
    this.#numbers.set(client, transaction)
    let fate: 'committed' | 'rolled back' | 'unknown' = 'rolled back'
    try {
      const answer = await worked(client, work)
      if ('error' in answer) return answer
      fate = 'unknown'
      await commit(client)
      fate = 'committed'
      return answer
    } finally {
      this.#numbers.delete(client)
      commits.end(transaction, fate)
    }
  }

  async fate({ fence, seq, transaction }: Receipt): Promise<Fate> {
    const { database } = this.#doors().home
    const [row] = await database.rows<[string, string | null]>(FATES, [[transaction]])
    if (row![1] === 'in progress') return 'open'
    // a savepoint may have been rolled back, so the task itself is asked, once nothing can change any more
    const values = [fence.task, fence.epoch, nonceValue(fence.nonce), seq]
    const [found] = await database.rows<[boolean]>(SUCCEEDED_BY, values)
    return found![0] ? 'committed' : 'rolled back'
  }
}

function questionOf({ fence, seq, transition, notes }: Settlement): object {
  const { text, raw } = columnsOf(transition.to === 'succeeded' ? transition.result : null)
  return {
    task: fence.task,
    epoch: fence.epoch,
    nonce: nonceValue(fence.nonce).toString(),
    seq,
    result: text,
    result_raw: raw === null ? null : raw.toString('hex'),
    progress: notes === null || notes.progress === null ? null : JSON.stringify(notes.progress),
    logs: notes === null || notes.logs.length === 0 ? null : notes.logs,
  }
}

/** It has its number from the beginning, so that whoever ends it under our feet is noticed. */
const BEGIN = 'BEGIN ISOLATION LEVEL READ COMMITTED READ WRITE; SELECT pg_current_xact_id()::text AS number'

async function worked<T>(
  client: PoolClient,
  work: (tx: PgTransaction) => T | Promise<T>,
): Promise<{ readonly answer: T } | { readonly error: unknown }> {
  try {
    return { answer: await work(client as unknown as PgTransaction) }
  } catch (error) {
    return (await hasRolledBack(client)) ? { error } : Promise.reject(error as Error)
  }
}

async function begin(client: PoolClient): Promise<string> {
  try {
    const results = await client.query({ text: BEGIN })
    const last = Array.isArray(results) ? results.at(-1)! : results
    return (last.rows[0] as { readonly number: string }).number
  } catch (error) {
    throw storeError(error, 'none')
  }
}

/** Where that fails the connection is lost, and the server rolls back by itself. */
async function hasRolledBack(client: PoolClient): Promise<boolean> {
  try {
    await client.query({ text: 'ROLLBACK' })
    return true
  } catch {
    return false
  }
}

async function commit(client: PoolClient): Promise<void> {
  let answer
  try {
    answer = await client.query({ text: 'COMMIT' })
  } catch (error) {
    throw storeError(error, isRefusedByServer(error) ? 'none' : 'unknown')
  }
  // what Postgres answers where a statement had failed, and somebody caught the error
  if ((answer as { readonly command?: string }).command !== 'ROLLBACK') return
  throw new StoreError('store-unavailable', 'Postgres has rolled the transaction back.', {
    effect: 'none',
    hint: 'A statement in it had failed: let its error end the transaction, or put a SAVEPOINT before it.',
  })
}
