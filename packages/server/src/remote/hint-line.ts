/** Hints from the server, as long as somebody listens. When they break off they begin again: with the word that anything may be new. */
import { EVERYTHING, Watchers, type Hint } from '@millrace/core/store'
import { codecOf } from '../wire/codec.ts'
import { StoreService } from '../wire/generated/millrace/v1/store_pb.ts'
import type { ClientReadableStream } from '@grpc/grpc-js'
import type { Channel } from './channel.ts'

const FIRST_WAIT_MS = 100
const LONGEST_WAIT_MS = 5_000

const hints = codecOf<Hint>(StoreService.method.watchHints.output)

/** What cannot be read may say anything. */
function hintIn(bytes: Buffer): Hint {
  try {
    return hints.decode(bytes)
  } catch {
    return EVERYTHING
  }
}

export class HintLine {
  readonly #watchers = new Watchers((listened) => (listened ? this.#listen() : this.#leave()))
  #channel: Channel
  #stream: ClientReadableStream<Buffer> | undefined
  #again: NodeJS.Timeout | undefined
  #waitMs = FIRST_WAIT_MS

  constructor(channel: Channel) {
    this.#channel = channel
  }

  watch(): AsyncIterableIterator<Hint> {
    return this.#watchers.watch()
  }

  /** Goes on over another connection. */
  moveTo(channel: Channel): void {
    this.#channel = channel
    this.#leave()
    if (this.#watchers.size > 0) this.#listen()
  }

  close(): void {
    this.#watchers.close()
    this.#leave()
  }

  #listen(): void {
    const stream = this.#channel.readable(StoreService.method.watchHints)
    this.#stream = stream
    stream.on('data', (bytes: Buffer) => {
      if (this.#stream !== stream) return
      this.#waitMs = FIRST_WAIT_MS
      this.#watchers.publish(hintIn(bytes))
    })
    const again = (): void => {
      if (this.#stream === stream) this.#listenAgain()
    }
    // readers go on by polling meanwhile
    stream.on('error', again)
    stream.on('end', again)
  }

  #listenAgain(): void {
    this.#stream = undefined
    const waitMs = this.#waitMs * (0.5 + Math.random() / 2)
    this.#waitMs = Math.min(this.#waitMs * 2, LONGEST_WAIT_MS)
    this.#again = setTimeout(() => this.#listen(), waitMs).unref()
  }

  #leave(): void {
    clearTimeout(this.#again)
    const stream = this.#stream
    this.#stream = undefined
    stream?.cancel()
  }
}
