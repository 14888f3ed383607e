/** One home, as this client works with it: its keys, its connection, and the names that it has learnt. */
import { randomBytes } from 'node:crypto'
import { Door, STARTS_MAX } from './door.ts'
import { Names } from './names.ts'
import { openHome } from './lua/scripts.ts'
import { namesChange } from './errors.ts'
import type { Line, Reply } from './line.ts'
import type { Script } from './lua/scripts.ts'
import type { Packer } from './packer.ts'

export interface HomeOptions {
  readonly line: Line
  readonly place: string
  readonly namespace: string
  readonly migrate: boolean
}

export class Home extends Door {
  readonly names: Names = new Names()
  readonly #place: string
  /** Ends when all calls that wait for names have been sent. */
  #turn: Promise<void> | undefined

  constructor(options: HomeOptions) {
    super({ ...options, openHome, newId: options.migrate ? () => randomBytes(8) : null })
    this.#place = options.place
  }

  get channel(): string {
    return `${this.prefix}!`
  }

  protected override entered(): void {
    this.names.forget()
  }

  /**
   * Calls a script, in the order of calls: one that has to learn names first holds back those behind it.
   *
   * @param pack answers the request; `undefined` if it needs names that are not known yet, and were noted
   */
  async call(script: Script, pack: () => Buffer | undefined): Promise<Reply> {
    const packed = this.#turn === undefined ? this.packed(pack) : undefined
    return packed === undefined ? this.#callInTurn(script, pack) : this.run(script, packed)
  }

  /** Calls a script that answers `lanes` when somebody forgot lanes that this client knows. */
  async callWithLanes(script: Script, pack: () => Buffer | undefined): Promise<readonly Reply[]> {
    for (let starts = 0; starts < STARTS_MAX; starts++) {
      const reply = await this.call(script, pack)
      if (Array.isArray(reply)) return reply as readonly Reply[]
      this.names.lanes.forget()
    }
    throw namesChange(this.#place)
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
      const packed = this.packed(pack)
      if (packed !== undefined) return { reply: this.run(script, packed) }
      await this.names.learn(this)
    }
    throw namesChange(this.#place)
  }

  /** Calls a script that needs no names. */
  override async ask(script: Script, pack: (packer: Packer) => void): Promise<Reply> {
    return this.again(() =>
      this.call(script, () => {
        pack(this.packer)
        return this.packer.done()
      }),
    )
  }
}

function turnOver(): void {}
