/** The keys that count at this moment, wherever they are kept. */
import { timingSafeEqual } from 'node:crypto'
import { InvalidArgumentError, type Logger, type Platform } from '@millrace/core'
import { grantsOf } from '../grants.ts'
import { isLive, isPast } from './changes.ts'
import { readKeys, stampOf } from './file.ts'
import { checkedRecords, type KeyRecord } from './records.ts'
import { hashOf, keyIdOf } from './token.ts'
import type { Grant, Identity } from '../caller.ts'

/** Where keys are: the path of a file that `millrace keys` writes, a list, or what answers one. */
export type KeySource =
  | string
  | readonly KeyRecord[]
  | (() => readonly KeyRecord[] | Promise<readonly KeyRecord[]>)

interface KeyBookOptions {
  readonly logger: Logger
  readonly platform: Platform
}

/** How often it is looked whether a file is another one by now: with what is remembered, a key is gone after 3 s at the most. */
export const LOOK_MS = 1_000
/** For a comparison that takes its time where there is no such key. */
const NOTHING = Buffer.alloc(32)

interface Entry {
  readonly record: KeyRecord
  readonly grants: readonly Grant[]
}

export class KeyBook {
  readonly #source: KeySource
  readonly #options: KeyBookOptions
  #entries: ReadonlyMap<string, Entry> = new Map()
  #stamp = ''
  #problem: string | null = null
  #timer: { cancel(): void } | undefined
  #closed = false

  private constructor(source: KeySource, options: KeyBookOptions) {
    this.#source = source
    this.#options = options
  }

  /** @throws InvalidArgumentError if there is nothing to begin with */
  static async open(source: KeySource, options: KeyBookOptions): Promise<KeyBook> {
    const book = new KeyBook(source, options)
    try {
      await book.#read()
    } catch (error) {
      throw atTheStart(error, source)
    }
    if (!Array.isArray(source)) book.#lookLater()
    return book
  }

  /** What is the matter with where the keys are kept, for readiness; `null`: nothing. Meanwhile those read last count. */
  get problem(): string | null {
    return this.#problem
  }

  /** Whose key it is; `null`: nobody's who may come in. It takes as long either way. */
  find(token: string): Identity | null {
    const id = keyIdOf(token)
    if (id === undefined) return null
    const entry = this.#entries.get(id)
    const hash = Buffer.from(hashOf(token), 'hex')
    const now = new Date(this.#options.platform.wallMs())
    let fits = 0
    for (const secret of entry?.record.secrets ?? []) {
      const same = timingSafeEqual(hash, Buffer.from(secret.hash, 'hex'))
      if (same && !isPast(secret.expiresAt, now)) fits += 1
    }
    if (entry === undefined) timingSafeEqual(hash, NOTHING)
    if (entry === undefined || fits === 0 || !isLive(entry.record, now)) return null
    return { name: `key:${entry.record.name}`, grants: entry.grants }
  }

  /** Looks now, without waiting for its time. What is wrong is logged once, and told by `problem`. */
  async look(): Promise<void> {
    try {
      await this.#read()
      if (this.#problem !== null) this.#options.logger.info('The keys can be read again.')
      this.#problem = null
    } catch (error) {
      const problem = error instanceof Error ? error.message : String(error)
      if (problem !== this.#problem)
        this.#options.logger.error({ err: error }, 'The keys cannot be read: those read last still count.')
      this.#problem = problem
    }
  }

  close(): void {
    this.#closed = true
    this.#timer?.cancel()
  }

  #lookLater(): void {
    if (this.#closed) return
    const look = async (): Promise<void> => {
      await this.look()
      this.#lookLater()
    }
    this.#timer = this.#options.platform.setTimer(LOOK_MS, () => void look(), 'idle')
  }

  async #read(): Promise<void> {
    const source = this.#source
    if (typeof source !== 'string') {
      const records = typeof source === 'function' ? await source() : source
      return this.#take(checkedRecords(records, 'The list of keys'))
    }
    // told before it is read: what changes in between is read once more
    const stamp = await stampOf(source)
    if (stamp === this.#stamp && this.#problem === null) return
    this.#take(await readKeys(source))
    this.#stamp = stamp
  }

  #take(records: readonly KeyRecord[]): void {
    this.#entries = new Map(
      records.map((record) => [
        record.id,
        { record, grants: grantsOf(record.grants, `the key ${record.name}`) },
      ]),
    )
  }
}

/** Later the keys that were read last count; at the start there are none. */
function atTheStart(cause: unknown, source: KeySource): unknown {
  const { code } = cause as NodeJS.ErrnoException
  if (typeof source !== 'string' || code === 'invalid-argument') return cause
  return new InvalidArgumentError(`The file of keys ${source} cannot be read (${code ?? 'unknown'}).`, {
    hint: 'Make it with its first key: millrace keys create',
    cause,
  })
}
