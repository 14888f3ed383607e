/** What was used under limits, as claims take it and the ends of claims give it back. */
import { roomUnder, usageAfter, type Room, type Usage } from '@millrace/core/store'
import { putUsage, usageOf, type Limit, type On } from './limits.ts'
import { COUNTED_IN, USE_LESS } from './statements/limits.ts'
import type { Pass } from './home.ts'

/** The claim of a task is about to end. */
export function giveBackOf(pass: Pass, seq: number): void {
  if (pass.limits.counting) giveBack(pass, pass.database.get<[string | null]>(COUNTED_IN, seq)?.[0] ?? null)
}

/** Claims have ended. @param counted the usages that counted them, each as often as it did; `null`: none */
export function giveBack({ database, hint }: Pass, counted: string | null): void {
  if (counted === null) return
  const counts = new Map<string, number>()
  for (const usage of counted.split(',')) counts.set(usage, (counts.get(usage) ?? 0) + 1)
  for (const [usage, count] of counts) database.run(USE_LESS, count, Number(usage))
  hint.ready = true
}

/** A key, and what is used of it by the way. */
interface Used {
  readonly limit: Limit
  readonly key: string
  usage: Usage
  /** Why a task was refused under it: for the rest of the claim nothing else starts there, or little ones would go before a large one for ever. */
  refusal: Room | null
  /** As it was before a plan that may not be carried out. */
  before: { readonly usage: Usage; readonly refusal: Room | null }
  written: Usage
  /** The key of its row; 0: there is none yet. */
  row: number
}

/** A key under which a task is to start, and how much it takes. */
export interface Charge {
  readonly used: Used
  readonly cost: number
}

const FREE: Room = { free: true }

/** What one claim uses: read once per key, and written down at its end. */
export class Ledger {
  readonly #pass: Pass
  readonly #used = new Map<string, Used>()

  constructor(pass: Pass) {
    this.#pass = pass
  }

  chargesOf(on: readonly On[]): readonly Charge[] {
    return on.map(({ limit, key, cost }) => ({ used: this.#usedOf(limit, key), cost }))
  }

  #usedOf(limit: Limit, key: string): Used {
    const name = `${limit.key} ${key}`
    let used = this.#used.get(name)
    if (used === undefined) {
      const { row, ...usage } = usageOf(this.#pass, { limit: limit.key, key })
      used = { limit, key, usage, refusal: null, before: { usage, refusal: null }, written: usage, row }
      this.#used.set(name, used)
    }
    return used
  }

  /** Whether a task may start; if not, when to look again. */
  roomFor(charges: readonly Charge[]): Room {
    const { now } = this.#pass
    let refusal: Room = FREE
    for (const { used, cost } of charges) {
      const room = used.refusal ?? roomUnder(used.limit, used.usage, { now, cost })
      if (room.free) continue
      used.refusal = room
      if (room.againAt === null) return room
      if (refusal.free || room.againAt > refusal.againAt!) refusal = room
    }
    return refusal
  }

  /** A task is to start. */
  charge(charges: readonly Charge[]): void {
    const { now } = this.#pass
    for (const { used, cost } of charges) {
      const { allowance } = used.limit
      if (allowance.concurrency === null && allowance.rate === null) continue
      used.usage = usageAfter(allowance, used.usage, { now, cost })
    }
  }

  /** What was planned is not carried out. */
  takeBack(): void {
    for (const used of this.#used.values()) Object.assign(used, used.before)
  }

  /** What was planned is carried out. */
  keep(): void {
    for (const used of this.#used.values()) used.before = { usage: used.usage, refusal: used.refusal }
  }

  /** The usages that count a task which starts, as its row has them; empty: none does. */
  countedBy(charges: readonly Charge[]): string {
    let keys = ''
    for (const { used } of charges) {
      if (used.limit.allowance.concurrency === null) continue
      if (used.row === 0) this.#write(used)
      keys = keys === '' ? `${used.row}` : `${keys},${used.row}`
    }
    return keys
  }

  /** Writes down what was used. */
  flush(): void {
    for (const used of this.#used.values()) if (used.usage !== used.written) this.#write(used)
  }

  #write(used: Used): void {
    used.row = putUsage(this.#pass, { limit: used.limit.key, key: used.key }, used.usage)
    used.written = used.usage
  }
}
