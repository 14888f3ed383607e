/** Compressed messages: unpacked so many at a time, and no further than a message may be long. */
import { status } from '@grpc/grpc-js'
import { promisify } from 'node:util'
import { gunzip, inflate, type InputType, type ZlibOptions } from 'node:zlib'
import type { Turns } from '../listen/turns.ts'

/** Messages that are unpacked at the same time: each takes a thread, which others need as well. */
export const UNPACKED_AT_ONCE = 2
/** Steps large enough that whoever else is served meanwhile does not notice them. */
const STEP_BYTES = 1_048_576
/** Of grpc-js: the flag of a message, and its length. */
const PREFIX_BYTES = 5

type Unpack = (packed: InputType, options: ZlibOptions) => Promise<Buffer>

const WAYS: Readonly<Record<string, Unpack>> = { gzip: promisify(gunzip), deflate: promisify(inflate) }

/** The part of a call of grpc-js that unpacks its messages, which is not public. */
export interface Unpacking {
  maxReceiveMessageSize: number
  decompressMessage(framed: Buffer, encoding: string): Buffer | Promise<Buffer>
}

/** @param turn resolves when it is the turn of whoever calls, who pays for so many bytes */
export function boundUnpacking(call: Unpacking, turns: Turns, turn: (bytes: number) => Promise<void>): void {
  const readAsItIs = call.decompressMessage.bind(call)
  call.decompressMessage = (framed, encoding) => {
    const unpack = WAYS[encoding]
    if (unpack === undefined) return readAsItIs(framed, encoding)
    const bytesMax = call.maxReceiveMessageSize
    return turns.run(async () => {
      await turn(bytesMax)
      const options = { maxOutputLength: bytesMax, chunkSize: Math.min(STEP_BYTES, bytesMax) }
      try {
        return await unpack(framed.subarray(PREFIX_BYTES), options)
      } catch (error) {
        throw refusalOf(error, bytesMax)
      }
    })
  }
}

/** As grpc-js says it: a status that is thrown. */
function refusalOf(error: unknown, bytesMax: number): Error {
  const [code, details] =
    error instanceof RangeError
      ? [status.RESOURCE_EXHAUSTED, `Received message that decompresses to a size larger than ${bytesMax}`]
      : [status.INTERNAL, 'Failed to decompress message']
  return Object.assign(new Error(details), { code, details })
}
