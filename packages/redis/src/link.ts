/**
 * A connection of the store's own that comes back by itself. Each call on it ends within a bound: when an answer is
 * overdue the connection is given up, and everything that is on its way ends with it.
 */
import { StoreError } from '@millrace/core'
import { isKnown, offline, replyWord, storeError } from './errors.ts'
import type { RedisClient, TypeMapping } from '@redis/client'
import type { Ear, Line, Reply } from './line.ts'

export interface LinkOptions {
  readonly url: string
  /** As it is shown: without user and password. */
  readonly place: string
  /** How long an answer may take. */
  readonly timeoutMs: number
  /** Called with each new connection, before anybody uses it. */
  readonly connected?: (client: Client) => Promise<void>
}

/** How often a connection on which nothing comes is asked whether it is still there. */
const PING_MS = 10_000
const RETRY_FIRST_MS = 50
const RETRY_MOST_MS = 1_000
/** A timer that is later than this was held up by what else this process does. */
const BUSY_MS = 20

type None = Record<string, never>
type Client = RedisClient<None, None, None, 3, TypeMapping>

/**
 * The driver is loaded with the first connection: whoever uses another store never waits for it. The bare client is
 * enough: `createClient` would make a class with all commands of Redis for each, which takes 20 MB.
 */
async function newClient({ url, timeoutMs }: LinkOptions): Promise<Client> {
  const { RedisClient: BareClient, RESP_TYPES } = await import('@redis/client')
  return new BareClient({
    url,
    disableOfflineQueue: true,
    disableClientInfo: true,
    socket: { reconnectStrategy: false, connectTimeout: timeoutMs },
    // the watchdog below looks after all calls; a timer for each would cost more than the call
    commandOptions: { typeMapping: { [RESP_TYPES.BLOB_STRING]: Buffer }, timeout: 0 },
  })
}

export class Link implements Line {
  readonly #options: LinkOptions
  #client: Client | undefined
  #why: unknown = new Error('it was never connected')
  #retry: NodeJS.Timeout | undefined
  #retries = 0
  #closed = false
  /** When each call that is on its way began, oldest first. */
  readonly #pending = new Map<symbol, number>()
  #watchdog: NodeJS.Timeout | undefined
  /** The call that was waited for once more, because this process had been busy. */
  #spared: number | undefined
  /** The scripts that this connection has brought. */
  #told = new Set<string>()

  constructor(options: LinkOptions) {
    this.#options = options
  }

  /** @throws StoreError if there is no way to connect now; then it does not try on */
  async open(): Promise<void> {
    this.#closed = false
    try {
      await this.#connect()
    } catch (error) {
      this.#closed = true
      throw error
    }
  }

  /** Connects as soon as that is possible. */
  openPatiently(): void {
    this.#connect().catch(() => this.#connectLater())
  }

  close(): void {
    this.#closed = true
    clearTimeout(this.#retry)
    this.#drop(this.#client, new Error('the store was closed'))
  }

  get told(): Set<string> {
    return this.#told
  }

  async command(args: readonly (string | Buffer)[]): Promise<Reply> {
    const client = this.#client
    if (client === undefined || !client.isReady) throw offline(this.#options.place, this.#why)
    const call = this.#begin(client)
    try {
      return (await client.sendCommand(args)) as Reply
    } catch (error) {
      if (client === this.#client && replyWord(error) === 'READONLY') this.#leave(client)
      // of a connection that was given up the driver knows only that
      const why = client === this.#client || replyWord(error) !== undefined ? error : this.#why
      throw storeError(why, this.#options.place)
    } finally {
      this.#end(call, client)
    }
  }

  #begin(client: Client): symbol {
    const call = Symbol('call')
    if (this.#pending.size === 0) client.ref()
    this.#pending.set(call, performance.now())
    if (this.#watchdog === undefined) this.#watchIn(this.#options.timeoutMs)
    return call
  }

  #end(call: symbol, client: Client): void {
    this.#pending.delete(call)
    // an idle store does not keep the process alive
    if (this.#pending.size === 0 && client === this.#client) client.unref()
  }

  #watchIn(ms: number): void {
    const due = performance.now() + ms
    this.#watchdog = setTimeout(() => this.#watch(performance.now() - due), ms).unref()
  }

  /** @param lateMs by how much the timer is late: for so long this process was busy, and read no answers */
  #watch(lateMs: number): void {
    this.#watchdog = undefined
    const [oldest] = this.#pending.values()
    if (oldest === undefined) return
    const { timeoutMs } = this.#options
    const leftMs = oldest + timeoutMs - performance.now()
    if (leftMs > 0) return this.#watchIn(leftMs)
    if (lateMs > BUSY_MS && this.#spared !== oldest) {
      this.#spared = oldest
      return this.#watchIn(Math.min(lateMs, timeoutMs))
    }
    this.#drop(this.#client, new Error(`no answer came for ${timeoutMs} ms`))
    this.#connectLater()
  }

  /** The server is a replica now. Its successor may have its address, or will be found behind the same name. */
  #leave(client: Client): void {
    this.#drop(client, new Error('the server became a read-only replica'))
    this.#connectLater()
  }

  async #connect(): Promise<void> {
    const { place, timeoutMs, connected } = this.#options
    const client = await newClient(this.#options)
    client.on('error', (error: unknown) => this.#lost(client, error))
    const late = setTimeout(() => client.destroy(), timeoutMs)
    try {
      await client.connect()
      await connected?.(client)
    } catch (error) {
      if (client.isOpen) client.destroy()
      this.#why = error
      throw unreachable(error, place)
    } finally {
      clearTimeout(late)
    }
    if (this.#closed) return client.destroy()
    this.#client = client
    this.#told = new Set()
    this.#retries = 0
    client.unref()
  }

  #lost(client: Client, error: unknown): void {
    if (client !== this.#client) return
    this.#drop(client, error)
    this.#connectLater()
  }

  #drop(client: Client | undefined, why: unknown): void {
    this.#why = why
    this.#client = undefined
    if (client?.isOpen === true) client.destroy()
  }

  #connectLater(): void {
    if (this.#closed) return
    const most = Math.min(RETRY_FIRST_MS * 2 ** this.#retries++, RETRY_MOST_MS)
    clearTimeout(this.#retry)
    this.#retry = setTimeout(
      () => {
        this.#connect().catch(() => this.#connectLater())
      },
      most * (0.5 + Math.random() / 2),
    )
    // somebody who waits for it has a timer of their own
    this.#retry.unref()
  }
}

function unreachable(error: unknown, place: string): StoreError {
  if (error instanceof StoreError) return error
  const word = replyWord(error)
  if (word !== undefined && isKnown(word)) return storeError(error, place)
  const why = error instanceof Error && error.message !== '' ? error.message : 'it does not answer'
  return new StoreError('store-unavailable', `Redis at ${place} cannot be reached: ${why}.`, {
    hint: 'Start it, or look at the host and the port of the URL.',
    effect: 'final',
    cause: error,
  })
}

/** Hears what is published on a connection of its own. */
export function listen(options: LinkOptions, channel: string, ear: Ear): () => void {
  const connected = async (client: Client): Promise<void> => {
    await client.subscribe(channel, (word) => ear.heard(word))
    ear.began()
  }
  const link = new Link({ ...options, connected })
  link.openPatiently()
  // what matters is that somebody asks: without an answer the link gives the connection up and makes another
  const ping = setInterval(() => void link.command(['PING']).catch(() => undefined), PING_MS).unref()
  return () => {
    clearInterval(ping)
    link.close()
  }
}
