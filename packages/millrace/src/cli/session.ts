/** What every verb works with: a client of the store that the options name, and somewhere to write to. */
import type { Mill, MillOptions } from '@millrace/core'
import type { Command } from 'commander'
import { connect } from '../connect.ts'
import { shownUrl } from '../store-url.ts'
import { settingsOf } from './configuration/in-force.ts'
import { sourceAhead } from './dev/store-ahead.ts'
import type { Settings } from './configuration/settings.ts'
import { Output } from './output.ts'

export interface GlobalOptions {
  readonly json?: boolean | undefined
}

export interface Session {
  readonly mill: Mill
  readonly output: Output
  /** What is in force; the URL of the store may hold a password. */
  readonly settings: Settings
  /** The store, to be shown. */
  readonly place: string
}

interface SessionOptions extends Pick<MillOptions, 'logger'> {
  /** Whether the plugins of the configuration take part, as where something is enqueued or run. Default false. */
  readonly withPlugins?: boolean | undefined
  /** How far the store's time is to be ahead. Default 0. */
  readonly aheadMs?: number | undefined
}

/** Runs a verb between opening the store and closing it. */
export async function withStore(
  command: Command,
  run: (session: Session) => Promise<void>,
  { aheadMs = 0, withPlugins = false, logger }: SessionOptions = {},
): Promise<void> {
  const settings = await settingsOf(command)
  const { store, namespace } = settings
  const source = aheadMs === 0 ? store.value : sourceAhead(store.value, aheadMs)
  const mill = await connect(source, {
    logger,
    namespace: namespace.value,
    plugins: withPlugins ? settings.plugins.value : undefined,
  })
  try {
    await run({ mill, settings, place: shownUrl(store.value), output: outputOf(command) })
  } catch (error) {
    await mill.close().catch(() => undefined) // what went wrong first is what is told
    throw error
  }
  await mill.close()
}

export function outputOf(command: Command): Output {
  return new Output({ json: command.optsWithGlobals<GlobalOptions>().json ?? false })
}
