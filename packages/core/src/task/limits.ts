/** Every limit on what may be enqueued, all checked before anything is written. */
import { InvalidArgumentError } from './errors.ts'
import { isKeepable } from './kept-text.ts'
import { shown } from './shown.ts'

/** Bytes are bytes of UTF-8. */
export const LIMITS = {
  /** 1 MiB. */
  payloadBytes: 1_048_576,
  resultBytes: 1_048_576,
  checkpointBytes: 1_048_576,
  /** 16 KiB: an error with its stack. */
  errorBytes: 16_384,
  headersBytes: 16_384,
  metadataBytes: 16_384,
  /** Tags of one task. */
  tags: 100,
  /** Arrays and objects inside each other. */
  jsonDepth: 64,
  /** Tasks, and bytes (8 MiB), in one request to a store, claims too. */
  batchTasks: 1_000,
  batchBytes: 8_388_608,
  /** Tasks enqueued by one call, and parents of one task. */
  graphTasks: 50_000,
  parents: 50_000,
  /** Dependencies in one flow, and flows inside each other. */
  flowEdges: 200_000,
  flowDepth: 64,
  /** 8 MiB: an input that is made of the results of other tasks. */
  fedBytes: 8_388_608,
  /** A unique, partition or limit key. */
  keyBytes: 512,
} as const

const NAME = /^[A-Za-z0-9][A-Za-z0-9_.-]{0,127}$/

/**
 * A name of a task type, queue, namespace, tag or offer.
 *
 * @param what what it names, for the error
 * @throws InvalidArgumentError
 */
export function checkedName(name: unknown, what: string): string {
  if (typeof name === 'string' && NAME.test(name)) return name
  throw new InvalidArgumentError(`${what} is ${shown(name)}, which is no name.`, {
    hint: 'A name is 1 to 128 letters, digits, `_`, `.` or `-`, and begins with a letter or a digit.',
  })
}

const encoder = new TextEncoder()

/** Length of a text in UTF-8 bytes. */
export function utf8Bytes(text: string): number {
  return encoder.encode(text).length
}

/** Whether a text is longer than so many UTF-8 bytes; counts only when it is near. */
export function exceedsBytes(text: string, bytesMax: number): boolean {
  if (text.length * 3 <= bytesMax) return false
  return text.length > bytesMax || utf8Bytes(text) > bytesMax
}

/**
 * A unique, partition or limit key: any text of at most 512 bytes that every store can keep.
 *
 * @param what what key it is, for the error
 * @throws InvalidArgumentError
 */
export function checkedKey(key: unknown, what: string): string {
  if (isKeepable(key) && !exceedsBytes(key, LIMITS.keyBytes)) return key
  throw new InvalidArgumentError(`${what} is ${shown(key)}, which is no key.`, {
    hint: `A key is any well-formed text without U+0000, of at most ${LIMITS.keyBytes} bytes; make one of bytes by hashing them, or in base64.`,
  })
}
