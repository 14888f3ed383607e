/** What the settings say to a worker. */
import type { Handler, Logger, WorkerOptions } from '@millrace/core'
import type { WorkerConfig } from '../../config.ts'
import { CliError } from '../failure.ts'
import type { Output } from '../output.ts'
import { workerLogger } from '../worker-log.ts'
import type { Settings } from './settings.ts'

/** @throws CliError if nobody has named any */
export function modulesOf({ handlers, file }: Settings): readonly string[] {
  if (handlers.value.length > 0) return handlers.value
  throw new CliError(
    'usage',
    'No module with handlers is named.',
    `Name one, as in src/handlers.ts, or put handlers: ['./src/handlers.ts'] into ${file ?? 'millrace.config.ts'}.`,
  )
}

/** @param modules those that export the handlers */
export function optionsOf(
  { worker }: Settings,
  handlers: readonly Handler[],
  modules: readonly string[],
): WorkerOptions {
  const values = Object.entries(worker).map(([name, setting]) => [name, setting.value] as const)
  const { isolates, ...options } = Object.fromEntries(values) as WorkerConfig
  return { ...options, handlers, isolates: { ...isolates, module: modules } }
}

/** With --json it is lines of JSON; else the project's own, if it has one. */
export function loggerOf({ logger }: Settings, output: Output): Logger {
  return output.json ? workerLogger(output) : (logger.value ?? workerLogger(output))
}
