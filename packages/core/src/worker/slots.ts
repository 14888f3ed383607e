/** How much a worker runs at the same time. It can be changed while it runs. */
import type { ResolvedWorkerOptions } from './options.ts'

export class Slots {
  readonly #queues: Map<string, number>
  /** Queues with a number of slots of their own keep it; the others have as many as there are. */
  readonly #following: readonly string[]
  #concurrency: number

  constructor({
    queues,
    concurrency,
    followers,
  }: Pick<ResolvedWorkerOptions, 'queues' | 'concurrency' | 'followers'>) {
    this.#queues = new Map(queues)
    this.#following = followers
    this.#concurrency = concurrency
  }

  get concurrency(): number {
    return this.#concurrency
  }

  /** Slots per queue. */
  get queues(): ReadonlyMap<string, number> {
    return this.#queues
  }

  /** The options as they are at any moment. */
  inForce(options: ResolvedWorkerOptions): ResolvedWorkerOptions {
    const concurrency = (): number => this.#concurrency
    return {
      ...options,
      queues: this.#queues,
      get concurrency() {
        return concurrency()
      },
    }
  }

  /** What runs beyond that runs on. */
  resize(concurrency: number): void {
    this.#concurrency = concurrency
    for (const queue of this.#following) this.#queues.set(queue, concurrency)
  }
}
