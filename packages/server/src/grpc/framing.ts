/** Where messages begin and end in what comes on a call: before each stand a flag and its length. */

/** The flag is the first byte, and four are the length. */
const PREFIX_BYTES = 5

export class Framing {
  /** Bytes of a prefix that are there. */
  #prefixed = 0
  #length = 0
  /** What is still to come of the message. */
  #left = 0

  /** The length of the message that goes on after these bytes; 0: there is none. */
  take(bytes: Buffer): number {
    for (let at = 0; at < bytes.length;) {
      if (this.#left > 0) {
        const taken = Math.min(this.#left, bytes.length - at)
        this.#left -= taken
        at += taken
      } else {
        this.#prefix(bytes[at]!)
        at += 1
      }
    }
    return this.#left > 0 ? this.#length : 0
  }

  #prefix(byte: number): void {
    this.#length = this.#prefixed === 0 ? 0 : this.#length * 256 + byte
    this.#prefixed = (this.#prefixed + 1) % PREFIX_BYTES
    if (this.#prefixed === 0) this.#left = this.#length
  }
}
