/**
 * Task ids: UUIDs made by the client, so that a repeated enqueue is harmless.
 */
import type { Platform } from '../platform/platform.ts'
import { sha1 } from '../platform/hash.ts'
import { InvalidArgumentError } from './errors.ts'
import { shown } from './shown.ts'
import type { TaskId } from '../store/records.ts'

const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-[1-8][0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/

const HEX: readonly string[] = Array.from({ length: 256 }, (_, byte) => byte.toString(16).padStart(2, '0'))

/**
 * Makes UUIDs of version 7 (RFC 9562, method 1) that sort in the order in which they were made: 48 bits of
 * milliseconds, a 12-bit counter that starts anew at a random value below 2048 with each millisecond,
 * 62 random bits. When the counter runs over, or the clock goes back, the last time counts on.
 */
export class IdMaker {
  readonly #platform: Platform
  #ms = -1
  #counter = 0

  constructor(platform: Platform) {
    this.#platform = platform
  }

  /** The next id; it sorts behind all that this maker made before. */
  next(): TaskId {
    const platform = this.#platform
    const wallMs = platform.wallMs()
    if (wallMs > this.#ms) {
      this.#ms = wallMs
      this.#counter = platform.random32() & 0x7ff
    } else if (++this.#counter > 0xfff) {
      this.#ms += 1
      this.#counter = platform.random32() & 0x7ff
    }
    const high = Math.floor(this.#ms / 0x1_0000)
    const low = this.#ms & 0xffff
    const a = platform.random32()
    const b = platform.random32()
    return (
      `${hex32(high)}-${hex16(low)}-${hex16(0x7000 | this.#counter)}-` +
      `${hex16(0x8000 | (a & 0x3fff))}-${hex16(a >>> 16)}${hex32(b)}`
    )
  }
}

/** Sixteen hex digits drawn at random: the id of one request to a store. */
export function newNonce(platform: Platform): string {
  return hex32(platform.random32()) + hex32(platform.random32())
}

/** The namespace of all name-based task ids, drawn once. */
const NAMESPACE = '6f1c9b0e-3a58-4c7d-9d41-52e7a8b3f604'

/**
 * The task id that belongs to a name: a UUID of version 5, the same in every process. Enqueuing twice under
 * the id of one name makes one task.
 *
 * @param parts the parts of the name, kept apart: `taskId('invoice', '42')` is not `taskId('invoice4', '2')`
 * @throws InvalidArgumentError if a part is no text, or there is none
 */
export function taskId(...parts: readonly [string, ...string[]]): TaskId {
  if (parts.length > 0 && parts.every((part) => typeof part === 'string')) {
    return nameBasedId(NAMESPACE, JSON.stringify(parts))
  }
  throw new InvalidArgumentError(`The name of a task id is ${parts.map(shown).join(', ') || 'empty'}.`, {
    hint: "Give its parts as texts: taskId('order', '42').",
  })
}

const encoder = new TextEncoder()

/** A UUID of version 5: the SHA-1 of the namespace's 16 bytes and the name (RFC 9562, section 5.5). */
export function nameBasedId(namespace: TaskId, name: string): TaskId {
  const scope = Uint8Array.from(namespace.replaceAll('-', '').match(/../g) ?? [], (byte) =>
    Number.parseInt(byte, 16),
  )
  const bytes = sha1(scope, encoder.encode(name))
  bytes[6] = (bytes[6]! & 0x0f) | 0x50
  bytes[8] = (bytes[8]! & 0x3f) | 0x80
  let hex = ''
  for (let i = 0; i < 16; i++) hex += HEX[bytes[i]!]
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-${hex.slice(12, 16)}-${hex.slice(16, 20)}-${hex.slice(20)}`
}

/**
 * A task id that a user gave, in canonical (lower-case) form.
 *
 * @param what whose id it is, for the error
 * @throws InvalidArgumentError if it is no UUID
 */
export function checkedTaskId(id: unknown, what = 'The task id'): TaskId {
  const canonical = typeof id === 'string' ? id.toLowerCase() : ''
  if (UUID.test(canonical)) return canonical
  throw new InvalidArgumentError(`${what} is ${shown(id)}, which is no UUID.`, {
    hint: "An id is a UUID, as `millrace tasks` lists them; in code taskId('order', '42') makes one from a name.",
  })
}

function hex16(value: number): string {
  return HEX[(value >>> 8) & 0xff]! + HEX[value & 0xff]!
}

function hex32(value: number): string {
  return (
    HEX[(value >>> 24) & 0xff]! +
    HEX[(value >>> 16) & 0xff]! +
    HEX[(value >>> 8) & 0xff]! +
    HEX[value & 0xff]!
  )
}
