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
  return loggerTo((level, message, data) => {
    if (output.json)
      output.value({ at: new Date().toISOString(), level, message, ...Object.fromEntries(plain(data)) })
    else if (level !== 'debug') output.line(lineOf(level, message, data))
  })
}

/** All of it on stderr, where stdout has the answer. */
export function noteLogger(output: Output): Logger {
  return loggerTo((level, message, data) => output.note(lineOf(level, message, data)))
}

/** What a handler logs by itself, as lines of JSON among others. */
export function valueLogger(output: Output): Logger {
  return loggerTo((level, message, data) =>
    output.value({ kind: 'log', level, message, ...Object.fromEntries(plain(data)) }),
  )
}

function loggerTo(write: (level: LogLevel, message: string, data: object) => void): Logger {
  const at =
    (level: LogLevel) =>
    (first: object | string, second?: string): void => {
      if (typeof first === 'string') write(level, first, {})
      else write(level, second ?? (first instanceof Error ? first.message : ''), first)
    }
  return { debug: at('debug'), info: at('info'), warn: at('warn'), error: at('error') }
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
    name === 'err' ? 'error' : name,
    value instanceof Error ? messageOf(value) : readable(value),
  ])
}

/** What a handler logs may be anything, such as what goes in a circle: a log line is no reason to fail it. */
function readable(value: unknown): unknown {
  if (typeof value !== 'object' || value === null) return value
  try {
    asJson(value)
    return value
  } catch (error) {
    return String(error).split('\n')[0]
  }
}
