/** The calls and streams of the service layer as services of gRPC: who calls, what they say, and what it comes to. */
import { ClosedError } from '@millrace/core'
import { Caller } from '../access/caller.ts'
import { CALLS } from '../service/calls.ts'
import { admit, runCall } from '../service/run-call.ts'
import { STREAMS } from '../service/streams.ts'
import { EventHub } from '../service/events/hub.ts'
import { codecOf } from '../wire/codec.ts'
import { CALL_METHODS, CALL_SERVICES, STREAM_METHODS } from './call-methods.ts'
import { streamHandler } from './call-stream.ts'
import { credentialsOf } from './credentials.ts'
import { fittingRedact } from './fitting.ts'
import { record } from './recording.ts'
import { callRefusal } from './refusal.ts'
import type { DescMethod } from '@bufbuild/protobuf'
import type { handleUnaryCall, sendUnaryData, ServerUnaryCall } from '@grpc/grpc-js'
import type { ServerParts } from '../parts.ts'
import type { Call } from '../service/call.ts'
import type { GrpcService } from './server.ts'

/**
 * All services of calls.
 *
 * @param signal aborted when the server ends: waits and streams end then
 */
export function callServices(given: ServerParts, signal: AbortSignal): readonly GrpcService[] {
  const parts = { ...given, redact: fittingRedact(given.redact) }
  const { mill, platform, logger } = parts
  const hub = new EventHub({ mill, platform, logger })
  signal.addEventListener('abort', () => hub.close(), { once: true })
  const handlers = new Map<DescMethod, GrpcService['implementation'][string]>()
  for (const [name, method] of Object.entries(CALL_METHODS))
    handlers.set(method, callHandler(CALLS.get(name)!, method, { parts, signal }))
  for (const [name, method] of Object.entries(STREAM_METHODS))
    handlers.set(method, streamHandler(STREAMS.get(name)!, method, { parts, signal, hub }))
  return CALL_SERVICES.map((definition) => ({
    definition,
    implementation: Object.fromEntries(
      definition.methods.map((method) => [method.name, handlers.get(method)!]),
    ),
  }))
}

interface CallScene {
  readonly parts: ServerParts
  readonly signal: AbortSignal
}

function callHandler(
  call: Call,
  method: DescMethod,
  { parts, signal: ending }: CallScene,
): handleUnaryCall<Buffer, Buffer> {
  const requests = codecOf<object>(method.input, 'left out')
  const answers = codecOf<unknown>(method.output)
  const { logger, authenticator } = parts
  const serve = async (
    given: ServerUnaryCall<Buffer, Buffer>,
    known: (name: string) => void,
  ): Promise<Buffer> => {
    const caller = new Caller(await authenticator.authenticate(credentialsOf(given)))
    known(caller.name)
    if (ending.aborted) throw new ClosedError('This server')
    const gone = new AbortController()
    given.on('cancelled', () => gone.abort())
    const scene = { ...parts, caller, signal: AbortSignal.any([gone.signal, ending]) }
    await admit(call, scene)
    try {
      return answers.encode(await runCall(call, requests.decode(given.request), scene))
    } catch (error) {
      // what it was aborted with tells nobody anything
      throw ending.aborted && isAbort(error) ? new ClosedError('This server') : error
    }
  }
  return (given, answer: sendUnaryData<Buffer>) => {
    const recorded = record(parts, method)
    let caller: string | null = null
    serve(given, (name) => (caller = name)).then(
      (response) => {
        recorded.ended({ caller })
        answer(null, response)
      },
      (err: unknown) => {
        const refusal = callRefusal(err)
        if (parts.recorder === undefined && refusal.metadata.get('millrace-code')[0] === 'internal')
          logger.error({ err, call: call.name }, 'a call has failed')
        recorded.ended({ caller, refusal, err })
        answer(refusal)
      },
    )
  }
}

function isAbort(error: unknown): boolean {
  return error instanceof DOMException && error.name === 'AbortError'
}
