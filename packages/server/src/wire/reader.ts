/** Reads the binary form of protobuf. What comes may be anything: it throws, and never reads on behind its end. */
import { isUtf8 } from 'node:buffer'
import { InvalidArgumentError } from '@millrace/core/store'

/** How a field is written. */
export const WIRE = { varint: 0, double: 1, bytes: 2, float: 5 } as const

const SHORT = 64
const REPLACEMENT = '\uFFFD'

export class Reader {
  readonly #bytes: Buffer
  #at = 0

  constructor(bytes: Uint8Array) {
    this.#bytes = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  }

  get at(): number {
    return this.#at
  }

  get length(): number {
    return this.#bytes.length
  }

  /** What does not fit a whole number that is exact is larger than any that is allowed, and so are negative ones. */
  varint(): number {
    const first = this.#bytes[this.#at]
    if (first !== undefined && first < 0x80) {
      this.#at += 1
      return first
    }
    return this.#longVarint()
  }

  #longVarint(): number {
    let value = 0
    let unit = 1
    for (let count = 0; count < 10; count++) {
      const byte = this.#bytes[this.#at++]
      if (byte === undefined) throw unreadable('it ends too soon')
      value += (byte & 0x7f) * unit
      if (byte < 0x80) return value
      unit *= 0x80
    }
    throw unreadable('a number in it has no end')
  }

  double(): number {
    if (this.#at + 8 > this.#bytes.length) throw unreadable('it ends too soon')
    const value = this.#bytes.readDoubleLE(this.#at)
    this.#at += 8
    return value
  }

  /** Where that ends whose length comes next. */
  end(): number {
    const length = this.varint()
    const end = this.#at + length
    if (end > this.#bytes.length) throw unreadable('it ends too soon')
    return end
  }

  /** @param like what it may well be: then it is this one, and no other is made */
  text(like: string | null = null): string {
    const end = this.end()
    const start = this.#at
    this.#at = end
    if (like !== null && like.length === end - start && this.#isLike(like, start)) return like
    if (end - start < SHORT && this.#isAscii(start, end)) return this.#bytes.toString('latin1', start, end)
    const text = this.#bytes.toString('utf8', start, end)
    // what is no UTF-8 has become U+FFFD, which a text may hold as well
    if (text.includes(REPLACEMENT) && !isUtf8(this.#bytes.subarray(start, end)))
      throw unreadable('a text in it is no UTF-8')
    if (text.includes('\0')) throw unreadable('a text in it holds U+0000')
    return text
  }

  /** Passes over these bytes, if it is them that come next. */
  passes(bytes: Uint8Array): boolean {
    const end = this.#at + bytes.length
    if (end > this.#bytes.length) return false
    for (let at = 0; at < bytes.length; at++) if (this.#bytes[this.#at + at] !== bytes[at]) return false
    this.#at = end
    return true
  }

  /** What was read from there on. */
  since(start: number): Uint8Array {
    return Uint8Array.prototype.slice.call(this.#bytes, start, this.#at)
  }

  bytes(): Uint8Array {
    return Uint8Array.from(this.part())
  }

  /** As they are here: they change with what is read. */
  part(): Buffer {
    const end = this.end()
    const part = this.#bytes.subarray(this.#at, end)
    this.#at = end
    return part
  }

  /** Passes over what is not known. */
  skip(wire: number): void {
    switch (wire) {
      case WIRE.varint:
        return void this.varint()
      case WIRE.double:
        return this.#pass(8)
      case WIRE.bytes:
        this.#at = this.end()
        return
      case WIRE.float:
        return this.#pass(4)
      default:
        throw unreadable('a field in it has a type that nobody writes')
    }
  }

  #pass(length: number): void {
    this.#at += length
    if (this.#at > this.#bytes.length) throw unreadable('it ends too soon')
  }

  #isLike(text: string, start: number): boolean {
    for (let at = 0; at < text.length; at++) {
      const byte = this.#bytes[start + at]!
      if (byte >= 0x80 || byte !== text.charCodeAt(at)) return false
    }
    return true
  }

  #isAscii(start: number, end: number): boolean {
    for (let at = start; at < end; at++) {
      const byte = this.#bytes[at]!
      if (byte === 0 || byte >= 0x80) return false
    }
    return true
  }
}

/** What came is no message of the kind that was expected. */
export function unreadable(why: string): InvalidArgumentError {
  return new InvalidArgumentError(`The message cannot be read: ${why}.`, {
    hint: 'See the API of millrace.v1: its files say what each field holds.',
  })
}
