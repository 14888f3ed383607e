/** Cuts replies out of what a connection brings (RESP 2), in pieces that begin and end anywhere. */
import type { Reply } from './line.ts'

/** Redis answered that it refuses; it is known by its name. */
export class ErrorReply extends Error {}

type Value = Reply | ErrorReply

/** The rest is still on its way. */
const MISSING = Symbol('missing')

const LINE_END = Buffer.from('\r\n')

export class Replies {
  #bytes: Buffer = Buffer.alloc(0)
  #at = 0

  /**
   * The replies that are whole now.
   *
   * @throws Error if that is none: nothing that follows can be understood
   */
  take(chunk: Buffer): Value[] {
    this.#bytes = this.#bytes.length === 0 ? chunk : Buffer.concat([this.#bytes, chunk])
    this.#at = 0
    let used = 0
    const values: Value[] = []
    for (let value = this.#value(); value !== MISSING; value = this.#value()) {
      values.push(value)
      used = this.#at
    }
    this.#bytes = this.#bytes.subarray(used)
    return values
  }

  #value(): Value | typeof MISSING {
    const end = this.#bytes.indexOf(LINE_END, this.#at)
    if (end === -1) return MISSING
    const kind = String.fromCharCode(this.#bytes[this.#at]!)
    const text = this.#bytes.toString('utf8', this.#at + 1, end)
    this.#at = end + LINE_END.length
    switch (kind) {
      case '+':
        return text
      case '-':
        return new ErrorReply(text)
      case ':':
        return Number(text)
      case '$':
        return this.#blob(Number(text))
      case '*':
        return this.#list(Number(text))
      default:
        throw new Error('what came is no reply of Redis')
    }
  }

  #blob(length: number): Value | typeof MISSING {
    if (length < 0) return null
    const end = this.#at + length
    if (end + LINE_END.length > this.#bytes.length) return MISSING
    const blob = this.#bytes.subarray(this.#at, end)
    this.#at = end + LINE_END.length
    return blob
  }

  #list(length: number): Value | typeof MISSING {
    if (length < 0) return null
    const list: Reply[] = []
    for (let i = 0; i < length; i++) {
      const value = this.#value()
      if (value === MISSING) return MISSING
      if (value instanceof ErrorReply)
        throw new Error('there is an error inside of a reply', { cause: value })
      list.push(value)
    }
    return list
  }
}
