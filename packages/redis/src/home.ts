/** One home, as this client works with it: its keys, its connection, and the names that it has learnt. */
import { Names } from './names.ts'
import { Packer } from './packer.ts'
import { openHome } from './lua/scripts.ts'
import { namesChange, refused, replyWord } from './errors.ts'
import { run, type Line, type Reply } from './line.ts'
import type { Script } from './lua/scripts.ts'
import { StoreError } from '@millrace/core'
import { randomBytes } from 'node:crypto'

/** The layout that this code works with. */
const SCHEMA_VERSION = 1

/** How often a call starts over because the home was made anew, or has names that the client does not know. */
const STARTS_MAX = 5

export interface HomeOptions {
  readonly line: Line
  readonly place: string
  readonly namespace: string
  readonly migrate: boolean
}

export class Home {
  readonly names: Names = new Names()
  readonly packer: Packer = new Packer()
  readonly prefix: string
  readonly #options: HomeOptions
  #id: Buffer = Buffer.alloc(0)
  /** Ends when all calls that wait for names have been sent. */
  #turn: Promise<void> | undefined

  constructor(options: HomeOptions) {
    this.#options = options
    this.prefix = prefixOf(options.namespace)
  }

  get channel(): string {
    return `${this.prefix}!`
  }

  /** @throws StoreError */
  async open(): Promise<void> {
    const { line, place, namespace, migrate } = this.#options
    const made = randomBytes(8)
    const reply = await run(line, openHome, [this.prefix, made, String(SCHEMA_VERSION), migrate ? '1' : '0'])
    const [what, which] = reply as readonly Buffer[]
    const shown = `The store ${JSON.stringify(namespace)} at ${place}`
    switch (String(what)) {
      case 'open':
        this.#id = which!
        this.names.forget()
        return
      case 'missing':
        throw refused('store-schema', `${shown} is not there yet.`, {
          hint: 'Open it once with leave to migrate.',
        })
      case 'foreign':
        throw refused('store-schema', `${shown} has keys that are not of Millrace.`, {
          hint: 'Choose another namespace, or another database of this Redis.',
        })
      default:
        throw refused(
          'store-schema',
          `${shown} has schema ${String(which)}, and this code knows ${SCHEMA_VERSION}.`,
          { hint: 'Use the version of Millrace that wrote it, or a newer one.' },
        )
    }
  }

  /**
   * Calls a script, in the order of calls: one that has to learn names first holds back those behind it.
   *
   * @param pack answers the request; `undefined` if it needs names that are not known yet, and were noted
   */
  async call(script: Script, pack: () => Buffer | undefined): Promise<Reply> {
    const packed = this.#turn === undefined ? this.#packed(pack) : undefined
    return packed === undefined ? this.#callInTurn(script, pack) : this.run(script, packed)
  }

  /** Calls a script that answers `lanes` when somebody forgot lanes that this client knows. */
  async callWithLanes(script: Script, pack: () => Buffer | undefined): Promise<readonly Reply[]> {
    for (let starts = 0; starts < STARTS_MAX; starts++) {
      const reply = await this.call(script, pack)
      if (Array.isArray(reply)) return reply as readonly Reply[]
      this.names.lanes.forget()
    }
    throw namesChange(this.#options.place)
  }

  async #callInTurn(script: Script, pack: () => Buffer | undefined): Promise<Reply> {
    const before = this.#turn ?? Promise.resolve()
    const sent = before.then(() => this.#learnAndSend(script, pack))
    // whether it could be sent is told to its caller alone; those behind it only wait for their turn
    const turn = sent.then(turnOver, turnOver)
    this.#turn = turn
    void turn.then(() => {
      if (this.#turn === turn) this.#turn = undefined
    })
    const { reply } = await sent
    return reply
  }

  /** The reply in an object, so that nobody waits for it who only waits until it was asked for. */
  async #learnAndSend(script: Script, pack: () => Buffer | undefined): Promise<{ reply: Promise<Reply> }> {
    for (let starts = 0; starts < STARTS_MAX; starts++) {
      const packed = this.#packed(pack)
      if (packed !== undefined) return { reply: this.run(script, packed) }
      await this.names.learn(this)
    }
    throw namesChange(this.#options.place)
  }

  /** What was begun of a request that cannot be written must not stand before the next one. */
  #packed(pack: () => Buffer | undefined): Buffer | undefined {
    try {
      return pack()
    } catch (error) {
      this.packer.reset()
      throw error
    }
  }

  /** Calls a script at once. */
  run(script: Script, request: Buffer): Promise<Reply> {
    return run(this.#options.line, script, [this.prefix, this.#id, request])
  }

  /** Calls a script that needs no names. */
  async ask(script: Script, pack: (packer: Packer) => void): Promise<Reply> {
    return this.again(() =>
      this.call(script, () => {
        pack(this.packer)
        return this.packer.done()
      }),
    )
  }

  /** Does something, and once more if the home turns out to be another than the one that was opened. */
  async again<T>(act: () => Promise<T>): Promise<T> {
    for (let starts = 1; ; starts++) {
      try {
        return await act()
      } catch (error) {
        const isOther = error instanceof StoreError && replyWord(error.cause) === 'OTHERHOME'
        if (!isOther || starts === STARTS_MAX) throw error
        await this.open()
      }
    }
  }
}

function turnOver(): void {}

/** All keys of a home are in one slot of a cluster. */
export function prefixOf(namespace: string): string {
  return `{mr:${namespace}}`
}
