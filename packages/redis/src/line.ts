/** What the store needs of a connection: commands in their order, and an ear for hints. */
import { StoreError } from '@millrace/core/store'
import { replyWord } from './errors.ts'
import type { Script } from './lua/scripts.ts'

export type Reply = number | string | Buffer | null | readonly Reply[]

export interface Line {
  /** The scripts that the connection has brought to the server. */
  readonly told: Set<string>
  /** @throws StoreError if Redis does not answer now */
  open(): Promise<void>
  close(): void
  /**
   * Ends within the bound of the store.
   *
   * @throws StoreError
   */
  command(args: readonly (string | Buffer)[]): Promise<Reply>
}

/** Who hears what scripts publish. */
export interface Ear {
  heard(word: string): void
  /** Listening began, or began anew: whatever was published before was not heard. */
  began(): void
}

/** Listens on a channel as soon as that is possible, through all that befalls a connection; answers how to end it. */
export type Listen = (channel: string, ear: Ear) => () => void

/**
 * Calls a script, and tells Redis what it is if it has forgotten. It is called with two keys of the home, of which the
 * first is never there: while a cluster moves their slot from node to node it refuses to run what needs a key that is
 * missing, so that no script ever meets half of its home.
 *
 * @param prefix of all keys of the home
 */
export async function run(
  line: Line,
  script: Script,
  [prefix, ...args]: readonly [prefix: string, ...args: readonly (string | Buffer)[]],
): Promise<Reply> {
  const given = ['2', prefix, `${prefix}m`, ...args]
  const { told } = line
  if (!told.has(script.sha)) {
    // a server that has to ask for the source would answer the calls behind it first
    told.add(script.sha)
    return line.command(['EVAL', script.source, ...given])
  }
  try {
    return await line.command(['EVALSHA', script.sha, ...given])
  } catch (error) {
    if (!(error instanceof StoreError) || replyWord(error.cause) !== 'NOSCRIPT') throw error
    return line.command(['EVAL', script.source, ...given])
  }
}
