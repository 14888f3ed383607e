/** Whether somebody wants to quit: by a key, or by a signal. */

const SIGNALS = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const
// q, Q, Ctrl-C, Ctrl-D, Escape alone
const KEYS: ReadonlySet<string> = new Set(['q', 'Q', '\u0003', '\u0004', '\u001b'])

export class Quitting implements Disposable {
  readonly #controller = new AbortController()
  readonly #quit = (): void => this.#controller.abort()
  readonly #onKey = (keys: Buffer): void => {
    const text = keys.toString('utf8')
    if (KEYS.has(text) || text.includes('q')) this.#quit()
  }

  constructor() {
    for (const signal of SIGNALS) process.on(signal, this.#quit)
    if (!process.stdin.isTTY) return
    process.stdin.setRawMode(true).on('data', this.#onKey)
  }

  get signal(): AbortSignal {
    return this.#controller.signal
  }

  [Symbol.dispose](): void {
    for (const signal of SIGNALS) process.off(signal, this.#quit)
    if (!process.stdin.isTTY) return
    process.stdin.off('data', this.#onKey).setRawMode(false).pause()
  }
}
