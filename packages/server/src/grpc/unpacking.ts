/** Compressed messages: unpacked so many at a time, and no further than a message may be long. */
import { status } from '@grpc/grpc-js'
import { promisify } from 'node:util'
import { gunzip, inflate, type InputType, type ZlibOptions } from 'node:zlib'
import type { Pass } from '../access/intake.ts'
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
  readonly incomingEncoding: string
  maxReceiveMessageSize: number
  decompressMessage(framed: Buffer, encoding: string): Buffer | Promise<Buffer>
}

/** Whose messages these are. */
export interface Unpacker {
  /** Resolves when so many bytes may be unpacked for them: nobody knows before how many it will be. */
  enter(bytesMax: number): Promise<Pass>
  /** So many it was. */
  took(bytes: number): void
}

export function boundUnpacking(call: Unpacking, turns: Turns, unpacker: Unpacker): void {
  const unpack = WAYS[call.incomingEncoding]
  if (unpack === undefined) return
  const readAsItIs = call.decompressMessage.bind(call)
  const bytesMax = call.maxReceiveMessageSize
  const options = { maxOutputLength: bytesMax, chunkSize: Math.min(STEP_BYTES, bytesMax) }
  call.decompressMessage = async (framed, encoding) => {
    if (encoding !== call.incomingEncoding) return readAsItIs(framed, encoding)
    const pass = await unpacker.enter(bytesMax)
    try {
      const message = await turns.run(() => unpack(framed.subarray(PREFIX_BYTES), options))
      unpacker.took(message.length)
      pass.leave()
      return message
    } catch (error) {
      pass.leave(bytesMax)
      throw refusalOf(error, bytesMax)
    }
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
