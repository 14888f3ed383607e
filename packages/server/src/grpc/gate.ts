/**
 * Nothing that a caller sends is read before it is known who they are and that they may ask; and then no faster than their
 * credential may send. grpc-js by itself reads a message whole before anybody looks at whose it is.
 */
import { constants, type ServerHttp2Session, type ServerHttp2Stream } from 'node:http2'
import { status } from '@grpc/grpc-js'
import { admitted } from './admission.ts'
import { Framing } from './framing.ts'
import { boundUnpacking, type Unpacker, type Unpacking } from './unpacking.ts'
import type { Caller } from '../access/caller.ts'
import { SMALL_BYTES, type Intake, type Pass } from '../access/intake.ts'
import type { Traffic } from '../access/traffic.ts'
import type { Hold, HeldBytes } from '../listen/held-bytes.ts'
import type { Turns } from '../listen/turns.ts'
import type { Platform } from '@millrace/core'
import type { BareCall } from './guarded.ts'
import type { Conduct, Connection } from './conduct.ts'
import type { Pace } from './pace.ts'
import type { SlowStart } from './slow-start.ts'
import type { CallOrigin } from './credentials.ts'
import type { ServerParts } from '../parts.ts'

/** What all calls share. */
export interface GateParts extends Pick<ServerParts, 'authenticator' | 'rates'> {
  readonly platform: Platform
  /** Left out: nobody counts. */
  readonly traffic?: Traffic | undefined
  readonly intake: Intake
  readonly held: HeldBytes
  readonly unpacked: Turns
  readonly conduct: Conduct
  readonly pace: Pace
  readonly starts: SlowStart
}

/** What of a call of grpc-js is not public. */
type Inner = Unpacking &
  CallOrigin & {
    readonly stream: ServerHttp2Stream
    readonly handler: { readonly path: string; readonly type: string }
  }
type Listener = Parameters<BareCall['start']>[0]

/** Of those anybody is told. */
const OPEN_TO_ALL = /^\/grpc\./
/** A call that is taken back so soon was never meant. */
const SOON_MS = 100
/** As grpc-js words it. */
const TOO_LONG = /^Received message (larger|that decompresses)/
const NOTHING = Buffer.alloc(0)
const GONE = 'Nobody waits for it any more.'

/** Stands before one call. */
export class Gate implements Unpacker {
  readonly #call: BareCall
  readonly #inner: Inner
  readonly #parts: GateParts
  readonly #read: () => void
  readonly #beganMs: number
  readonly #connection: Connection
  #listener: Listener | undefined
  #name = 'anybody'
  #state: 'asking' | 'open' | 'refused' = 'open'
  /** Whether the handler waits for a message, or the end of them. */
  #isAwaited = false
  /** Why nothing is read: it is not its turn, or too much was. */
  #rests = 0
  #isAnswered = false
  readonly #framing = new Framing()
  /** Of the message that comes, and what has come of it. */
  #pass: Pass | undefined
  #cameBytes = 0
  /** Of a call that is let in. */
  #coming: Hold | undefined
  /** A handler of streams may answer before: it asks by itself who calls. */
  #going: Hold | undefined

