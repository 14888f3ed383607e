/** All that goes between a store and its server. Loaded with the first store that is opened: nobody else needs gRPC. */
import { codeOf, StoreError } from '@millrace/core/store'
import { givenOf, requestOf, STREAMED, type PortMethod, type StreamedMethod } from '../wire/methods.ts'
import { PROTOCOL } from '../wire/protocol.ts'
import { StoreService } from '../wire/generated/millrace/v1/store_pb.ts'
import { Channel } from './channel.ts'
import { HintLine } from './hint-line.ts'
import { WorkLine } from './work-line.ts'
import type { Hint, TaskId } from '@millrace/core/store'
import type { RemoteAddress } from './address.ts'

/** What the server says of itself. */
export interface Description {
  readonly protocol: number
  readonly kind: string
  readonly retentionBytes: number
}

const streamed: ReadonlySet<PortMethod> = new Set(STREAMED)

export class Line {
  readonly #address: RemoteAddress
  #channel: Channel
  #work: WorkLine
  readonly #hints: HintLine

  constructor(address: RemoteAddress) {
    this.#address = address
    this.#channel = new Channel(address)
    this.#work = new WorkLine(this.#channel)
    this.#hints = new HintLine(this.#channel)
  }

  /** @throws AccessError; StoreError, also if the server speaks another protocol */
  async describe(): Promise<Description> {
    const found = (await this.#channel.ask(StoreService.method.describe, {})) as Description
    if (found.protocol === PROTOCOL) return found
    throw new StoreError(
      'store-schema',
      `The server speaks protocol ${found.protocol}, and this version of Millrace ${PROTOCOL}.`,
      { effect: 'final', hint: 'Use the same version of Millrace on both sides.' },
    )
  }

  /** @throws what the server answered; StoreError */
  async ask(method: PortMethod, taken: unknown): Promise<unknown> {
    try {
      return await this.#ask(method, taken)
    } catch (error) {
      // nobody knows how large tasks are before they are read
      if (method !== 'get' || codeOf(error) !== 'too-large') throw error
      return this.#halves(taken as readonly TaskId[], error)
    }
  }

  async #halves(ids: readonly TaskId[], why: unknown): Promise<readonly unknown[]> {
    if (ids.length < 2) throw why
    const middle = Math.ceil(ids.length / 2)
    const first = (await this.ask('get', ids.slice(0, middle))) as readonly unknown[]
    return [...first, ...((await this.ask('get', ids.slice(middle))) as readonly unknown[])]
  }

  async #ask(method: PortMethod, taken: unknown): Promise<unknown> {
    const request = requestOf(method, taken)
    const answer = streamed.has(method)
      ? await this.#work.ask(method as StreamedMethod, request)
      : await this.#channel.ask(StoreService.method[method], request)
    return givenOf(method, answer)
  }

  watch(): AsyncIterableIterator<Hint> {
    return this.#hints.watch()
  }

  reconnect(): void {
    const [channel, work] = [this.#channel, this.#work]
    this.#channel = new Channel(this.#address)
    this.#work = new WorkLine(this.#channel)
    this.#hints.moveTo(this.#channel)
    work.close()
    channel.close()
  }

  close(): void {
    this.#hints.close()
    this.#work.close()
    this.#channel.close()
  }
}
