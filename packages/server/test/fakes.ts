/** What tests of the server share: a clock that they move, a log that they read, a folder that goes with them. */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { systemPlatform, type Logger, type LogLevel, type Platform } from '@millrace/core'

export class ManualPlatform implements Platform {
  readonly threads = 'none'
  #nowMs = Date.parse('2026-11-23T00:00:00Z')
  #timers: { readonly atMs: number; readonly run: () => void }[] = []

  wallMs(): number {
    return this.#nowMs
  }

  monotonicMs(): number {
    return this.#nowMs
  }

  random32(): number {
    return systemPlatform.random32()
  }

  soon(run: () => void): void {
    systemPlatform.soon(run)
  }

  setTimer(delayMs: number, run: () => void): { cancel(): void } {
    const timer = { atMs: this.#nowMs + delayMs, run }
    this.#timers.push(timer)
    return { cancel: () => (this.#timers = this.#timers.filter((one) => one !== timer)) }
  }

  advance(ms: number): void {
    this.#nowMs += ms
    const due = this.#timers.filter(({ atMs }) => atMs <= this.#nowMs)
    this.#timers = this.#timers.filter((timer) => !due.includes(timer))
    for (const { run } of due) run()
  }
}

export interface LogLine {
  readonly level: LogLevel
  readonly message: string
  readonly data: object
}

export class TestLog implements Logger {
  readonly lines: LogLine[] = []
  #heard: (() => void)[] = []

  readonly debug: Logger['debug'] = (...given: readonly unknown[]) => this.#add('debug', given)
  readonly info: Logger['info'] = (...given: readonly unknown[]) => this.#add('info', given)
  readonly warn: Logger['warn'] = (...given: readonly unknown[]) => this.#add('warn', given)
  readonly error: Logger['error'] = (...given: readonly unknown[]) => this.#add('error', given)

  /** Resolves once so many lines match. */
  async saw(pattern: RegExp, times = 1): Promise<void> {
    while (this.lines.filter(({ message }) => pattern.test(message)).length < times)
      await new Promise<void>((resolve) => this.#heard.push(resolve))
  }

  messages(...levels: readonly LogLevel[]): readonly string[] {
    return this.lines.filter(({ level }) => levels.includes(level)).map(({ message }) => message)
  }

  #add(level: LogLevel, [first, second]: readonly unknown[]): void {
    const data = typeof first === 'object' && first !== null ? first : {}
    this.lines.push({ level, data, message: String(typeof first === 'string' ? first : second) })
    for (const heard of this.#heard.splice(0)) heard()
  }
}

export class TestFolder implements Disposable {
  readonly path: string = mkdtempSync(join(tmpdir(), 'millrace-server-'))

  file(name: string): string {
    return join(this.path, name)
  }

  [Symbol.dispose](): void {
    rmSync(this.path, { recursive: true, force: true })
  }
}
