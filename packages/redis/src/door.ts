/**
 * The way into one home: its keys, its connection, and the id by which scripts tell that it is still the same one. It
 * knows no names and no scripts, so that a thread that only renews leases loads neither.
 */
import { StoreError } from '@millrace/core/store'
import { refused, replyWord } from './errors.ts'
import { run, type Line, type Reply } from './line.ts'
import { Packer } from './packer.ts'
import type { Script } from './lua/scripts.ts'

/** The layout that this code works with. */
const SCHEMA_VERSION = 1

/** How often a call starts over because the home was made anew, or has names that the client does not know. */
export const STARTS_MAX = 5

export interface DoorOptions {
  readonly line: Line
  readonly place: string
  readonly namespace: string
  readonly openHome: Script
  /** An id for a home that is not there yet; `null`: it is not to be made. */
  readonly newId: (() => Buffer) | null
}

export class Door {
  readonly packer: Packer = new Packer()
  readonly prefix: string
  readonly #options: DoorOptions
  #id: Buffer = Buffer.alloc(0)

  constructor(options: DoorOptions) {
    this.#options = options
    this.prefix = prefixOf(options.namespace)
  }

  /** @throws StoreError */
  async open(): Promise<void> {
    const { line, place, namespace, openHome, newId } = this.#options
    const made = newId === null ? '' : newId()
    const migrate = newId === null ? '0' : '1'
    const reply = await run(line, openHome, [this.prefix, made, String(SCHEMA_VERSION), migrate])
    const [what, which] = reply as readonly Buffer[]
    const shown = `The store ${JSON.stringify(namespace)} at ${place}`
    switch (String(what)) {
      case 'open':
        this.#id = which!
        return this.entered()
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

  /** The id is another one now: whatever was learnt of the last home is to be forgotten before anybody calls. */
  protected entered(): void {}

  /** Calls a script at once. */
  run(script: Script, request: Buffer): Promise<Reply> {
    return run(this.#options.line, script, [this.prefix, this.#id, request])
  }

  /** Calls a script that needs no names. */
  async ask(script: Script, pack: (packer: Packer) => void): Promise<Reply> {
    return this.again(() =>
      this.run(
        script,
        this.packed(() => this.#pack(pack)),
      ),
    )
  }

  /** What was begun of a request that cannot be written must not stand before the next one. */
  protected packed<T extends Buffer | undefined>(pack: () => T): T {
    try {
      return pack()
    } catch (error) {
      this.packer.reset()
      throw error
    }
  }

  #pack(pack: (packer: Packer) => void): Buffer {
    pack(this.packer)
    return this.packer.done()
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

/** All keys of a home are in one slot of a cluster. */
export function prefixOf(namespace: string): string {
  return `{mr:${namespace}}`
}
