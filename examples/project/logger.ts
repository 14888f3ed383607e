// A logger of the project's own: any with these four, as console and the loggers of pino have them.
import type { Logger } from 'millrace'

const line =
  (level: string) =>
  (first: object | string, message?: string): void =>
    console.log(
      `[${level}] ${typeof first === 'string' ? first : `${message ?? ''} ${JSON.stringify(first)}`}`,
    )

export const logger: Logger = {
  debug: () => undefined,
  info: line('info'),
  warn: line('warn'),
  error: line('error'),
}
