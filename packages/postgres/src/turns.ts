/** So many at a time; the others wait for their turn, for a while. */
import { StoreError } from '@millrace/core/store'

/** How long a turn is waited for. */
const PATIENCE_MS = 10_000

interface Waiting {
  readonly begin: () => void
  readonly timer: NodeJS.Timeout
}

export class Turns {
  readonly #max: number
  readonly #waiting: Waiting[] = []
  #taken = 0

  constructor(max: number) {
    this.#max = max
  }

  /** @throws StoreError if no turn came in time; what `work` throws is passed on */
  async take<T>(work: () => Promise<T>): Promise<T> {
    if (this.#max < 1) throw tooSmall()
    if (this.#taken < this.#max) this.#taken += 1
    else await this.#wait()
    try {
      return await work()
    } finally {
      this.#giveBack()
    }
  }

  /** Whoever has waited longest takes the place over. */
  #giveBack(): void {
    const next = this.#waiting.shift()
    if (next === undefined) this.#taken -= 1
    else next.begin()
  }

  #wait(): Promise<void> {
    return new Promise((resolve, reject) => {
      const waiting: Waiting = {
        begin: () => {
          clearTimeout(waiting.timer)
          resolve()
        },
        timer: setTimeout(() => {
          this.#waiting.splice(this.#waiting.indexOf(waiting), 1)
          reject(tooMany(this.#max))
        }, PATIENCE_MS),
      }
      this.#waiting.push(waiting)
    })
  }
}

function tooMany(max: number): StoreError {
  return new StoreError(
    'store-busy',
    `${max} transactions of handlers were under way for ${PATIENCE_MS} ms.`,
    {
      effect: 'none',
      hint: 'Give a pool with three connections more than handlers that run at once, or make the transactions shorter.',
    },
  )
}

function tooSmall(): StoreError {
  return new StoreError('store-unavailable', 'The pool is too small for transactions of handlers.', {
    effect: 'final',
    hint: 'Give a pool with three connections more than handlers that run at once: the store needs them to keep up leases.',
  })
}
