import { compress, decompress, type Compression } from '../../platform/compression.ts'
import { InvalidArgumentError, InvalidPayloadError } from '../errors.ts'
import { checkMembers, type Members } from '../members.ts'
import { LIMITS } from '../limits.ts'
import { messageOf, shown } from '../shown.ts'
import { sealedWith, type Codec, type Seal, type Sealed } from './codec.ts'
import { COMPRESSED, flat, frame, hasMark, unflat, unframe } from './frame.ts'

/** What `compressed` compresses, and by which method. */
export interface CompressionOptions {
  /** Payloads of more bytes are compressed. Default 1 024. */
  readonly above?: number | undefined
  /** Either is read, whatever stands here. Default `zstd`. */
  readonly by?: Compression | undefined
}

const MEMBERS: Members<CompressionOptions> = { above: true, by: true }

/** What comes out is never larger than what may go in, whoever wrote it, but for names and marks. */
const PLAIN_MAX = LIMITS.payloadBytes + 1_024

/**
 * The codec, and what it encodes is compressed if it is large, and if that makes it smaller.
 *
 * @throws InvalidArgumentError
 */
export function compressed<C extends Codec>(codec: C, options: CompressionOptions = {}): Sealed<C> {
  checkMembers(options, MEMBERS, 'compressed')
  const { above = 1_024, by = 'zstd' } = options
  if (!(Number.isInteger(above) && above >= 0))
    throw new InvalidArgumentError(`above is ${shown(above)}.`, { hint: 'It is a whole number of bytes.' })
  if (by !== 'zstd' && by !== 'gzip')
    throw new InvalidArgumentError(`by is ${shown(by)}.`, { hint: "It is 'zstd' or 'gzip'." })
  const seal: Seal = {
    name: 'compressed',
    seal: (payload) => {
      const isShort = payload.length * (typeof payload === 'string' ? 3 : 1) <= above
      const body = isShort ? undefined : flat(payload)
      if (body === undefined || body.length - 1 <= above) return payload
      const smaller = frame(COMPRESSED, by, compress(body, by))
      return smaller.length < body.length ? smaller : payload
    },
    open: (payload) => (hasMark(payload, COMPRESSED) ? opened(payload) : payload),
  }
  return sealedWith(codec, seal)
}

function opened(payload: Uint8Array): string | Uint8Array {
  const { name, body } = unframe(payload)
  if (name !== 'zstd' && name !== 'gzip') throw broken(`it says ${shown(name)}`)
  try {
    return unflat(decompress(body, name, PLAIN_MAX))
  } catch (cause) {
    throw broken(messageOf(cause), cause)
  }
}

function broken(message: string, cause?: unknown): InvalidPayloadError {
  return new InvalidPayloadError(`What is kept cannot be decompressed: ${message}`, [{ path: '', message }], {
    cause,
    hint: 'It was damaged, or something other than Millrace wrote it: enqueue the task anew.',
  })
}
