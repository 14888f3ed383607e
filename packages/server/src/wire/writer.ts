/** Writes the binary form of protobuf: one pass over what is to be written, into one buffer. */

const SIZE = 16_384
/** What was larger is not kept for the next message. */
const KEPT_MAX = 1_048_576
const SHORT = 64

export class Writer {
  #bytes: Buffer = Buffer.allocUnsafeSlow(SIZE)
  #at = 0

  /** What was written, and a new beginning. */
  finish(): Buffer {
    const written = Buffer.from(this.#bytes.subarray(0, this.#at))
    this.reset()
    return written
  }

  /** Forgets what was written. */
  reset(): void {
    this.#at = 0
    if (this.#bytes.length > KEPT_MAX) this.#bytes = Buffer.allocUnsafeSlow(SIZE)
  }

  /** @param value a whole number from 0 to 2^53 - 1 */
  varint(value: number): void {
    this.#reserve(8)
    let rest = value
    for (; rest >= 0x80; rest = Math.floor(rest / 0x80)) this.#bytes[this.#at++] = (rest % 0x80) | 0x80
    this.#bytes[this.#at++] = rest
  }

  double(value: number): void {
    this.#reserve(8)
    this.#at = this.#bytes.writeDoubleLE(value, this.#at)
  }

  /** With its length. */
  text(value: string): void {
    if (value.length < SHORT && this.#ascii(value)) return
    const length = Buffer.byteLength(value)
    this.varint(length)
    this.#reserve(length)
    this.#at += this.#bytes.write(value, this.#at)
  }

  /** With their length. */
  bytes(value: Uint8Array): void {
    this.varint(value.length)
    this.#reserve(value.length)
    this.#bytes.set(value, this.#at)
    this.#at += value.length
  }

  /** What follows, up to `end`, is a message inside this one. */
  begin(): number {
    this.#reserve(1)
    return this.#at++
  }

  /** Its length is known only now: most are so short that the place that was left for it will do. */
  end(start: number): void {
    const length = this.#at - start - 1
    if (length < 0x80) {
      this.#bytes[start] = length
      return
    }
    const more = length < 0x4000 ? 1 : length < 0x20_0000 ? 2 : length < 0x1000_0000 ? 3 : 4
    this.#reserve(more)
    this.#bytes.copyWithin(start + 1 + more, start + 1, this.#at)
    this.#at = start
    this.varint(length)
    this.#at += length
  }

  /** Answers whether it was one, and is written. */
  #ascii(value: string): boolean {
    const { length } = value
    this.#reserve(length + 1)
    const bytes = this.#bytes
    const start = this.#at + 1
    for (let index = 0; index < length; index++) {
      const code = value.charCodeAt(index)
      if (code >= 0x80) return false
      bytes[start + index] = code
    }
    bytes[this.#at] = length
    this.#at = start + length
    return true
  }

  #reserve(length: number): void {
    const needed = this.#at + length
    if (needed <= this.#bytes.length) return
    const larger = Buffer.allocUnsafeSlow(Math.max(needed, this.#bytes.length * 2))
    this.#bytes.copy(larger, 0, 0, this.#at)
    this.#bytes = larger
  }
}
