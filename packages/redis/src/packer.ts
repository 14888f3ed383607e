/**
 * Writes requests as MessagePack, which scripts read with one call. Texts and bytes both travel as its `str`,
 * which is bytes to Lua.
 */
const FIRST_SIZE = 65_536

export class Packer {
  #buffer = Buffer.allocUnsafe(FIRST_SIZE)
  #at = 0

  /** What was written so far. The packer must not be used again before it was sent. */
  done(): Buffer {
    const done = this.#buffer.subarray(0, this.#at)
    this.#buffer = this.#buffer.subarray(this.#at)
    this.#at = 0
    return done
  }

  /** Drops what was written since the last request. */
  reset(): void {
    this.#at = 0
  }

  array(length: number): this {
    this.#room(5)
    if (length < 16) this.#buffer[this.#at++] = 0x90 | length
    else this.#head(0xdd, length)
    return this
  }

  /** A whole number from 0 to 2^53 - 1, or -1. */
  int(value: number): this {
    this.#room(9)
    if (value === -1) this.#buffer[this.#at++] = 0xff
    else if (value < 128) this.#buffer[this.#at++] = value
    else if (value < 2 ** 32) this.#head(0xce, value)
    else {
      this.#head(0xcf, Math.floor(value / 2 ** 32))
      this.#at = this.#buffer.writeUInt32BE(value % 2 ** 32, this.#at)
    }
    return this
  }

  no(): this {
    this.#room(1)
    this.#buffer[this.#at++] = 0xc2
    return this
  }

  text(value: string): this {
    const start = this.begin(3 * value.length)
    this.#at += this.#buffer.write(value, this.#at)
    return this.end(start)
  }

  bytes(value: Uint8Array): this {
    const start = this.begin(value.length)
    this.#buffer.set(value, this.#at)
    this.#at += value.length
    return this.end(start)
  }

  /** The 16 bytes of a UUID. */
  id(id: string): this {
    const start = this.begin(16)
    this.rawId(id)
    return this.end(start)
  }

  nonce(nonce: string): this {
    const start = this.begin(8)
    this.rawHex(nonce, 16)
    return this.end(start)
  }

  /** Begins one `str` that is made of several parts, of so many bytes at most. */
  begin(most: number): number {
    this.#room(most + 5)
    this.#buffer[this.#at] = 0xdb
    this.#at += 5
    return this.#at
  }

  end(start: number): this {
    this.#buffer.writeUInt32BE(this.#at - start, start - 4)
    return this
  }

  rawId(id: string): void {
    const buffer = this.#buffer
    let at = this.#at
    for (let i = 0; i < 36; i += 2) {
      if (i === 8 || i === 13 || i === 18 || i === 23) i += 1
      buffer[at++] = (NIBBLE[id.charCodeAt(i)]! << 4) | NIBBLE[id.charCodeAt(i + 1)]!
    }
    this.#at = at
  }

  rawHex(hex: string, digits: number): void {
    for (let i = 0; i < digits; i += 2) {
      this.#buffer[this.#at++] = (NIBBLE[hex.charCodeAt(i)]! << 4) | NIBBLE[hex.charCodeAt(i + 1)]!
    }
  }

  rawInt(value: number, bytes: number): void {
    this.#at = this.#buffer.writeUIntBE(value, this.#at, bytes)
  }

  rawZeros(count: number): void {
    for (let i = 0; i < count; i++) this.#buffer[this.#at++] = 0
  }

  rawAscii(value: string): void {
    for (let i = 0; i < value.length; i++) this.#buffer[this.#at++] = value.charCodeAt(i)
  }

  rawText(value: string): void {
    this.#at += this.#buffer.write(value, this.#at)
  }

  rawBytes(value: Uint8Array): void {
    this.#buffer.set(value, this.#at)
    this.#at += value.length
  }

  #head(type: number, value: number): void {
    this.#buffer[this.#at] = type
    this.#at = this.#buffer.writeUInt32BE(value, this.#at + 1)
  }

  #room(bytes: number): void {
    if (this.#at + bytes <= this.#buffer.length) return
    const larger = Buffer.allocUnsafe(Math.max(FIRST_SIZE, 2 * (this.#at + bytes)))
    this.#buffer.copy(larger, 0, 0, this.#at)
    this.#buffer = larger
  }
}

const NIBBLE = new Uint8Array(128)
for (let digit = 0; digit < 16; digit++) NIBBLE[digit.toString(16).charCodeAt(0)] = digit
