/** Cuts what comes on a connection of Postgres into messages. */

export interface Message {
  /** One letter; '' of what a client says first. */
  readonly type: string
  /** As it came, whole. */
  readonly bytes: Buffer
}

export class Messages {
  #rest: Buffer = Buffer.alloc(0)
  /** What a client says first has a length, and no type. */
  kind: 'startup' | 'typed'

  constructor(kind: 'startup' | 'typed') {
    this.kind = kind
  }

  /** Whole messages; what is left of it comes with the next data. */
  *read(data: Buffer): Generator<Message> {
    this.#rest = Buffer.concat([this.#rest, data])
    for (;;) {
      const before = this.kind === 'typed' ? 1 : 0
      if (this.#rest.length < before + 4) return
      const end = before + this.#rest.readInt32BE(before)
      if (this.#rest.length < end) return
      const bytes = this.#rest.subarray(0, end)
      this.#rest = this.#rest.subarray(end)
      yield { type: before === 0 ? '' : String.fromCharCode(bytes[0]!), bytes }
    }
  }
}
