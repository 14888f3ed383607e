/** What every verb works with: a client of the store that the options name, and somewhere to write to. */
import type { Mill, MillOptions } from '@millrace/core'
import type { Command } from 'commander'
import { connect } from '../connect.ts'
import { shownUrl, storeUrl } from '../store-url.ts'
import { Output } from './output.ts'

export interface GlobalOptions {
  readonly store?: string | undefined
  readonly json?: boolean | undefined
}

export interface Session {
  readonly mill: Mill
  readonly output: Output
  /** The URL of the store, which may hold a password. */
  readonly store: string
  /** The same, to be shown. */
  readonly place: string
}

/** Runs a verb between opening the store and closing it. */
export async function withStore(
  command: Command,
  run: (session: Session) => Promise<void>,
  millOptions: MillOptions = {},
): Promise<void> {
  const options = command.optsWithGlobals<GlobalOptions>()
  const store = storeUrl(options.store)
  const mill = await connect(store, millOptions)
  try {
    await run({ mill, store, place: shownUrl(store), output: outputOf(command) })
  } catch (error) {
    await mill.close().catch(() => undefined) // what went wrong first is what is told
    throw error
  }
  await mill.close()
}

export function outputOf(command: Command): Output {
  return new Output({ json: command.optsWithGlobals<GlobalOptions>().json ?? false })
}
