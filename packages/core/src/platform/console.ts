import type { Logger } from '../task/logger.ts'

const silent = (): void => undefined

/** The default logger: warnings and errors, to stderr. */
export const stderrLogger: Logger = {
  debug: silent,
  info: silent,
  warn: (first: object | string, second?: string) => write('warn', first, second),
  error: (first: object | string, second?: string) => write('error', first, second),
}

function write(level: string, first: object | string, second?: string): void {
  const message = typeof first === 'string' ? first : (second ?? '')
  const details = typeof first === 'string' ? '' : ` ${describe(first)}`
  process.stderr.write(`millrace ${level}: ${message}${details}\n`)
}

function describe(data: object): string {
  return Object.entries(data)
    .map(
      ([key, value]) =>
        `${key === 'err' ? 'error' : key}=${value instanceof Error ? value.message : String(value)}`,
    )
    .join(' ')
}
