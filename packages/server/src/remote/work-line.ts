/**
 * The calls that are made often, over one stream, which is opened when there is something to call, opened anew when it
 * broke, and ended when nothing was called for a while: an open one would hold the process.
 */
import { StoreError } from '@millrace/core/store'
import { codecOf } from '../wire/codec.ts'
import { errorOf, type Failure } from '../wire/failures.ts'
import { StoreService } from '../wire/generated/millrace/v1/store_pb.ts'
import { CALL_MS, type Channel } from './channel.ts'
import { brokenError, callError, lateError, strangeError } from './errors.ts'
import type { ClientDuplexStream, ServiceError } from '@grpc/grpc-js'
import type { StreamedMethod } from '../wire/methods.ts'

/** Calls that the server has at a time; others wait here. */
const UNDER_WAY_MAX = 64
/** So many wait, and no more. */
const WAITING_MAX = 10_000
const IDLE_MS = 1_000
const IDS = 2 ** 31 - 1

type Answer = { readonly id: number; readonly failure?: Failure } & {
  readonly [M in StreamedMethod]?: object
}

const requests = codecOf<object>(StoreService.method.work.input)
const answers = codecOf<Answer>(StoreService.method.work.output)

interface Call {
  readonly id: number
  readonly method: StreamedMethod
  readonly bytes: Buffer
  readonly endMs: number
  readonly resolve: (answer: object) => void
  readonly reject: (error: Error) => void
}

export class WorkLine {
  readonly #channel: Channel
  readonly #idleMs: number
  #stream: ClientDuplexStream<Buffer, Buffer> | undefined
  /** Whether the server has let us in. */
  #isReady = false
  /** By their ids, in the order of their calls. */
  readonly #sent = new Map<number, Call>()
  #waiting: Call[] = []
  #lastId = 0
  #watchdog: NodeJS.Timeout | undefined
  #idle: NodeJS.Timeout | undefined

  /** @param idleMs for how long a stream stays without a call */
  constructor(channel: Channel, idleMs: number = IDLE_MS) {
    this.#channel = channel
    this.#idleMs = idleMs
  }

  /** @throws what the server answered; StoreError */
  ask(method: StreamedMethod, request: object): Promise<object> {
    return new Promise((resolve, reject) => {
      this.#lastId = (this.#lastId % IDS) + 1
      const id = this.#lastId
      const bytes = requests.encode({ id, [method]: request })
      if (this.#waiting.length >= WAITING_MAX) return reject(this.#crowded())
      this.#waiting.push({ id, method, bytes, endMs: performance.now() + CALL_MS, resolve, reject })
      this.#watchdog ??= this.#watchIn(CALL_MS)
      this.#pump()
    })
  }

  /** What is under way ends without an answer. */
  close(): void {
    this.#drop(brokenError(this.#channel.place), brokenError(this.#channel.place))
    clearTimeout(this.#watchdog)
    clearTimeout(this.#idle)
    this.#watchdog = undefined
  }

  #pump(): void {
    clearTimeout(this.#idle)
    if (this.#waiting.length === 0 && this.#sent.size === 0) {
      this.#idle = setTimeout(() => this.#leave(), this.#idleMs).unref()
      return
    }
    const stream = (this.#stream ??= this.#open())
    if (!this.#isReady) return
    while (this.#sent.size < UNDER_WAY_MAX) {
      const call = this.#waiting.shift()
      if (call === undefined) return
      this.#sent.set(call.id, call)
      stream.write(call.bytes)
    }
  }

  /** The next call opens another one: nothing can be written behind an end. */
  #leave(): void {
    const stream = this.#stream
    this.#stream = undefined
    this.#isReady = false
    stream?.end()
  }

  #open(): ClientDuplexStream<Buffer, Buffer> {
    const stream = this.#channel.duplex(StoreService.method.work)
    const isThis = (): boolean => this.#stream === stream
    // only a server that lets us in says so before it has ended the stream
    stream.on('metadata', () => {
      if (!isThis()) return
      this.#isReady = true
      this.#pump()
    })
    stream.on('data', (bytes: Buffer) => {
      if (isThis()) this.#take(bytes)
    })
    stream.on('error', (error: ServiceError) => {
      if (isThis()) this.#broke(callError(error, this.#channel.place))
    })
    stream.on('end', () => {
      if (isThis()) this.#ended()
    })
    return stream
  }

  #take(bytes: Buffer): void {
    let answer
    try {
      answer = answers.decode(bytes)
    } catch (error) {
      return this.#drop(
        strangeError(this.#channel.place, String(error)),
        brokenError(this.#channel.place, error),
      )
    }
    const { id, failure } = answer
    const call = this.#sent.get(id)
    // nobody waits for it any more
    if (call === undefined) return
    this.#sent.delete(id)
    const given = answer[call.method]
    if (given !== undefined) call.resolve(given)
    else call.reject(failure === undefined ? this.#strange() : (errorOf(failure) ?? this.#strange()))
    this.#pump()
  }

  /** A server that did not let us in has carried out nothing; else it may have carried out what was sent. */
  #broke(error: Error): void {
    const sent = brokenError(this.#channel.place, error)
    this.#drop(this.#isReady ? undefined : error, sent)
  }

  /** The server ends streams when it ends itself. What waits goes on over a new one, what was sent was answered or lost. */
  #ended(): void {
    this.#drop(undefined, brokenError(this.#channel.place))
  }

  /** @param waiting what those are told that were not sent; `undefined`: they go on over a new stream */
  #drop(waiting: Error | undefined, sent: Error): void {
    const stream = this.#stream
    this.#stream = undefined
    this.#isReady = false
    stream?.on('error', () => undefined) // it was given up
    stream?.cancel()
    const lost = [...this.#sent.values()]
    this.#sent.clear()
    for (const { reject } of lost) reject(sent)
    if (waiting !== undefined) for (const { reject } of this.#waiting.splice(0)) reject(waiting)
    else if (this.#waiting.length > 0) this.#pump()
  }

  /** One timer for all calls: they end in the order in which they began. */
  #watchIn(ms: number): NodeJS.Timeout {
    return setTimeout(() => this.#watch(), ms).unref()
  }

  #watch(): void {
    const nowMs = performance.now()
    const { place } = this.#channel
    for (const call of this.#sent.values()) {
      if (call.endMs > nowMs) break
      this.#sent.delete(call.id)
      call.reject(lateError(place, 'unknown'))
    }
    const late = this.#waiting.findIndex(({ endMs }) => endMs > nowMs)
    for (const call of this.#waiting.splice(0, late === -1 ? this.#waiting.length : late))
      call.reject(lateError(place, 'none'))
    const [sent] = this.#sent.values()
    const next = sent ?? this.#waiting[0]
    this.#watchdog = next === undefined ? undefined : this.#watchIn(Math.max(next.endMs - nowMs, 1))
    this.#pump()
  }

  #crowded(): StoreError {
    return new StoreError('store-busy', `${WAITING_MAX} calls of the server wait already.`, {
      effect: 'none',
      hint: 'Wait for what was called before calling more.',
    })
  }

  #strange(): StoreError {
    return new StoreError('store-unavailable', 'The server answered what this version does not know.', {
      effect: 'unknown',
      hint: 'Use the same version of Millrace on both sides.',
    })
  }
}
