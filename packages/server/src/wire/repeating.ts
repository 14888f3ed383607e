/**
 * Messages that stand in many others and are mostly alike, as the policy of all tasks of a definition: what was written or
 * read last is not written, or read, once more. Who reads gets the very same object again, so that a store that keeps such
 * things once knows them at a glance.
 */
import type { Reader } from './reader.ts'
import type { ValueCodec } from './fields.ts'
import type { Writer } from './writer.ts'

/** Bytes of a message that is remembered. */
const SIZE_MAX = 128

/** Of a message inside others. */
export function repeating(codec: ValueCodec): ValueCodec {
  const written = new Written(codec)
  const read = new Read(codec)
  return {
    wire: codec.wire,
    write: (writer, value) => written.write(writer, value),
    read: (reader) => read.read(reader),
  }
}

/** It remembers objects within one message only, while nobody else can change them. */
class Written {
  readonly #codec: ValueCodec
  #last: unknown
  #bytes: Uint8Array | undefined
  #message = -1

  constructor(codec: ValueCodec) {
    this.#codec = codec
  }

  write(writer: Writer, value: unknown): void {
    const isSame = value === this.#last && writer.messages === this.#message
    if (isSame && this.#bytes !== undefined) return writer.raw(this.#bytes)
    const start = writer.at
    this.#codec.write(writer, value)
    // the first that comes again is worth a copy
    this.#bytes = isSame && writer.at - start <= SIZE_MAX ? writer.since(start) : undefined
    this.#last = value
    this.#message = writer.messages
  }
}

class Read {
  readonly #codec: ValueCodec
  #last: unknown
  #bytes: Uint8Array | undefined

  constructor(codec: ValueCodec) {
    this.#codec = codec
  }

  read(reader: Reader): unknown {
    if (this.#bytes !== undefined && reader.passes(this.#bytes)) return this.#last
    const start = reader.at
    const value = this.#codec.read(reader)
    if (reader.at - start > SIZE_MAX) return value
    this.#bytes = reader.since(start)
    this.#last = frozen(value)
    return value
  }
}

/** Others are handed it, too. */
function frozen(value: unknown): unknown {
  if (typeof value !== 'object' || value === null || ArrayBuffer.isView(value)) return value
  for (const member of Object.values(value)) frozen(member)
  return Object.freeze(value)
}
