/** What renews leases from another thread: one connection, and nothing of the store that it does not need. */
import { Database } from './database.ts'
import { notOpen } from './errors.ts'
import { Names } from './names.ts'
import { ownPool, type OwnPool } from './options.ts'
import { renew } from './sessions.ts'
import { Wakeups } from './wakeups.ts'
import type { Home } from './pass.ts'
import { besideModule } from '@millrace/core/store'
import type { Leases, LeasesModule, RenewAnswer, RenewRequest } from '@millrace/core/store'

interface LeasesOptions {
  readonly url: string
  readonly schema: string
  readonly prepare: boolean
}

/** How another thread opens them. @throws InvalidArgumentError if this module was left out of a bundle */
export function leasesModule(options: LeasesOptions): LeasesModule {
  return {
    module: besideModule(import.meta.url, 'postgres-leases').href,
    export: postgresLeases.name,
    options,
  }
}

export function postgresLeases(options: LeasesOptions): Leases {
  return new PostgresLeases(options)
}

class PostgresLeases implements Leases {
  readonly #options: LeasesOptions
  #opened: { readonly home: Home; readonly pool: OwnPool; readonly wakeups: Wakeups } | undefined

  constructor(options: LeasesOptions) {
    this.#options = options
  }

  /** The schema was looked at by the store that is open. What is looked for here is a way to it. */
  async open(): Promise<void> {
    const { url, schema, prepare } = this.#options
    const pool = await ownPool(url, 1, prepare)
    const database = new Database({ pool, schema, prepare })
    // it tells others, and listens to nobody
    const wakeups = new Wakeups({ database, pool: null, publish: () => undefined })
    try {
      await database.connected((client) => database.script(client, 'SELECT 1'))
    } catch (error) {
      await pool.end()
      throw error
    }
    this.#opened = {
      home: { database, names: new Names(database), tell: (hint) => wakeups.tell(hint) },
      pool,
      wakeups,
    }
  }

  async renew(request: RenewRequest): Promise<RenewAnswer> {
    if (this.#opened === undefined) throw notOpen()
    return renew(this.#opened.home, request)
  }

  async close(): Promise<void> {
    const opened = this.#opened
    this.#opened = undefined
    await opened?.wakeups.close()
    await opened?.pool.end()
  }
}
