/** Hears what scripts publish, on a connection of its own that comes back by itself. */
import { Link, type Client, type LinkOptions } from './link.ts'
import { Watchers, type Hint } from '@millrace/core/store'

/** How often a connection on which nothing comes is asked whether it is still there. */
const PING_MS = 10_000

const EVERYTHING: Hint = { ready: true, settled: true, cancel: true }

/** What matters is that somebody asks: without an answer the link gives the connection up and makes another. */
function ping(link: Link): void {
  link.command(['PING']).catch(() => undefined)
}

export class Wakeups {
  readonly #options: LinkOptions
  readonly #channel: string
  readonly #watchers = new Watchers((listened) => this.#listen(listened))
  #link: Link | undefined
  #ping: NodeJS.Timeout | undefined

  constructor(options: LinkOptions, channel: string) {
    this.#options = options
    this.#channel = channel
  }

  watch(): AsyncIterableIterator<Hint> {
    return this.#watchers.watch()
  }

  close(): void {
    this.#watchers.close()
    this.#listen(false)
  }

  #listen(listened: boolean): void {
    clearInterval(this.#ping)
    this.#link?.close()
    this.#link = undefined
    if (!listened) return
    const link = new Link({ ...this.#options, connected: (client) => this.#subscribe(client, link) })
    this.#link = link
    link.openPatiently()
    this.#ping = setInterval(() => ping(link), PING_MS).unref()
  }

  async #subscribe(client: Client, link: Link): Promise<void> {
    await client.subscribe(this.#channel, (word) => this.#heard(word))
    // whatever was published before was not heard
    if (link === this.#link) this.#watchers.publish(EVERYTHING)
  }

  #heard(word: string): void {
    this.#watchers.publish({
      ready: word.includes('r'),
      settled: word.includes('s'),
      cancel: word.includes('c'),
    })
  }
}
