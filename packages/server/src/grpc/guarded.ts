/** What stands between grpc-js and the handlers, for every call. */
import { ServerInterceptingCall, type ServerInterceptor } from '@grpc/grpc-js'
import { tellGarbled } from './garbled.ts'
import { Gate, type GateParts } from './gate.ts'

/** A call as grpc-js has it: its methods are replaced by ours. */
export type BareCall = Parameters<ServerInterceptor>[1]

/** The only interceptor: a second one would not get the call itself. */
export function guarded(parts: GateParts): ServerInterceptor {
  return (_, call) => {
    tellGarbled(call)
    new Gate(call, parts)
    return new ServerInterceptingCall(call)
  }
}
