/** The settings of a command line, wherever they come from. */
import type { Command } from 'commander'
import { readConfig } from './config-file.ts'
import { resolveSettings, type Flags, type Settings } from './settings.ts'

/** Options that every verb has. */
interface ConfigOptions {
  readonly store?: string | undefined
  readonly namespace?: string | undefined
  /** `false`: --no-config */
  readonly config?: string | false | undefined
}

/**
 * @param flags what the verb's own options say
 * @throws CliError for a configuration or a variable that cannot be right
 */
export async function settingsOf(
  command: Command,
  flags: Pick<Flags, 'files' | 'worker' | 'server'> = {},
): Promise<Settings> {
  const { config, store, namespace } = command.optsWithGlobals<ConfigOptions>()
  const file = config === false ? null : await readConfig(config ?? named(process.env['MILLRACE_CONFIG']))
  return resolveSettings({ flags: { ...flags, store, namespace }, environment: process.env, file })
}

function named(text: string | undefined): string | undefined {
  return text === '' ? undefined : text
}
