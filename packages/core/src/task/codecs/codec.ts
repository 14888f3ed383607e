/**
 * Codecs of definitions: how values become payloads where JSON is not enough. A codec encodes, the same value always the
 * same way; its seals then change how the payload is kept, each time anew if they like. Tasks are compared by what stands
 * between the two. Whatever was kept without a codec is read with any.
 */
import { InvalidArgumentError, InvalidPayloadError, TooLargeError, codeOf } from '../errors.ts'
import { decode, encode } from '../codec.ts'
import { messageOf, shown } from '../shown.ts'
import { flat, frame, hasMark, isCoded, NAMED, unflat, unframe } from './frame.ts'
import type { Payload, TaskId } from '../../store/records.ts'

/** A way to keep values. `json` is what there is without one. */
export interface Codec {
  /** 1 to 64 letters, digits, `_`, `.`, `-`. It is kept with each payload: what another codec wrote is refused, not misread. */
  readonly name: string
  /** `json`: it carries what JSON carries, and definitions with anything else do not compile. Default: anything. */
  readonly carries?: 'json' | undefined
  /** The same for the same value: repeats of an enqueue are known by it. */
  encode(value: unknown): string | Uint8Array
  decode(payload: string | Uint8Array): unknown
  /** What is done with what it has encoded, in this order; undone in reverse. */
  readonly seals?: readonly Seal[] | undefined
}

/** Changes how a payload is kept, and changes it back. */
export interface Seal {
  /** Published with definitions, for those who cannot seal. */
  readonly name: string
  /** @throws a typed error if it cannot */
  seal(payload: string | Uint8Array, place: PayloadPlace): string | Uint8Array
  /** Leaves alone what it did not seal. @throws a typed error if it cannot, or may not */
  open(payload: string | Uint8Array, place: PayloadPlace): string | Uint8Array
}

/** Whose payload it is. */
export interface PayloadPlace {
  readonly what: 'input' | 'result' | 'checkpoint'
  /** `null`: of every run of a schedule. */
  readonly id: TaskId | null
  readonly type: string
  /** `null` but for inputs: who reads a result does not know the queue. */
  readonly queue: string | null
}

/** What is encoded, for errors, and how large it may be. */
export interface Sizing {
  readonly what: string
  readonly bytesMax: number
}

/** JSON, as without a codec: something for seals to begin with. */
export const json: Codec & { readonly carries: 'json' } = {
  name: 'json',
  carries: 'json',
  encode: (value) => encode(value, 'The value'),
  decode,
}

/** @throws InvalidArgumentError if it is no codec */
export function checkedCodec(codec: unknown, what: string): Codec | undefined {
  if (codec === undefined) return undefined
  const { name, encode: write, decode: read, seals = [] } = Object(codec) as Partial<Codec>
  const isList: boolean = Array.isArray(seals)
  if (typeof name === 'string' && NAME.test(name) && typeof write === 'function' && isList) {
    if (typeof read === 'function') return codec as Codec
  }
  throw new InvalidArgumentError(`The codec of ${what} is ${shown(codec)}.`, {
    hint: 'Give richJson, messagePack(library), compressed(…), encrypted(…), or { name, encode, decode } of your own.',
  })
}

const NAME = /^[\w.-]{1,64}$/

/** It carries what the codec inside carries. */
export type Sealed<C extends Codec> = Codec & Pick<C, 'carries'>

/** @throws InvalidArgumentError */
export function sealedWith<C extends Codec>(codec: C, seal: Seal): Sealed<C> {
  const { name, carries, seals = [] } = checkedCodec(codec, seal.name)!
  const whole: Codec = {
    name,
    carries,
    encode: (value) => codec.encode(value),
    decode: (payload) => codec.decode(payload),
    seals: [...seals, seal],
  }
  return whole as Sealed<C>
}

/**
 * A value before it is sealed: what tasks are compared by.
 *
 * @throws InvalidPayloadError, TooLargeError
 */
export function encodeWith(codec: Codec, value: unknown, { what, bytesMax }: Sizing): Payload {
  if (value === undefined || codec.name === json.name) return encode(value, what, bytesMax)
  const body = flat(trying(() => codec.encode(value), `${what} cannot be encoded by the codec ${codec.name}`))
  if (body.length > bytesMax) throw tooLarge({ what, bytesMax })
  return frame(NAMED, codec.name, body)
}

/**
 * The same as it is kept.
 *
 * @throws InvalidPayloadError, TooLargeError
 */
export function sealed(
  { name, seals = [] }: Codec,
  payload: Payload,
  { place, ...sizing }: Sizing & { readonly place: PayloadPlace },
): Payload {
  let kept = payload
  for (const seal of seals)
    kept = trying(() => seal.seal(kept, place), `${sizing.what} cannot be sealed by the codec ${name}`)
  if (kept.length > sizing.bytesMax) throw tooLarge(sizing)
  return kept
}

/**
 * The value of a payload, whatever kept it that this codec knows.
 *
 * @param codec the definition's, if it has one
 * @throws InvalidPayloadError, DecryptionError
 */
export function decodeWith(codec: Codec | undefined, payload: Payload, place: PayloadPlace): unknown {
  const what = `The ${place.what} of ${place.type}`
  let plain = payload
  for (const seal of codec?.seals?.toReversed() ?? [])
    plain = trying(() => seal.open(plain, place), `${what} cannot be opened by ${seal.name}`)
  if (!isCoded(plain)) return decode(plain)
  if (!hasMark(plain, NAMED)) throw unreadable(what, codec, 'compressed or encrypted')
  const { name, body } = trying(() => unframe(plain as Uint8Array), `${what} cannot be read`)
  if (codec?.name !== name) throw unreadable(what, codec, `written with the codec ${name}`)
  return trying(() => codec.decode(unflat(body)), `${what} cannot be decoded by the codec ${name}`)
}

/** Codecs are the user's, and may fail. */
function trying<T>(work: () => T, failed: string): T {
  try {
    return work()
  } catch (cause) {
    if (codeOf(cause) !== undefined) throw cause
    const message = messageOf(cause)
    throw new InvalidPayloadError(`${failed}: ${message}`, [{ path: '', message }], {
      cause,
      hint: 'The codec threw: see the cause.',
    })
  }
}

function unreadable(what: string, codec: Codec | undefined, how: string): InvalidPayloadError {
  const own = codec === undefined ? 'there is none here' : `that of the definition here is ${codec.name}`
  return new InvalidPayloadError(`${what} is ${how}, and ${own}.`, [], {
    hint: 'Give the definition the codec that it was written with, with all that was around it.',
  })
}

function tooLarge({ what, bytesMax }: Sizing): TooLargeError {
  return new TooLargeError(`${what} is larger than ${bytesMax.toLocaleString('en')} bytes as it is kept.`, {
    hint: 'Keep large data elsewhere and enqueue where it is.',
  })
}
