/** Whether the path still leads to the file that was opened. What is written to one that was removed is seen by nobody. */
import { statSync } from 'node:fs'
import { Refusal } from './failures.ts'

/** A look costs a call of the system, so it is not taken with each transaction. */
const LOOK_EVERY_MS = 1_000

export class Presence {
  readonly #path: string
  readonly #identity: string | undefined
  #lookedMs = performance.now()
  #refusal: Refusal | undefined

  /** @param path of a file that has just been opened */
  constructor(path: string) {
    this.#path = path
    this.#identity = identityOf(path)
  }

  /** @throws Refusal while the path leads to another file, or to none */
  check(): void {
    const nowMs = performance.now()
    if (nowMs - this.#lookedMs >= LOOK_EVERY_MS) {
      this.#lookedMs = nowMs
      this.#refusal = identityOf(this.#path) === this.#identity ? undefined : gone(this.#path)
    }
    if (this.#refusal !== undefined) throw this.#refusal
  }
}

/** The device and the file's number on it; `undefined` for none. */
function identityOf(path: string): string | undefined {
  const found = statSync(path, { bigint: true, throwIfNoEntry: false })
  return found === undefined ? undefined : `${found.dev}:${found.ino}`
}

function gone(path: string): Refusal {
  return new Refusal('store-unavailable', `The file ${path} was removed or replaced while it was in use.`, {
    hint: 'Put it back, or restart this process: it then works with the file that is there, or begins a new one.',
  })
}
