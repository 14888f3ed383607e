/** A SQLite file whose time is ahead. */
import { randomUUID } from 'node:crypto'
import { hostname } from 'node:os'
import type { SessionRequest } from '@millrace/core/store'
import { SqliteStore, type SqliteStoreOptions } from '@millrace/sqlite'
import type { StoreSource } from '../../store-source.ts'
import { parseStoreUrl } from '../../store-url.ts'
import { CliError } from '../failure.ts'

/** A worker that serves nothing, for a moment. */
const NOBODY: Omit<SessionRequest, 'session'> = {
  ttlMs: 1_000,
  host: hostname(),
  pid: process.pid,
  queues: [],
  types: [],
  offers: [],
  concurrency: 1,
  state: 'running',
  definitions: [],
}

/** @throws CliError if it is no SQLite file: the time of others is their servers' */
export function sourceAhead(url: string, aheadMs: number): StoreSource {
  const address = parseStoreUrl(url)
  if (address.kind !== 'sqlite') throw new CliError('usage', 'The clock can be moved of a SQLite file only.')
  const { path } = address
  return { '~store': (options) => new StoreAhead({ ...options, path }, aheadMs) }
}

class StoreAhead extends SqliteStore {
  readonly #aheadMs: number

  constructor(options: SqliteStoreOptions, aheadMs: number) {
    super(options)
    this.#aheadMs = aheadMs
  }

  override async open(): Promise<void> {
    await super.open()
    await this.shiftClock(this.#aheadMs)
    await this.#settle()
  }

  /** A renewal makes it the time of the file, for other processes and for later ones: there it never goes back. */
  async #settle(): Promise<void> {
    const session = randomUUID()
    await this.openSession({ ...NOBODY, session })
    await this.renew({ session, ttlMs: NOBODY.ttlMs, seq: 1, held: null, awaiting: [] })
    await this.closeSession(session)
  }
}
