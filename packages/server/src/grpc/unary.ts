/** A call with one request and one answer: who makes it, what it says, and what it comes to. */
import { codecOf } from '../wire/codec.ts'
import { admitted } from './admission.ts'
import type { Caller } from '../access/caller.ts'
import { CallRecord } from './call-record.ts'
import { refusalOf, toldOf } from './status.ts'
import type { DescMethod } from '@bufbuild/protobuf'
import type { handleUnaryCall, sendUnaryData, ServerUnaryCall } from '@grpc/grpc-js'
import type { ServerParts } from '../parts.ts'

/** Carries out a call. Request and answer are plain objects, as their messages are written (see `wire/conventions.ts`). */
export type Run = (request: object, caller: Caller) => Promise<object>

/** A handler of gRPC. Whatever `run` rejects with is told as a status; what is none of Millrace's is logged, and not told. */
export function unaryHandler(
  parts: Pick<ServerParts, 'authenticator' | 'rates' | 'logger' | 'platform' | 'recorder'>,
  method: DescMethod,
  run: Run,
): handleUnaryCall<Buffer, Buffer> {
  const requests = codecOf<object>(method.input)
  const answers = codecOf<object>(method.output)
  const { logger } = parts
  const serve = async (call: ServerUnaryCall<Buffer, Buffer>, record: CallRecord): Promise<Buffer> => {
    const caller = await admitted(call, parts)
    record.caller = caller.name
    return answers.encode(await run(requests.decode(call.request), caller))
  }
  return (call, answer: sendUnaryData<Buffer>) => {
    const record = CallRecord.of(parts, method)
    serve(call, record).then(
      (response) => {
        record.ended(null)
        answer(null, response)
      },
      (error: unknown) => {
        const told = toldOf(error, { logger, call: method.name })
        const refusal = refusalOf(told)
        record.ended({ status: refusal.code, code: told.code, error })
        answer(refusal)
      },
    )
  }
}
