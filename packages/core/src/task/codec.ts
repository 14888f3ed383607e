/**
 * How values become the payloads that stores keep. JSON stays text, readable in the store; a Uint8Array as
 * the whole value becomes bytes behind one byte that names the codec. `undefined` as the whole value is
 * the empty text.
 */
import { codeOf, InvalidPayloadError, TooLargeError } from './errors.ts'
import { jsonProblem, jsonSize } from './json-check.ts'
import { exceedsBytes, LIMITS } from './limits.ts'
import { messageOf } from './shown.ts'
import type { Payload } from '../store/records.ts'

/** First byte of a payload of raw bytes. */
const RAW_BYTES = 0

/**
 * A value as a payload. What JSON would silently turn into something else is refused, so that a task gets
 * back what was put in; only -0 becomes 0, and members that are `undefined` are left out.
 *
 * @param what what the value is, for the error: `The input of image.thumbnail`
 * @param bytesMax most bytes of UTF-8, or of the bytes. Default 1 MiB.
 * @throws InvalidPayloadError if the value is no JSON: deeper than 64 levels, cyclic, NaN, a Date, a Map, an
 *   instance of a class, `undefined` in an array…
 * @throws TooLargeError beyond `bytesMax`
 */
export function encode(value: unknown, what: string, bytesMax: number = LIMITS.payloadBytes): Payload {
  if (value === undefined) return ''
  if (isBytes(value)) return encodeBytes(value, what, bytesMax)
  const text = textOf(value, what, bytesMax)
  if (exceedsBytes(text, bytesMax)) throw tooLarge(what, bytesMax)
  return text
}

/**
 * The value that was encoded; bytes come back as a Uint8Array of their own.
 *
 * @throws InvalidPayloadError if the payload is no JSON, or was written with another codec
 */
export function decode(payload: Payload): unknown {
  if (typeof payload === 'string') return payload === '' ? undefined : parse(payload)
  if (payload[0] !== RAW_BYTES) {
    throw new InvalidPayloadError('The payload was written with a codec that is not at hand.', [], {
      hint: 'Give the definition that reads it the codec of the one that wrote it.',
    })
  }
  return new Uint8Array(payload.subarray(1)) // a copy, and no Buffer, whatever the store answered
}

/** How much a payload counts towards limits of bytes. Text counts by its length: an estimate that never needs a scan. */
export function payloadSize(payload: Payload | null): number {
  return payload === null ? 0 : payload.length
}

function textOf(value: unknown, what: string, bytesMax: number): string {
  try {
    const size = jsonSize(value, 0, bytesMax)
    if (size === null) refuseNotJson(value, what)
    else if (size > bytesMax) throw tooLarge(what, bytesMax)
    return JSON.stringify(value)
  } catch (cause) {
    // a getter or a proxy is code of the user's, which may throw
    throw codeOf(cause) === undefined ? unreadable(cause, what) : cause
  }
}

function unreadable(cause: unknown, what: string): InvalidPayloadError {
  const message = messageOf(cause)
  return new InvalidPayloadError(`${what} could not be read: ${message}`, [{ path: '', message }], {
    cause,
    hint: 'A getter in it throws: pass plain values.',
  })
}

/** By its tag, which bytes of another realm have too, as in tests that run in a `vm` context. */
function isBytes(value: unknown): value is Uint8Array {
  if (!ArrayBuffer.isView(value)) return false
  return (value as { readonly [Symbol.toStringTag]?: unknown })[Symbol.toStringTag] === 'Uint8Array'
}

function encodeBytes(value: Uint8Array, what: string, bytesMax: number): Uint8Array {
  if (value.length > bytesMax) throw tooLarge(what, bytesMax)
  const bytes = new Uint8Array(value.length + 1)
  bytes[0] = RAW_BYTES
  bytes.set(value, 1)
  return bytes
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch (cause) {
    throw new InvalidPayloadError('The payload is no JSON.', [], {
      cause,
      hint: 'Something other than Millrace wrote it: enqueue the task anew.',
    })
  }
}

function tooLarge(what: string, bytesMax: number): TooLargeError {
  return new TooLargeError(`${what} is larger than ${bytesMax.toLocaleString('en')} bytes.`, {
    hint: 'Keep large data elsewhere and enqueue where it is.',
  })
}

function refuseNotJson(value: unknown, what: string): void {
  const problem = jsonProblem(value)
  if (problem === null) return
  const place = problem.path === '' ? '' : `${problem.path} `
  throw new InvalidPayloadError(`${what} is no JSON: ${place}${problem.message}.`, [problem], {
    hint: 'Pass its JSON form and let the schema transform it (bytes only go as the whole value).',
  })
}
