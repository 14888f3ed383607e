/**
 * The door to what runs on this thread: how long pieces of work had it without a break. It costs something for every
 * promise and callback, so it is switched on only where somebody has to be found.
 */
import { createHook, type AsyncHook } from 'node:async_hooks'
import { scoped } from './scoped.ts'

export class Stretches<T> {
  readonly #longMs: number
  readonly #heard: (work: T, ms: number) => void
  readonly #storage = scoped<T>()
  #hook: AsyncHook | undefined
  #sinceMs = 0

  /** @param heard of each stretch of at least `longMs`, right behind it */
  constructor(longMs: number, heard: (work: T, ms: number) => void) {
    this.#longMs = longMs
    this.#heard = heard
  }

  get isOn(): boolean {
    return this.#hook !== undefined
  }

  switchOn(): void {
    this.#hook ??= createHook({
      before: () => {
        this.#sinceMs = performance.now()
      },
      after: () => this.#end(this.#storage.current, this.#sinceMs),
    }).enable()
  }

  switchOff(): void {
    this.#hook?.disable()
    this.#hook = undefined
  }

  /** Calls it: its own stretch, and whatever it sets in motion, is that piece of work's. */
  run<R>(work: T, call: () => R): R {
    const sinceMs = performance.now()
    try {
      return this.#storage.run(work, call)
    } finally {
      this.#end(work, sinceMs)
    }
  }

  #end(work: T | undefined, sinceMs: number): void {
    const ms = performance.now() - sinceMs
    if (work !== undefined && ms >= this.#longMs) this.#heard(work, ms)
  }
}
