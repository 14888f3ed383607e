/** The store of a test: one in memory, which writes down what is enqueued, and gives out nothing while the test itself runs. */
import type { Store } from '../store/port.ts'
import type { TaskSpec } from '../store/records.ts'

/** A task that came to be. */
export interface Arrival {
  readonly spec: TaskSpec
  /** When, by the store's clock. */
  readonly at: number
}

export class TestStore {
  /** What clients and workers use. */
  readonly store: Store
  readonly #arrivals: Arrival[] = []
  readonly #nowMs: () => number
  #gate = Promise.withResolvers<void>()

  constructor(store: Store, nowMs: () => number) {
    this.#nowMs = nowMs
    this.store = new Proxy(store, {
      get: (_, name: keyof Store) => {
        const member = store[name]
        if (typeof member !== 'function') return member
        const call = (request: never): Promise<unknown> =>
          (member as (this: Store, of: never) => Promise<unknown>).call(store, request)
        if (name === 'exchange') return (request: never) => this.#gate.promise.then(() => call(request))
        if (name === 'add') return (request: Parameters<Store['add']>[0]) => this.#add(store, request)
        if (name === 'tick') return (request: Parameters<Store['tick']>[0]) => this.#tick(store, request)
        return call
      },
    })
  }

  /** In the order in which they came, whatever became of them. */
  get arrivals(): readonly Arrival[] {
    return this.#arrivals
  }

  /** From now on tasks are given out. */
  open(): void {
    this.#gate.resolve()
  }

  /** No task is given out until it is opened again. */
  shut(): void {
    this.#gate = Promise.withResolvers()
  }

  async #add(store: Store, request: Parameters<Store['add']>[0]): ReturnType<Store['add']> {
    const answers = await store.add(request)
    for (const [index, answer] of answers.entries())
      if (answer.outcome === 'added') this.#note(request.groups[index]!.tasks, answer.tasks)
    return answers
  }

  async #tick(store: Store, request: Parameters<Store['tick']>[0]): ReturnType<Store['tick']> {
    const answer = await store.tick(request)
    if (answer.outcome === 'ticked') this.#note(request.tasks, answer.tasks)
    return answer
  }

  #note(specs: readonly TaskSpec[], verdicts: readonly { readonly outcome: string }[]): void {
    for (const [index, spec] of specs.entries())
      if (verdicts[index]!.outcome !== 'duplicate') this.#arrivals.push({ spec, at: this.#nowMs() })
  }
}
