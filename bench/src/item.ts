/** The payload of all loads, and the account of what became of each. */
import { monotonicUs } from './measuring/clock.ts'

/** About 200 bytes of JSON. */
export interface Item {
  /** Which task this is, from 0. */
  readonly n: number
  /** When it was enqueued, by the clock that all processes of a machine share. */
  readonly at: number
  readonly customer: string
  readonly email: string
  readonly path: string
  readonly tags: string[]
}

export function item(n: number): Item {
  return {
    n,
    at: monotonicUs(),
    customer: 'c7b1f0a2-93d4-4e58-8a16-d05fe3b8c921',
    email: 'ada.lovelace@example.com',
    path: '/var/spool/images/2026/11/22/original-000001.jpeg',
    tags: ['thumbnail', 'nightly'],
  }
}

export function items(from: number, count: number): Item[] {
  return Array.from({ length: count }, (_, index) => item(from + index))
}

/** Counts how often each task was handled. */
export class Ledger {
  readonly seen: Uint8Array
  readonly #all = Promise.withResolvers<void>()
  #handled = 0

  constructor(size: number) {
    this.seen = new Uint8Array(size)
  }

  get handled(): number {
    return this.#handled
  }

  /** Resolves when as many tasks were handled as there are. */
  get all(): Promise<void> {
    return this.#all.promise
  }

  /** @throws Error if there is no such task */
  readonly mark = ({ n }: Item): void => {
    const times = this.seen[n]
    if (times === undefined) throw new Error(`A task came that nobody enqueued: ${n}.`)
    this.seen[n] = times + 1
    this.#handled += 1
    if (this.#handled === this.seen.length) this.#all.resolve()
  }
}

/**
 * What was lost or doubled, over all processes.
 *
 * @returns `null` if every task was handled exactly once
 */
export function discrepancy(accounts: readonly Uint8Array[], size: number): string | null {
  let lost = 0
  let doubled = 0
  for (let n = 0; n < size; n++) {
    let times = 0
    for (const seen of accounts) times += seen[n] ?? 0
    if (times === 0) lost += 1
    if (times > 1) doubled += 1
  }
  return lost + doubled === 0
    ? null
    : `of ${size} tasks ${lost} were lost and ${doubled} handled more than once`
}

/** So many callers at the same time, each awaiting one call after the other, until all are made. */
export async function callers(
  count: number,
  size: number,
  call: (n: number) => Promise<unknown>,
): Promise<void> {
  let next = 0
  const caller = async (): Promise<void> => {
    while (next < size) await call(next++)
  }
  await Promise.all(Array.from({ length: Math.min(count, size) }, caller))
}
