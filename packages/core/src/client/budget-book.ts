/** The budgets that are set, as far as this client knows: they are looked at while tasks are enqueued, never otherwise. */
import type { Timer } from '../platform/platform.ts'
import type { Budget, BudgetScope } from '../store/budgets.ts'
import type { Connection, Manner } from './connection.ts'

/** What is known is so old at most; twice that as long as there are none. */
const FRESH_MS = 500
const EMPTY_FRESH_MS = 1_000

/** Stands for all partitions that have no budget of their own. */
const EVERY = '*'

/** A budget, and what it is for. */
export interface Budgeted {
  readonly scope: BudgetScope
  readonly budget: Budget
}

interface Page {
  readonly readAtMs: number
  readonly budgets: ReadonlyMap<string, Budget>
}

export class BudgetBook {
  readonly #connection: Connection
  /** Store time less the monotonic clock, as far as it matters. */
  #offsetMs = 0
  #page: Page | undefined
  /** Whether a page without budgets is old: a timer says so, since where there are none not even the clock is to be asked. */
  #isOld = false
  #aging: Timer | undefined
  /** Counts what has outdated the page: a look that began before does not make it up to date. */
  #outdated = 0
  /** Who insists waits for longer than others would. */
  readonly #reading = new Map<Manner, Promise<void>>()

  constructor(connection: Connection) {
    this.#connection = connection
  }

  get isKnown(): boolean {
    return this.#page !== undefined
  }

  /** Whether nothing is limited, as far as is known. */
  get isEmpty(): boolean {
    return this.#page?.budgets.size === 0
  }

  /** Resolves when enough is known; `undefined`: it is. */
  consult(manner: Manner): Promise<void> | undefined {
    if (!this.isEmpty) return this.#ageMs > FRESH_MS ? this.#read(manner) : undefined
    // nobody waits to be told once more that there is nothing
    void this.renewed()
    return undefined
  }

  /** Looks again if it is time. Resolves when that is done, one way or the other; `undefined`: it is not time. */
  renewed(): Promise<void> | undefined {
    if (this.isEmpty ? !this.#isOld : this.#ageMs <= FRESH_MS) return undefined
    return this.#read('fails fast').catch((error: unknown) =>
      this.#connection.logger.debug({ err: error }, 'budgets are read again later'),
    )
  }

  close(): void {
    this.#aging?.cancel()
  }

  /** This client has changed a budget: whoever asks next waits for it. */
  outdate(): void {
    this.#outdated += 1
    this.#page = undefined
    this.#reading.clear()
  }

  /** The budgets that a task of this queue and partition has to fit into. */
  budgetsOn(queue: string, partition: string | null): readonly Budgeted[] {
    if (this.#page === undefined) return []
    const { budgets } = this.#page
    const found: Budgeted[] = []
    const ofQueue: BudgetScope = { kind: 'queue', name: queue }
    const queueBudget = budgets.get(scopeKey(ofQueue))
    if (queueBudget !== undefined) found.push({ scope: ofQueue, budget: queueBudget })
    if (partition === null) return found
    const scope: BudgetScope = { kind: 'partition', name: partition }
    const budget = budgets.get(scopeKey(scope)) ?? budgets.get(scopeKey({ kind: 'partition', name: EVERY }))
    if (budget !== undefined) found.push({ scope, budget })
    return found
  }

  /** Store time, as far as is known; it is where any budget has a quota. */
  now(): number {
    return this.#monotonicMs() + this.#offsetMs
  }

  get #ageMs(): number {
    return this.#page === undefined ? Infinity : this.#monotonicMs() - this.#page.readAtMs
  }

  #monotonicMs(): number {
    return this.#connection.platform.monotonicMs()
  }

  #read(manner: Manner): Promise<void> {
    const under = this.#reading.get(manner)
    if (under !== undefined) return under
    const reading = this.#look(manner).finally(() => {
      if (this.#reading.get(manner) === reading) this.#reading.delete(manner)
    })
    this.#reading.set(manner, reading)
    return reading
  }

  async #look(manner: Manner): Promise<void> {
    const readAtMs = this.#monotonicMs()
    const outdated = this.#outdated
    const settings = await this.#connection.read((store) => store.budgets(), manner)
    // periods are of store time, so that all hosts agree on them
    if (settings.some(({ budget }) => budget !== null && budget.quota !== null))
      this.#offsetMs = (await this.#connection.read((store) => store.now(), manner)) - this.#monotonicMs()
    const budgets = new Map<string, Budget>()
    for (const { scope, budget } of settings) if (budget !== null) budgets.set(scopeKey(scope), budget)
    if (outdated === this.#outdated) this.#turn({ readAtMs, budgets })
  }

  #turn(page: Page): void {
    this.#page = page
    this.#isOld = false
    this.#aging?.cancel()
    if (this.isEmpty)
      this.#aging = this.#connection.platform.setTimer(EMPTY_FRESH_MS, () => (this.#isOld = true), 'idle')
  }
}

export function scopeKey({ kind, name }: BudgetScope): string {
  return `${kind} ${name}`
}
