/** The calls and streams of the service layer as services of gRPC: who calls, what they say, and what it comes to. */
import { ClosedError } from '@millrace/core'
import { CALLS } from '../service/calls.ts'
import { admit, isWait, runCall } from '../service/run-call.ts'
import { STREAMS } from '../service/streams.ts'
import { EventHub } from '../service/events/hub.ts'
import { traceHeaders } from '../tracing/trace-headers.ts'
import { codecOf } from '../wire/codec.ts'
import { CALL_METHODS, CALL_SERVICES, STREAM_METHODS } from './call-methods.ts'
import { CallRecord } from './call-record.ts'
import { streamHandler } from './call-stream.ts'
import { admitted } from './admission.ts'
import { fittingRedact } from './fitting.ts'
import { refusalOfEnded } from './refusal.ts'
import type { DescMethod } from '@bufbuild/protobuf'
import type { handleUnaryCall, Metadata, sendUnaryData, ServerUnaryCall } from '@grpc/grpc-js'
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
  const hub = given.hub ?? new EventHub({ mill, platform, logger })
  if (given.hub === undefined) signal.addEventListener('abort', () => hub.close(), { once: true })
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
  const serve = async (given: ServerUnaryCall<Buffer, Buffer>, record: CallRecord): Promise<Buffer> => {
    const caller = await admitted(given, parts)
    record.caller = caller.name
    if (ending.aborted) throw new ClosedError('This server')
    const gone = new AbortController()
    given.on('cancelled', () => gone.abort())
    const scene = {
      ...parts,
      caller,
      signal: AbortSignal.any([gone.signal, ending]),
      trace: traceOf(given.metadata),
    }
    await admit(call, scene)
    const input = requests.decode(given.request)
    const leave = isWait(input) ? parts.open?.enter(caller.name) : undefined
    try {
      return answers.encode(await runCall(call, input, scene))
    } catch (error) {
      // what it was aborted with tells nobody anything
      throw ending.aborted && isAbort(error) ? new ClosedError('This server') : error
    } finally {
      leave?.()
    }
  }
  return (given, answer: sendUnaryData<Buffer>) => {
    const record = CallRecord.of(parts, method)
    serve(given, record).then(
      (response) => {
        record.ended(null)
        answer(null, response)
      },
      (error: unknown) => answer(refusalOfEnded(error, record, parts)),
    )
  }
}

function traceOf(metadata: Metadata): ReturnType<typeof traceHeaders> {
  return traceHeaders((name) => {
    const [value] = metadata.get(name)
    return typeof value === 'string' ? value : undefined
  })
}

function isAbort(error: unknown): boolean {
  return error instanceof DOMException && error.name === 'AbortError'
}
