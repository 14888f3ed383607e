/**
 * The store's line over a client of the user's, which connects again by itself. While it has no connection calls fail
 * at once, instead of standing in its queue; an answer that is overdue fails its call alone. What was sent by then may
 * still arrive (ioredis sends it again after a reconnect unless told otherwise): each request bears what makes its
 * repetition harmless.
 */
import { closedGuest, offline, storeError } from './errors.ts'
import type { Guest } from './guests.ts'
import type { Line, Reply } from './line.ts'

interface Call {
  readonly endMs: number
  readonly fail: (error: unknown) => void
}

export class GuestLine implements Line {
  readonly told: Set<string> = new Set()
  readonly #guest: Guest
  readonly #place: string
  readonly #timeoutMs: number
  /** Calls on their way, the oldest first. */
  readonly #calls = new Set<Call>()
  readonly #forget: () => void
  #watchdog: NodeJS.Timeout | undefined

  /** @param connected is called when the client comes to a server, which may be another one than before */
  constructor(
    guest: Guest,
    { place, timeoutMs }: { readonly place: string; readonly timeoutMs: number },
    connected: () => void,
  ) {
    this.#guest = guest
    this.#forget = guest.arrivals(() => {
      this.told.clear()
      connected()
    })
    this.#place = place
    this.#timeoutMs = timeoutMs
  }

  /** Waits for a client that is about to connect. */
  async open(): Promise<void> {
    try {
      await this.#sent(['PING'])
    } catch (error) {
      throw this.#guest.state() === 'closed' ? closedGuest(this.#place) : error
    }
  }

  close(): void {
    this.#forget()
    clearTimeout(this.#watchdog)
    this.#watchdog = undefined
    for (const call of this.#calls) call.fail(new Error('the store was closed'))
  }

  command(args: readonly (string | Buffer)[]): Promise<Reply> {
    if (this.#guest.state() === 'ready') return this.#sent(args)
    return Promise.reject(offline(this.#place, new Error('the client is not connected')))
  }

  #sent(args: readonly (string | Buffer)[]): Promise<Reply> {
    return new Promise((resolve, reject) => {
      const call: Call = {
        endMs: performance.now() + this.#timeoutMs,
        fail: (error) => {
          this.#end(call)
          reject(storeError(error, this.#place))
        },
      }
      this.#begin(call)
      this.#guest.send(args).then((reply) => {
        this.#end(call)
        resolve(reply as Reply)
      }, call.fail)
    })
  }

  #begin(call: Call): void {
    // an idle store does not keep the process alive, a call that waits does
    if (this.#calls.size === 0) this.#watchdog?.ref()
    this.#calls.add(call)
    if (this.#watchdog === undefined) this.#watchIn(this.#timeoutMs)
  }

  #end(call: Call): void {
    this.#calls.delete(call)
    if (this.#calls.size === 0) this.#watchdog?.unref()
  }

  #watchIn(ms: number): void {
    this.#watchdog = setTimeout(() => this.#watch(), ms)
  }

  #watch(): void {
    this.#watchdog = undefined
    const now = performance.now()
    for (const call of this.#calls) {
      if (call.endMs > now) return this.#watchIn(call.endMs - now)
      call.fail(new Error(`no answer came for ${this.#timeoutMs} ms`))
    }
  }
}
