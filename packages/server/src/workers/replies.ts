/** What is sent to a worker elsewhere, and how times are written there. */
import { create, type MessageInitShape } from '@bufbuild/protobuf'
import type { Duration } from '@bufbuild/protobuf/wkt'
import { RunResponseSchema, type RunResponse } from '../wire/generated/millrace/v1/worker_service_pb.ts'

type Message = NonNullable<MessageInitShape<typeof RunResponseSchema>['message']>

/** One of the cases of `RunResponse`. */
export type Reply = Extract<Message, { readonly value: unknown }>

/** A message as it is sent. */
export function responseOf(message: Reply): RunResponse {
  return create(RunResponseSchema, { message })
}

/** Milliseconds as a message, of a duration or since 1970. */
export function durationOf(ms: number): { readonly seconds: bigint; readonly nanos: number } {
  const whole = Math.round(ms)
  return { seconds: BigInt(Math.floor(whole / 1_000)), nanos: (whole % 1_000) * 1_000_000 }
}

/** A duration in whole milliseconds; `undefined` where none was given. */
export function millisecondsOf(duration: Duration | undefined): number | undefined {
  return duration === undefined
    ? undefined
    : Number(duration.seconds) * 1_000 + Math.round(duration.nanos / 1e6)
}
