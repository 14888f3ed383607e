/**
 * The SQLite store: one file, worked on by a thread of its own, so that neither a commit nor a lock of another
 * process ever holds up the main thread. This side packs and unpacks; all decisions are made there.
 */
import { InvalidArgumentError } from '@millrace/core'
import { Exchanges } from './exchanges.ts'
import { notOpen } from './errors.ts'
import { Line } from './line.ts'
import { packAdd, unpackAdd } from './packing.ts'
import { Watchers } from './watchers.ts'
import type * as port from '@millrace/core/store'

/** An `add` of so many groups goes to the thread at once: there is more to gain by working side by side. */
const HURRY_GROUPS = 16

export interface SqliteStoreOptions {
  /** The file. It is created if its folder exists; two files beside it belong to it. */
  readonly path: string
  /** Homes within one file are not there yet. */
  readonly namespace?: string | undefined
  /** Whether a new file gets its tables, and an older schema is brought up to date. Default true. */
  readonly migrate?: boolean | undefined
}

export class SqliteStore implements port.Store {
  readonly kind = 'sqlite'
  readonly retentionBytes: number = 1_024 ** 3
  readonly calls = 'in order'
  readonly #options: { readonly path: string; readonly migrate: boolean }
  readonly #watchers = new Watchers((listened) => this.#listen(listened))
  #exchanges = new Exchanges()
  #line: Line | undefined

  /** @throws InvalidArgumentError */
  constructor({ path, namespace, migrate = true }: SqliteStoreOptions) {
    checkPath(path)
    if (namespace !== undefined && namespace !== 'default') {
      throw new InvalidArgumentError(
        `The SQLite store has no namespaces yet, and ${JSON.stringify(namespace)} was asked for.`,
        {
          hint: 'Use one file per namespace.',
        },
      )
    }
    this.#options = { path, migrate }
  }

  async open(): Promise<void> {
    const line = new Line(this.#options, (hint) => this.#watchers.publish(hint))
    await line.open()
    this.#exchanges = new Exchanges()
    this.#line = line
  }

  async close(): Promise<void> {
    const line = this.#line
    this.#watchers.close()
    this.#line = undefined
    await line?.close()
  }

  openSession(
    request: port.SessionRequest,
  ): Promise<{ readonly session: 'alive' | 'dead'; readonly now: number }> {
    return this.#open.call('openSession', request)
  }

  async renew(request: port.RenewRequest): Promise<port.RenewAnswer> {
    const answer = await this.#open.call('renew', request)
    this.#exchanges.forget(answer.lost)
    return answer
  }

  async closeSession(session: port.SessionId): Promise<void> {
    await this.#open.call('closeSession', session)
  }

  async add(request: port.AddRequest): Promise<readonly port.GroupAnswer[]> {
    const packed = packAdd(request)
    const line = this.#open
    const answer = line.call('add', packed)
    if (request.groups.length >= HURRY_GROUPS) line.hurry()
    return unpackAdd(packed, await answer)
  }

  async exchange(request: port.ExchangeRequest): Promise<port.ExchangeAnswer> {
    const sent = this.#exchanges.pack(request)
    return this.#exchanges.unpack(sent, await this.#open.call('exchange', sent.packed))
  }

  reclaim(request: port.ReclaimRequest): Promise<port.ReclaimAnswer> {
    return this.#open.call('reclaim', request)
  }

  sweep(request: port.UpkeepRequest): Promise<port.UpkeepAnswer> {
    return this.#open.call('sweep', request)
  }

  deliver(request: port.UpkeepRequest): Promise<port.UpkeepAnswer> {
    return this.#open.call('deliver', request)
  }

  prune(request: port.PruneRequest): Promise<port.UpkeepAnswer> {
    return this.#open.call('prune', request)
  }

  command(request: port.CommandRequest): Promise<port.CommandAnswer> {
    return this.#open.call('command', request)
  }

  async configureQueue(request: port.QueueSettings): Promise<void> {
    await this.#open.call('configureQueue', request)
  }

  /** The first call decides; it then goes on until all tasks are through, or leaves that to `deliver`. */
  async openGate(gate: string): Promise<'open' | 'gone'> {
    const line = this.#open
    const { fate, more } = await line.call('openGate', gate)
    for (let left = more; left;) left = (await line.call('openGate', gate)).more
    return fate
  }

  get(ids: readonly port.TaskId[]): Promise<readonly (port.TaskRecord | null)[]> {
    return this.#open.call('get', ids)
  }

  outcomes(request: {
    readonly ids: readonly port.TaskId[]
    readonly bytesMax: number
  }): Promise<readonly (port.TaskOutcome | 'later' | null)[]> {
    return this.#open.call('outcomes', request)
  }

  list(request: port.ListRequest): Promise<port.ListAnswer> {
    return this.#open.call('list', request)
  }

  queues(): Promise<readonly port.QueueRecord[]> {
    return this.#open.call('queues', undefined)
  }

  sessions(): Promise<readonly port.SessionRecord[]> {
    return this.#open.call('sessions', undefined)
  }

  definitions(): Promise<readonly port.PublishedDefinition[]> {
    return this.#open.call('definitions', undefined)
  }

  now(): Promise<number> {
    return this.#open.call('now', undefined)
  }

  watch(): AsyncIterableIterator<port.Hint> {
    return this.#watchers.watch()
  }

  /** Moves store time as this store sees it, for tests. A clock that is moved back stands still. */
  async shiftClock(ms: number): Promise<void> {
    await this.#open.call('shiftClock', ms)
  }

  get #open(): Line {
    if (this.#line !== undefined) return this.#line
    throw notOpen(this.#options.path)
  }

  #listen(listened: boolean): void {
    // hints are never needed: without them readers poll
    this.#line?.call('watch', listened).catch(() => undefined)
  }
}

function checkPath(path: string): void {
  if (typeof path !== 'string' || path === '') {
    throw new InvalidArgumentError('The SQLite store needs the path of a file.', {
      hint: "Give one, as in { path: 'millrace.db' }.",
    })
  }
  if (path === ':memory:' || path.startsWith('file:')) {
    throw new InvalidArgumentError(
      `The path of the SQLite store is ${JSON.stringify(path)}, which is no file.`,
      {
        hint: 'Use memory: for a store that lives and dies with the process.',
      },
    )
  }
}
