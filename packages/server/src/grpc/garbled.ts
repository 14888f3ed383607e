/**
 * Calls that grpc-js itself cannot read: what does not unpack, or has a deadline that is none. It says INTERNAL of them,
 * which would wake somebody up for what a caller did wrong.
 */
import { status } from '@grpc/grpc-js'
import type { BareCall } from './guarded.ts'

/** As grpc-js words it. */
const GARBLED = /^(Failed to decompress message|Invalid grpc-timeout value)/

/** Tells INVALID_ARGUMENT for them. */
export function tellGarbled(call: BareCall): void {
  const send = call.sendStatus.bind(call)
  // grpc-js sends what it says by itself past all interceptors, but by this method
  call.sendStatus = (told) => {
    const isGarbled = told.code === status.INTERNAL && GARBLED.test(told.details ?? '')
    send(isGarbled ? { ...told, code: status.INVALID_ARGUMENT } : told)
  }
}
