/** `ctx.log`: writes to the worker's logger, and keeps the newest lines with the task. */
import { keptText } from '../task/kept-text.ts'
import type { Logger, LogLevel } from '../task/logger.ts'
import type { ContextServices } from './context.ts'
import type { Run } from './run.ts'

const MESSAGE_MAX = 1_000
const DATA_MAX = 1_000

export function runLogger(run: Run, services: ContextServices): Logger {
  const { connection } = services
  const write =
    (level: LogLevel) =>
    (first: object | string, second?: string): void => {
      const { data, message } = partsOf(first, second)
      connection.logger[level]({ task: run.claim.id, type: run.claim.type, ...data }, message)
      run.log({
        at: connection.platform.wallMs(),
        level,
        message: keptText(message, MESSAGE_MAX),
        data: data === undefined ? null : keptText(asJson(data), DATA_MAX),
      })
      services.settleSoon(run, 'later')
    }
  return { debug: write('debug'), info: write('info'), warn: write('warn'), error: write('error') }
}

/** An error alone is its own message, as with pino. */
function partsOf(
  first: object | string,
  second?: string,
): { readonly data: object | undefined; readonly message: string } {
  if (typeof first === 'string') return { data: undefined, message: first }
  if (first instanceof Error) return { data: { err: first }, message: String(second ?? first.message) }
  return { data: first, message: String(second ?? '') }
}

function asJson(data: object): string {
  try {
    const shown = (_: string, value: unknown): unknown =>
      value instanceof Error ? { name: value.name, message: value.message } : value
    return JSON.stringify(data, shown) ?? 'null'
  } catch (error) {
    return String(error) // a log line is no reason to fail a handler
  }
}
