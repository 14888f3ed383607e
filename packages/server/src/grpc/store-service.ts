/** The handlers of `StoreService`. */
import { PORT_METHODS } from '../wire/methods.ts'
import { StoreService } from '../wire/generated/millrace/v1/store_pb.ts'
import { PROTOCOL } from '../wire/protocol.ts'
import { serveHints } from './hint-stream.ts'
import { StoreCalls, type StoreCallParts } from './store-calls.ts'
import { unaryHandler } from './unary.ts'
import { serveWork } from './work-stream.ts'
import type {
  handleUnaryCall,
  ServerDuplexStream,
  ServerWritableStream,
  UntypedServiceImplementation,
} from '@grpc/grpc-js'

/** @param signal aborted when the server ends: its streams end then, when what is under way is answered */
export function storeService(parts: StoreCallParts, signal: AbortSignal): UntypedServiceImplementation {
  const { method } = StoreService
  const calls = new StoreCalls(parts)
  const unary = PORT_METHODS.map((name): readonly [string, handleUnaryCall<Buffer, Buffer>] => [
    method[name].name,
    unaryHandler(parts, method[name], (request, caller) => calls.answer(name, request, caller)),
  ])
  const describe = unaryHandler(parts, method.describe, async () => {
    const { kind, retentionBytes } = parts.store
    return { protocol: PROTOCOL, kind, retentionBytes }
  })
  const scene = { parts, calls, signal }
  return {
    ...Object.fromEntries(unary),
    [method.describe.name]: describe,
    [method.work.name]: (call: ServerDuplexStream<Buffer, Buffer>) => serveWork(call, scene),
    [method.watchHints.name]: (call: ServerWritableStream<Buffer, Buffer>) => serveHints(call, scene),
  }
}
