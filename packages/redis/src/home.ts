/** One home, as this client works with it: its keys, its connection, and the names that it has learnt. */
import { Names } from './names.ts'
import { Packer } from './packer.ts'
import { openHome } from './lua/scripts.ts'
import { refused, replyWord } from './errors.ts'
import type { Link, Reply } from './link.ts'
import type { Script } from './lua/scripts.ts'
import { StoreError } from '@millrace/core'
import { randomBytes } from 'node:crypto'

/** The layout that this code works with. */
const SCHEMA_VERSION = 1

/** How often a call starts over because the home was made anew, or has names that the client does not know. */
const STARTS_MAX = 5

export interface HomeOptions {
  readonly link: Link
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

  constructor(options: HomeOptions) {
    this.#options = options
    this.prefix = prefixOf(options.namespace)
  }

  get channel(): string {
    return `${this.prefix}!`
  }

  /** @throws StoreError */
  async open(): Promise<void> {
    const { link, place, namespace, migrate } = this.#options
    const made = randomBytes(8)
    const reply = await link.run(openHome, this.prefix, made, String(SCHEMA_VERSION), migrate ? '1' : '0')
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

  /** Calls a script with what the packer holds. */
  run(script: Script, request: Buffer): Promise<Reply> {
    return this.#options.link.run(script, this.prefix, this.#id, request)
  }

  /** Calls a script that needs no names. */
  async ask(script: Script, pack: (packer: Packer) => void): Promise<Reply> {
    return this.again(() => {
      pack(this.packer)
      return this.run(script, this.packer.done())
    })
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
function prefixOf(namespace: string): string {
  return `{mr:${namespace}}`
}
