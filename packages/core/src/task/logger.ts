/** Where Millrace writes its log: pino's argument order; `console` fits too. */
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

export type LogLevel = keyof Logger