  constructor(call: BareCall, parts: GateParts) {
    this.#call = call
    this.#inner = call as unknown as Inner
    this.#parts = parts
    this.#beganMs = parts.platform.monotonicMs()
    const session = this.#inner.stream.session as ServerHttp2Session | undefined
    this.#connection = { peer: call.getPeer(), address: session?.socket.remoteAddress, session }
    this.#read = call.startRead.bind(call)
    call.startRead = () => this.#awaited()
    if (session !== undefined) parts.starts.begun(session)
    this.#listen()
    this.#speak()
    boundUnpacking(this.#inner, parts.unpacked, this)
    const { stream, handler } = this.#inner
    stream.on('data', (bytes: Buffer) => this.#came(bytes))
    stream.once('close', () => this.#closed())
    if (OPEN_TO_ALL.test(handler.path)) this.#open()
    else {
      this.#state = 'asking'
      parts.pace.begin(this.#connection.peer, () => this.#ask())
    }
  }

  async enter(bytesMax: number): Promise<Pass> {
    this.#cameWhole()
    const { traffic, intake } = this.#parts
    await traffic?.turn(this.#name)
    const pass = await intake.entered(this.#name, bytesMax, () => this.#cutOff())
    if (!this.#inner.stream.closed) return pass
    pass.leave()
    throw Object.assign(new Error(GONE), { code: status.CANCELLED, details: GONE })
  }

  took(bytes: number): void {
    this.#parts.traffic?.took(this.#name, bytes)
  }

  #ask(): void {
    if (this.#inner.stream.closed) return
    admitted(this.#inner, this.#parts).then(
      ({ name }: Caller) => {
        this.#name = name
        this.#open()
        if (this.#isAwaited) this.#awaited()
      },
      () => {
        this.#state = 'refused'
        this.#waste()
        if (this.#isAwaited) this.#awaited()
      },
    )
  }

  #open(): void {
    this.#state = 'open'
    const { held, conduct } = this.#parts
    if (this.#connection.session?.destroyed === false) conduct.served(this.#connection.peer)
    const cutOff = (): void => this.#cutOff()
    this.#coming = held.hold(this.#name, cutOff)
    this.#going = held.hold(this.#name, cutOff)
  }

  #cutOff(): void {
    this.#waste()
    this.#inner.stream.close(constants.NGHTTP2_ENHANCE_YOUR_CALM)
  }

  /** The handler wants what comes next. */
  #awaited(): void {
    this.#isAwaited = true
    if (this.#state === 'refused') this.#refuse()
    else if (this.#state === 'open' && this.#rests === 0) this.#read()
  }

  /** A handler begins with the message that it waits for: this one hears of the refusal when it asks whose call it is. */
  #refuse(): void {
    const { type } = this.#inner.handler
    if (type !== 'unary' && type !== 'serverStream') return
    const listener = this.#listener
    this.#listener = undefined
    listener?.onReceiveMessage(NOTHING)
    listener?.onReceiveHalfClose()
  }

  #came(bytes: Buffer): void {
    if (this.#state !== 'open' || this.#isAnswered) return
    const length = this.#framing.take(bytes)
    this.#cameBytes += bytes.length
    if (length > SMALL_BYTES && this.#pass === undefined) this.#enter(length)
    this.#coming?.add(bytes.length)
    const waitMs = this.#parts.traffic?.took(this.#name, bytes.length) ?? 0
    if (waitMs > 0) {
      const wake = this.#rest()
      this.#parts.platform.setTimer(waitMs, wake, 'idle')
    }
  }

  /** A large message begins. */
  #enter(length: number): void {
    const begin = this.#rest()
    this.#pass = this.#parts.intake.enter(this.#name, length, { begin, cutOff: () => this.#cutOff() })
  }

  /** Nothing is read until the answer is called. */
  #rest(): () => void {
    this.#rests += 1
    this.#inner.stream.pause()
    return () => {
      this.#rests -= 1
      if (this.#rests === 0 && this.#isAwaited) this.#read()
    }
  }

  #cameWhole(): void {
    this.#pass?.leave()
    this.#pass = undefined
    this.#cameBytes = 0
  }

  #listen(): void {
    const start = this.#call.start.bind(this.#call)
    this.#call.start = (listener) => {
      this.#listener = listener
      const hear = listener.onReceiveMessage.bind(listener)
      listener.onReceiveMessage = (message: unknown) => {
        this.#isAwaited = false
        if (this.#state === 'open') {
          this.#cameWhole()
          this.#coming?.clear()
        }
        hear(message)
      }
      start(listener)
    }
  }

  #speak(): void {
    const call = this.#call
    const send = call.sendMessage.bind(call)
    call.sendMessage = (message: Buffer, sent) => {
      const going = this.#going
      going?.add(message.length)
      this.#parts.traffic?.took(this.#name, message.length)
      send(message, () => {
        going?.release(message.length)
        sent()
      })
    }
    const end = call.sendStatus.bind(call)
    call.sendStatus = (told) => {
      this.#isAnswered = true
      if (told.code === status.RESOURCE_EXHAUSTED && TOO_LONG.test(told.details ?? '')) this.#waste()
      this.#leaveUnread()
      end(told)
    }
  }

  /** What is still to come of the request nobody wants, and without this it would be read all the same. */
  #leaveUnread(): void {
    const { stream, handler } = this.#inner
    // the other kinds end with whoever asked
    const isWhole = handler.type === 'unary' || handler.type === 'serverStream'
    if (stream.readableEnded || (this.#state !== 'refused' && !isWhole)) return
    const close = (): void => stream.close(constants.NGHTTP2_NO_ERROR)
    if (stream.headersSent) stream.once('wantTrailers', () => setImmediate(close))
    else setImmediate(close)
  }

  #closed(): void {
    const { session } = this.#connection
    if (session !== undefined) this.#parts.starts.ended(session)
    this.#pass?.leave(this.#cameBytes)
    this.#pass = undefined
    if (this.#state === 'open') {
      this.#coming?.clear()
      this.#going?.clear()
    }
    const isTakenBack = !this.#isAnswered && this.#parts.platform.monotonicMs() - this.#beganMs < SOON_MS
    if (isTakenBack) this.#waste()
  }

  #waste(): void {
    this.#parts.conduct.wasted(this.#connection)
  }
}
