/** What comes on a stream: first only which call it is. A call whose content is wrong is answered so, and the stream goes on. */
import { InvalidArgumentError } from '@millrace/core/store'
import { Reader, WIRE } from './reader.ts'
import { StoreService } from './generated/millrace/v1/store_pb.ts'
import { STREAMED, type StreamedMethod } from './methods.ts'

/** A call on a stream, whose content was not looked at yet. */
export interface Frame {
  readonly id: number
  /** `undefined`: none that is known here. */
  readonly method: StreamedMethod | undefined
  readonly body: Uint8Array
}

const ID_TAG = 8
const ID_MAX = 2 ** 31 - 1

const methods: ReadonlyMap<number, StreamedMethod> = new Map(
  StoreService.method.work.input.fields.flatMap(({ number, localName }) => {
    const method = STREAMED.find((name) => name === localName)
    return method === undefined ? [] : [[number * 8 + WIRE.bytes, method] as const]
  }),
)

/** @throws InvalidArgumentError for what is no call, which nobody could be answered */
export function readFrame(bytes: Uint8Array): Frame {
  const reader = new Reader(bytes)
  let id = 0
  let call: Pick<Frame, 'method' | 'body'> = { method: undefined, body: new Uint8Array() }
  while (reader.at < reader.length) {
    const tag = reader.varint()
    const method = methods.get(tag)
    if (tag === ID_TAG) id = reader.varint()
    else if (method === undefined) reader.skip(tag % 8)
    else call = { method, body: reader.part() }
  }
  if (id >= 1 && id <= ID_MAX) return { id, ...call }
  throw new InvalidArgumentError('A call on the stream has no id.', { hint: 'It is from 1 to 2^31 - 1.' })
}
