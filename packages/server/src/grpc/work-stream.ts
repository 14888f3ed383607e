/**
 * The calls of one client that are made often, over one stream. So many are carried out at a time; what comes beyond that
 * waits in the client, and so do calls of one that does not read its answers. Whether the credential still holds is
 * looked at again and again.
 */
import { codeOf, InvalidArgumentError } from '@millrace/core'
import { Caller } from '../access/caller.ts'
import { codecOf } from '../wire/codec.ts'
import { readFrame, type Frame } from '../wire/frame.ts'
import { requestCodec } from '../wire/methods.ts'
import { StoreService } from '../wire/generated/millrace/v1/store_pb.ts'
import { admitted } from './admission.ts'
import { CallRecord } from './call-record.ts'
import { credentialsOf } from './credentials.ts'
import { refusalOf, toldOf } from './status.ts'
import { Metadata } from '@grpc/grpc-js'
import type { ServerDuplexStream } from '@grpc/grpc-js'
import type { Credentials } from '../access/caller.ts'
import type { StoreCallParts, StoreCalls } from './store-calls.ts'
import type { Timer } from '@millrace/core'

/** Calls of one stream that are carried out at the same time. */
const AT_ONCE = 64
/** What was revoked is of no use after 5 s, with what the authenticator needs to know it. */
const LOOK_AGAIN_MS = 3_000

const answers = codecOf<object>(StoreService.method.work.output)

export interface StreamScene {
  readonly parts: StoreCallParts
  readonly calls: StoreCalls
  /** Aborted when the server ends: the stream ends when what is under way is answered. */
  readonly signal: AbortSignal
}

/** Serves a stream until it ends. */
export function serveWork(call: ServerDuplexStream<Buffer, Buffer>, scene: StreamScene): void {
  new WorkStream(call, scene).begin()
}

class WorkStream {
  readonly #call: ServerDuplexStream<Buffer, Buffer>
  readonly #scene: StreamScene
  readonly #credentials: Credentials
  readonly #record: CallRecord
  readonly #end = (): void => this.#ending()
  #caller: Caller | undefined
  #underWay = 0
  #isOver = false
  /** The client, or the server, wants to end. */
  #isEnding = false
  #timer: Timer | undefined
  #leave: (() => void) | undefined

  constructor(call: ServerDuplexStream<Buffer, Buffer>, scene: StreamScene) {
    this.#call = call
    this.#scene = scene
    this.#credentials = credentialsOf(call)
    this.#record = CallRecord.of(scene.parts, StoreService.method.work)
  }

  begin(): void {
    const call = this.#call
    call.on('cancelled', () => this.#gone())
    call.on('error', () => this.#gone())
    call.on('end', this.#end)
    call.on('drain', () => this.#flow())
    this.#scene.signal.addEventListener('abort', this.#end)
    this.#admit().then(
      () => {
        if (this.#isOver) return
        // a client sends nothing before it has heard that it may
        call.sendMetadata(new Metadata())
        call.on('data', (bytes: Buffer) => this.#take(bytes))
        if (this.#scene.signal.aborted) this.#ending()
      },
      (error: unknown) => this.#refuse(error),
    )
  }

  async #admit(): Promise<void> {
    const { parts } = this.#scene
    this.#caller = await admitted(this.#call, parts)
    this.#record.caller = this.#caller.name
    this.#leave = parts.open?.enter(this.#caller.name)
    // who is gone by now has been heard of already
    if (this.#isOver) this.#leave?.()
    else this.#lookLater()
  }

  async #authenticate(): Promise<void> {
    const { authenticator } = this.#scene.parts
    this.#caller = new Caller(await authenticator.authenticate(this.#credentials))
    this.#record.caller = this.#caller.name
    this.#lookLater()
  }

  #lookLater(): void {
    if (this.#isOver) return
    this.#timer = this.#scene.parts.platform.setTimer(LOOK_AGAIN_MS, () => this.#lookAgain(), 'idle')
  }

  #lookAgain(): void {
    this.#authenticate().catch((error: unknown) => {
      // that nobody can tell just now says nothing about the credential
      if (codeOf(error)?.startsWith('store-') === true) this.#lookLater()
      else this.#refuse(error)
    })
  }

  #take(bytes: Buffer): void {
    if (this.#isOver) return
    let frame
    try {
      frame = readFrame(bytes)
    } catch (error) {
      // nobody knows which call it was
      return this.#refuse(error)
    }
    this.#underWay += 1
    this.#flow()
    const { id } = frame
    this.#answer(frame).then(
      (answer) => this.#say({ id, ...answer }),
      (error: unknown) => this.#refuse(error),
    )
  }

  /** Rejects only if the answer cannot be written. */
  async #answer({ method, body }: Frame): Promise<object> {
    try {
      if (method === undefined) throw new InvalidArgumentError('This server does not know such a call.')
      const request = requestCodec(method).decode(body)
      return { [method]: await this.#scene.calls.answer(method, request, this.#caller!) }
    } catch (error) {
      return { failure: toldOf(error, { logger: this.#scene.parts.logger, call: method ?? 'Work' }) }
    }
  }

  #say(answer: object): void {
    this.#underWay -= 1
    if (this.#isOver) return
    try {
      this.#call.write(answers.encode(answer))
    } catch (error) {
      return this.#refuse(error)
    }
    this.#flow()
    if (this.#isEnding && this.#underWay === 0) this.#close()
  }

  /** Reads on, or does not for now. */
  #flow(): void {
    if (this.#underWay >= AT_ONCE || this.#call.writableNeedDrain) this.#call.pause()
    else if (this.#call.isPaused()) this.#call.resume()
  }

  #ending(): void {
    this.#isEnding = true
    if (this.#underWay === 0) this.#close()
  }

  #close(): void {
    if (this.#isOver) return
    this.#over()
    this.#record.ended(null)
    this.#call.end()
  }

  #refuse(error: unknown): void {
    if (this.#isOver) return
    this.#over()
    const { logger } = this.#scene.parts
    const told = toldOf(error, { logger, call: 'Work' })
    const refusal = refusalOf(told)
    this.#record.ended({ status: refusal.code, code: told.code, error })
    this.#call.emit('error', refusal)
  }

  #gone(): void {
    this.#over()
    this.#record.abandoned()
  }

  #over(): void {
    this.#isOver = true
    this.#timer?.cancel()
    this.#leave?.()
    this.#scene.signal.removeEventListener('abort', this.#end)
  }
}
