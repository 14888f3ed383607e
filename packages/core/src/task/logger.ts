import { InvalidArgumentError } from './errors.ts'
import { shown } from './shown.ts'

/** Where Millrace writes its log: pino's argument order, errors under `err`; `console` fits too. */
export interface Logger {
  debug(data: object, message?: string): void
  debug(message: string): void
  info(data: object, message?: string): void
  info(message: string): void
  warn(data: object, message?: string): void
  warn(message: string): void
  error(data: object, message?: string): void
  error(message: string): void
}

/** How grave a line of the log is, by the name of the logger's method. */
export type LogLevel = keyof Logger

const LEVELS: readonly LogLevel[] = ['debug', 'info', 'warn', 'error']

/** @throws InvalidArgumentError if it cannot take what is to be logged */
export function checkedLogger(logger: Logger): Logger {
  const given: unknown = logger
  const missing =
    typeof given === 'object' && given !== null
      ? LEVELS.filter((level) => typeof (given as Partial<Logger>)[level] !== 'function')
      : LEVELS
  if (missing.length === 0) return logger
  const what = missing.length === LEVELS.length ? shown(given) : `without ${missing.join(', ')}`
  throw new InvalidArgumentError(`The logger is ${what}.`, {
    hint: 'It has debug, info, warn and error, each taking (data, message) as those of pino do; console fits.',
  })
}
