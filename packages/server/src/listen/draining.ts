/** How far the server is on its way out. */

export class Draining {
  readonly #leaving = new AbortController()
  readonly #ending = new AbortController()

  /** Aborted first: the server is not ready any more, and answers all the same. */
  get leaving(): AbortSignal {
    return this.#leaving.signal
  }

  /** Aborted when it takes no more connections: streams end, whoever waits is told to come back. */
  get ending(): AbortSignal {
    return this.#ending.signal
  }

  leave(): void {
    this.#leaving.abort()
  }

  end(): void {
    this.leave()
    this.#ending.abort()
  }
}
