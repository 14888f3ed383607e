/** What `millrace worker` says while it works: a line per event. */
import type { Logger, LogLevel } from '@millrace/core'
import { messageOf } from './failure.ts'
import { asJson, paint, printable, type Output, type Style } from './output.ts'

const STYLES: Readonly<Record<LogLevel, Style>> = {
  debug: 'dim',
  info: 'green',
  warn: 'yellow',
  error: 'red',
}

/** Starts are left out for people: what ends has begun. */
export function workerLogger(output: Output): Logger {
  const write =
    (level: LogLevel) =>
    (first: object | string, second?: string): void => {
      const message = typeof first === 'string' ? first : (second ?? '')
      const data = typeof first === 'string' ? {} : first
      if (output.json)
        output.value({ at: new Date().toISOString(), level, message, ...Object.fromEntries(plain(data)) })
      else if (level !== 'debug') output.line(lineOf(level, message, data))
    }
  return { debug: write('debug'), info: write('info'), warn: write('warn'), error: write('error') }
}

function lineOf(level: LogLevel, message: string, data: object): string {
  const time = new Date().toISOString().slice(11, 23)
  const details = plain(data).map(
    ([name, value]) => `${name}=${typeof value === 'string' ? value : asJson(value)}`,
  )
  return `${paint('dim', time)} ${paint(STYLES[level], printable(message))} ${printable(details.join(' '))}`
}

function plain(data: object): readonly (readonly [string, unknown])[] {
  return Object.entries(data).map(([name, value]) => [
    name,
    value instanceof Error ? messageOf(value) : (value as unknown),
  ])
}
