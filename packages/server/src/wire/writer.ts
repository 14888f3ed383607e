/** Writes the binary form of protobuf: one pass over what is to be written, into one buffer. */

const SIZE = 16_384
/** What was larger is not kept for the next message. */
const KEPT_MAX = 1_048_576
const SHORT = 64
/** For texts up to here there is room for the longest form that they may have. */
const ROOMY = 16_384

export class Writer {
  #bytes: Buffer = Buffer.allocUnsafeSlow(SIZE)
  #at = 0
  #messages = 0

  /** How many messages were written, or given up. */
  get messages(): number {
    return this.#messages
  }

  /** What was written, and a new beginning. */
  finish(): Buffer {
    const written = Buffer.from(this.#bytes.subarray(0, this.#at))
    this.reset()
    return written
  }

  /** Forgets what was written. */
  reset(): void {
    this.#messages += 1
    this.#at = 0
    if (this.#bytes.length > KEPT_MAX) this.#bytes = Buffer.allocUnsafeSlow(SIZE)
  }

  /** @param value a whole number from 0 to 2^53 - 1 */
  varint(value: number): void {
    this.#reserve(8)
    if (value < 0x80) this.#bytes[this.#at++] = value
    else this.#at = this.#longVarint(value, this.#at)
  }

  double(value: number): void {
    this.#reserve(8)
    this.#at = this.#bytes.writeDoubleLE(value, this.#at)
  }

  /** With its length. */
  text(value: string): void {
    if (value.length < SHORT && this.#ascii(value)) return
    if (value.length < ROOMY) {
      const width = value.length < 0x80 ? 1 : 2
      const start = this.begin(width)
      this.#reserve(value.length * 3)
      this.#at += this.#bytes.write(value, this.#at)
      this.end(start, width)
      return
    }
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

  /** As they are, without their length. */
  raw(bytes: Uint8Array): void {
    this.#reserve(bytes.length)
    this.#bytes.set(bytes, this.#at)
    this.#at += bytes.length
  }

  get at(): number {
    return this.#at
  }

  /** What was written from there on. */
  since(start: number): Uint8Array {
    return Uint8Array.prototype.slice.call(this.#bytes, start, this.#at)
  }

  /**
   * What follows, up to `end`, is a message inside this one.
   *
   * @param width how many bytes are left for its length, which nobody knows yet
   */
  begin(width: number): number {
    this.#reserve(width)
    const start = this.#at
    this.#at += width
    return start
  }

  /** Answers how many bytes its length took: what was written is moved if that is not what was left for it. */
  end(start: number, width: number): number {
    const length = this.#at - start - width
    const needed =
      length < 0x80 ? 1 : length < 0x4000 ? 2 : length < 0x20_0000 ? 3 : length < 0x1000_0000 ? 4 : 5
    if (needed !== width) {
      this.#reserve(needed)
      this.#bytes.copyWithin(start + needed, start + width, this.#at)
    }
    this.#longVarint(length, start)
    this.#at = start + needed + length
    return needed
  }

  /** Where there is room for it. Answers where it ends. */
  #longVarint(value: number, start: number): number {
    let rest = value
    let at = start
    for (; rest >= 0x80; rest = Math.floor(rest / 0x80)) this.#bytes[at++] = (rest % 0x80) | 0x80
    this.#bytes[at++] = rest
    return at
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
