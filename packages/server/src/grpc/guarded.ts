/** What stands between grpc-js and the handlers, for every call. */
import { ServerInterceptingCall, type ServerInterceptor } from '@grpc/grpc-js'
import { tellGarbled } from './garbled.ts'
import { boundHeld } from './held.ts'
import type { HeldBytes } from '../listen/held-bytes.ts'

/** A call as grpc-js has it: its methods are replaced by ours. */
export type BareCall = Parameters<ServerInterceptor>[1]

/** The only interceptor: a second one would not get the call itself. */
export function guarded(held: HeldBytes): ServerInterceptor {
  return (_, call) => {
    tellGarbled(call)
    boundHeld(call, held)
    return new ServerInterceptingCall(call)
  }
}
