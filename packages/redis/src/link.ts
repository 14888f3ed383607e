/**
 * A connection of the store's own that comes back by itself. Each call on it ends within a bound: when an answer is
 * overdue the connection is given up, and everything that is on its way ends with it.
 */
import { StoreError } from '@millrace/core/store'
import { isKnown, lost, offline, replyWord, storeError } from './errors.ts'
import type { Line, Reply } from './line.ts'

/** A single connection, which does not come back. */
export interface Wire {
  readonly isOpen: boolean
  readonly isReady: boolean
  connect(): Promise<unknown>
  /** Whatever is on its way ends with an error. */
  destroy(): void
  ref(): void
  unref(): void
  sendCommand(args: readonly (string | Buffer)[]): Promise<unknown>
  /** It was lost after it was ready. */
  on(event: 'error', listener: (error: unknown) => void): unknown
}

/** Where a connection leads. */
export interface Address {
  /** `redis:` or `rediss:`, checked; with the files of TLS behind the `?`, if there are any. */
  readonly url: string
  /** As it is shown: without user and password. */
  readonly place: string
  /** How long an answer may take. */
  readonly timeoutMs: number
}

export interface LinkOptions<W extends Wire> extends Address {
  /** Makes a connection, which is not open yet. */
  readonly dial: (address: Address) => W | Promise<W>
  /** Called with each new connection, before anybody uses it. */
  readonly connected?: (wire: W) => Promise<void>
}

const RETRY_FIRST_MS = 50
const RETRY_MOST_MS = 1_000
/** A timer that is later than this was held up by what else this process does. */
const BUSY_MS = 20

export class Link<W extends Wire = Wire> implements Line {
  readonly #options: LinkOptions<W>
  #client: W | undefined
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

  constructor(options: LinkOptions<W>) {
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
      if (replyWord(error) !== undefined) throw storeError(error, this.#options.place)
      // of a connection that was given up the driver knows only that; why it cannot be had anew says nothing of this call
      throw lost(this.#options.place, client === this.#client ? error : this.#why)
    } finally {
      this.#end(call, client)
    }
  }

  #begin(client: W): symbol {
    const call = Symbol('call')
    if (this.#pending.size === 0) client.ref()
    this.#pending.set(call, performance.now())
    if (this.#watchdog === undefined) this.#watchIn(this.#options.timeoutMs)
    return call
  }

  #end(call: symbol, client: W): void {
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
  #leave(client: W): void {
    this.#drop(client, new Error('the server became a read-only replica'))
    this.#connectLater()
  }

  async #connect(): Promise<void> {
    const { place, timeoutMs, dial, connected } = this.#options
    const client = await this.#dialled(dial)
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

  async #dialled(dial: LinkOptions<W>['dial']): Promise<W> {
    try {
      return await dial(this.#options)
    } catch (error) {
      this.#why = error
      throw unreachable(error, this.#options.place)
    }
  }

  #lost(client: W, error: unknown): void {
    if (client !== this.#client) return
    this.#drop(client, error)
    this.#connectLater()
  }

  #drop(client: W | undefined, why: unknown): void {
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
