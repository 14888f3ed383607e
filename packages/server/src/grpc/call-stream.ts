/** Streams of the service layer over gRPC: no more is read for a caller than they take. */
import { once } from 'node:events'
import { Metadata } from '@grpc/grpc-js'
import { ClosedError } from '@millrace/core'
import { Caller } from '../access/caller.ts'
import { whileItCounts } from '../access/standing.ts'
import { openStream } from '../service/run-call.ts'
import { codecOf, type Codec } from '../wire/codec.ts'
import { admitted } from './admission.ts'
import { credentialsOf } from './credentials.ts'
import { CallRecord } from './call-record.ts'
import { refusalOfEnded } from './refusal.ts'
import type { DescMethod } from '@bufbuild/protobuf'
import type { handleServerStreamingCall, ServerWritableStream } from '@grpc/grpc-js'
import type { Identity } from '../access/caller.ts'
import type { ServerParts } from '../parts.ts'
import type { EventHub } from '../service/events/hub.ts'
import type { StreamCall } from '../service/call.ts'

export interface CallStreamScene {
  readonly parts: ServerParts
  readonly hub: EventHub
  /** Aborted when the server ends: the stream ends then. */
  readonly signal: AbortSignal
}

export function streamHandler(
  call: StreamCall,
  method: DescMethod,
  scene: CallStreamScene,
): handleServerStreamingCall<Buffer, Buffer> {
  const telling = {
    ...scene,
    call,
    requests: codecOf<object>(method.input, 'left out'),
    answers: codecOf<object>(method.output),
  }
  return (given) => {
    const line = new Line(scene.signal)
    const record = CallRecord.of(scene.parts, method)
    given.on('cancelled', line.leave)
    given.on('close', line.leave)
    let isOver = false
    const over = (error?: unknown): void => {
      if (isOver) return
      isOver = true
      record.caller = line.caller?.name ?? null
      const reason = line.refusal ?? (line.signal.aborted ? undefined : error)
      line.leave()
      if (reason !== undefined) return void given.emit('error', refusalOfEnded(reason, record, scene.parts))
      if (given.cancelled) record.abandoned()
      else record.ended(null)
      given.end()
    }
    // an iterator that waits for the store may take its time: the listener is told at once
    line.signal.addEventListener('abort', () => over(), { once: true })
    tell(given, line, telling).then(() => over(), over)
  }
}

interface Telling extends CallStreamScene {
  readonly call: StreamCall
  readonly requests: Codec<object>
  readonly answers: Codec<object>
}

/** Resolves when it is over. */
async function tell(
  given: ServerWritableStream<Buffer, Buffer>,
  line: Line,
  { call, parts, hub, requests, answers }: Telling,
): Promise<void> {
  if (line.signal.aborted) return
  const credentials = credentialsOf(given)
  const authenticate = async (): Promise<Identity> => {
    const identity = await parts.authenticator.authenticate(credentials)
    line.know(new Caller(identity)).requireAnywhere(call.permission)
    return identity
  }
  const caller = line.know(await admitted(given, parts))
  caller.requireAnywhere(call.permission)
  line.entered(parts.open?.enter(caller.name))
  const scene = { ...parts, caller, hub, signal: line.signal, current: () => line.caller! }
  const items = await openStream(call, requests.decode(given.request), scene)
  const { platform } = parts
  using _ = whileItCounts({ authenticator: { authenticate }, platform }, credentials, (error) =>
    line.refuse(error),
  )
  // asked for before the caller is told that it is open: what happens from then on is meant
  let upcoming = next(items)
  given.sendMetadata(new Metadata())
  const leave = (): void => void items.return?.()?.then(undefined, () => undefined) // nobody is there who could be told
  line.signal.addEventListener('abort', leave, { once: true })
  try {
    while (!line.signal.aborted) {
      const item = await upcoming
      if (item.done === true || line.signal.aborted) break
      const { id, data } = item.value
      const message = answers.encode(id === null ? (data as object) : { id, ...(data as object) })
      upcoming = next(items)
      if (!given.write(message)) await once(given, 'drain', { signal: line.signal })
    }
  } finally {
    line.signal.removeEventListener('abort', leave)
    leave()
  }
}

function next<T>(items: AsyncIterator<T>): Promise<IteratorResult<T>> {
  const upcoming = items.next()
  upcoming.catch(() => undefined) // it is told to who waits for it
  return upcoming
}

/** Who listens, and until when. */
class Line {
  readonly #controller = new AbortController()
  readonly #ending: AbortSignal
  /** Who listens is told that there is more to be heard elsewhere. */
  readonly #close = (): void => this.refuse(new ClosedError('This server'))
  #caller: Caller | undefined
  #refusal: unknown

  constructor(ending: AbortSignal) {
    this.#ending = ending
    ending.addEventListener('abort', this.#close)
    if (ending.aborted) this.#close()
  }

  get signal(): AbortSignal {
    return this.#controller.signal
  }

  get caller(): Caller | undefined {
    return this.#caller
  }

  get refusal(): unknown {
    return this.#refusal
  }

  know(caller: Caller): Caller {
    this.#caller = caller
    return caller
  }

  /** @param left is to be called when it is over */
  entered(left: (() => void) | undefined): void {
    if (left === undefined) return
    if (this.signal.aborted) left()
    else this.signal.addEventListener('abort', left, { once: true })
  }

  refuse(error: unknown): void {
    this.#refusal ??= error
    this.leave()
  }

  readonly leave = (): void => {
    this.#ending.removeEventListener('abort', this.#close)
    this.#controller.abort()
  }
}
