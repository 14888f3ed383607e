/** `ctx.log`: writes to the worker's logger, and keeps the newest lines with the task. */
import type { Logger, LogLevel } from '../task/logger.ts'
import type { ContextServices } from './context.ts'
import type { Run } from './run.ts'

const MESSAGE_MAX = 1_000
const DATA_MAX = 1_000

export function runLogger(run: Run, { connection, settleSoon }: ContextServices): Logger {
  const write =
    (level: LogLevel) =>
    (first: object | string, second?: string): void => {
      const data = typeof first === 'string' ? undefined : first
      const message = typeof first === 'string' ? first : (second ?? '')
      connection.logger[level]({ task: run.claim.id, type: run.claim.type, ...data }, message)
      run.log({
        at: connection.platform.wallMs(),
        level,
        message: kept(message, MESSAGE_MAX),
        data: data === undefined ? null : kept(asJson(data), DATA_MAX),
      })
      settleSoon(run, 'later')
    }
  return { debug: write('debug'), info: write('info'), warn: write('warn'), error: write('error') }
}

function kept(text: string, lengthMax: number): string {
  return text.slice(0, lengthMax).toWellFormed().replaceAll('\0', '\ufffd')
}

function asJson(data: object): string {
  try {
    return JSON.stringify(data)
  } catch (error) {
    return String(error) // a log line is no reason to fail a handler
  }
}
