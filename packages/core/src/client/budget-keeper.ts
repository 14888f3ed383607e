/**
 * Lets tasks in that fit into the budgets of their queues and partitions. It goes by what the store said at most half
 * a second ago, and by what this client has let in since: nothing is written for it, and nothing is looked up where
 * there are no budgets.
 */
import { excessOf, windowOf, type Excess, type Load } from '../policy/budgets.ts'
import { LIMITS } from '../task/limits.ts'
import { payloadSize } from '../task/codec.ts'
import { BudgetBook, scopeKey, type Budgeted } from './budget-book.ts'
import { exceeded } from './refusals.ts'
import { Spendings } from './spendings.ts'
import type { QuotaWindow, ScopeUsage } from '../store/budgets.ts'
import type { AddVerdict } from '../store/port.ts'
import type { Claim, TaskSpec } from '../store/records.ts'
import type { Connection, Manner } from './connection.ts'

/** What is known of usage is so old at most, … */
const FRESH_MS = 500

/** … or a second, where looking takes long: it takes no more than this part of the time. */
const FRESH_MAX_MS = 1_000
const LOOKING_SHARE = 1 / 10

/** Nobody is turned away by what is older than this. */
const SURE_MS = 50

/** Scopes that nobody has asked about for so long are forgotten. */
const FORGET_MS = 10_000

/** What was let in, until the store has answered. */
export interface Admission {
  /** @param created how many tasks came to be; `null`: nobody knows */
  settled(created: number | null): void
}

/** What a group asks of a scope. */
interface Need extends Budgeted {
  readonly key: string
  readonly load: { tasks: number; bytes: number }
}

/** What is known of a scope. */
interface Known {
  usage: ScopeUsage
  window: QuotaWindow | null
  readAtMs: number
  usedAtMs: number
  /** All that was ever let in here, … */
  readonly admitted: { tasks: number; bytes: number }
  /** … what of it has been answered, … */
  readonly answered: { tasks: number; bytes: number }
  /** … and what of it had been when the store was asked. */
  seen: Load
}

/** Looks of one manner: who insists waits for longer than others would. */
interface Looks {
  /** The one that is under way. */
  underWay: Promise<void> | undefined
  /** What the next one is to bring. */
  readonly wanted: Map<string, Need>
}

const newLooks = (): Looks => ({ underWay: undefined, wanted: new Map() })

const NOTHING: ScopeUsage = { tasks: 0, bytes: 0, spent: { tasks: 0, handlerMs: 0 } }

export class BudgetKeeper {
  readonly #connection: Connection
  readonly #book: BudgetBook
  readonly #spendings: Spendings
  readonly #known = new Map<string, Known>()
  readonly #looks: Readonly<Record<Manner, Looks>> = { 'fails fast': newLooks(), insists: newLooks() }
  #lookMs = 0
  /** When handler time that waits for the book is noted. */
  #noting: Promise<void> | undefined

  constructor(connection: Connection) {
    this.#connection = connection
    this.#book = new BudgetBook(connection)
    this.#spendings = new Spendings(connection)
  }

  /**
   * Lets a group in, whole; `undefined`: no budget is in its way, and nothing is to be settled.
   *
   * @throws BackpressureError; StoreError if the store has to be asked and does not answer
   */
  admit(tasks: readonly TaskSpec[], manner: Manner): Promise<Admission | undefined> | undefined {
    const consulted = this.#book.consult(manner)
    if (consulted === undefined && this.#book.isEmpty) return undefined
    return this.#admit(tasks, { manner, consulted })
  }

  /**
   * Lets a group in by what is known already, for callers who cannot wait. What is old is looked up alongside, for the next.
   *
   * @throws BackpressureError
   */
  admitAtOnce(tasks: readonly TaskSpec[]): Admission | undefined {
    void this.#book.renewed()
    const needs = this.#needs(tasks)
    if (needs.length === 0) return undefined
    this.#learn(needs, { freshMs: FRESH_MS, manner: 'fails fast' }).catch((error: unknown) =>
      this.#connection.logger.debug({ err: error }, 'what there is of budgets is looked up later'),
    )
    this.#refuse(needs)
    return this.#enter(needs)
  }

  /** This client has changed a budget: it goes by it from now on. */
  outdate(): void {
    this.#book.outdate()
  }

  /** A handler was busy for so long with a task of this queue and partition. */
  ran(task: Pick<Claim, 'queue' | 'partition'>, handlerMs: number): void {
    const renewed = this.#book.renewed()
    if (renewed === undefined) this.#ran(task, handlerMs)
    else this.#noting = renewed.then(() => this.#ran(task, handlerMs))
  }

  /** Tells what was used of quotas last. */
  async close(): Promise<void> {
    await this.#noting
    this.#book.close()
    await this.#spendings.close()
  }

  #ran({ queue, partition }: Pick<Claim, 'queue' | 'partition'>, handlerMs: number): void {
    if (this.#book.isEmpty) return
    for (const { scope, budget } of this.#book.budgetsOn(queue, partition))
      if (budget.quota !== null && budget.quota.handlerMs !== null)
        this.#spendings.note(scope, windowOf(budget.quota, this.#book.now()), { tasks: 0, handlerMs })
  }

  async #admit(
    tasks: readonly TaskSpec[],
    { manner, consulted }: { readonly manner: Manner; readonly consulted: Promise<void> | undefined },
  ): Promise<Admission | undefined> {
    await consulted
    // a budget that this client has changed meanwhile is looked at first
    while (!this.#book.isKnown) await this.#book.consult(manner)
    const needs = this.#needs(tasks)
    if (needs.length === 0) return undefined
    await this.#learn(needs, { freshMs: FRESH_MS, manner })
    if (this.#firstExcess(needs) !== undefined) await this.#learn(needs, { freshMs: SURE_MS, manner })
    this.#refuse(needs)
    return this.#enter(needs)
  }

  #needs(tasks: readonly TaskSpec[]): readonly Need[] {
    const needs = new Map<string, Need>()
    for (const { queue, lane, payload } of tasks) {
      for (const budgeted of this.#book.budgetsOn(queue, lane?.partition ?? null)) {
        const key = scopeKey(budgeted.scope)
        const need = needs.get(key) ?? { ...budgeted, key, load: { tasks: 0, bytes: 0 } }
        addTo(need.load, { tasks: 1, bytes: payloadSize(payload) })
        needs.set(key, need)
      }
    }
    return [...needs.values()]
  }

  #enter(needs: readonly Need[]): Admission {
    const entered = needs.map((need) => ({ ...need, known: this.#knownOf(need.key) }))
    for (const { load, known } of entered) addTo(known.admitted, load)
    return {
      settled: (created) => {
        for (const { scope, budget, load, known } of entered) {
          // what never came to be leaves its room to the next
          if (created === 0) takeFrom(known.admitted, load)
          else addTo(known.answered, load)
          const tasks = Math.min(created ?? 0, load.tasks)
          if (budget.quota !== null && budget.quota.tasks !== null && tasks > 0)
            this.#spendings.note(scope, windowOf(budget.quota, this.#book.now()), { tasks, handlerMs: 0 })
        }
      },
    }
  }

  #refuse(needs: readonly Need[]): void {
    const found = this.#firstExcess(needs)
    if (found !== undefined) throw exceeded(found)
  }

  #firstExcess(
    needs: readonly Need[],
  ): (Need & { readonly excess: Excess; readonly now: number }) | undefined {
    const now = this.#book.now()
    for (const need of needs) {
      const excess = excessOf(need.budget, this.#estimate(need.key), { load: need.load, now })
      if (excess !== null) return { ...need, excess, now }
    }
    return undefined
  }

  /** What the store said, and what was let in and had not been answered when it was asked. */
  #estimate(key: string): ScopeUsage {
    const { usage, admitted, seen } = this.#knownOf(key)
    const tasks = admitted.tasks - seen.tasks
    return {
      tasks: usage.tasks + tasks,
      bytes: usage.bytes + admitted.bytes - seen.bytes,
      spent: { tasks: usage.spent.tasks + tasks, handlerMs: usage.spent.handlerMs },
    }
  }

  #knownOf(key: string): Known {
    const usedAtMs = this.#connection.platform.monotonicMs()
    const known = this.#known.get(key)
    if (known !== undefined) {
      known.usedAtMs = usedAtMs
      return known
    }
    const made: Known = {
      usage: NOTHING,
      window: null,
      readAtMs: -Infinity,
      usedAtMs,
      admitted: { tasks: 0, bytes: 0 },
      answered: { tasks: 0, bytes: 0 },
      seen: { tasks: 0, bytes: 0 },
    }
    this.#known.set(key, made)
    return made
  }

  /** One look at a time: who comes meanwhile waits for it, and what it did not bring the next one brings for all. */
  async #learn(
    needs: readonly Need[],
    { freshMs, manner }: { readonly freshMs: number; readonly manner: Manner },
  ): Promise<void> {
    const looks = this.#looks[manner]
    const ageMaxMs = Math.min(Math.max(freshMs, this.#lookMs / LOOKING_SHARE), FRESH_MAX_MS)
    const isStale = ({ key, budget }: Need): boolean => {
      const { readAtMs, window } = this.#knownOf(key)
      const over = budget.quota !== null && this.#book.now() >= (window?.until ?? -Infinity)
      return over || this.#connection.platform.monotonicMs() - readAtMs > ageMaxMs
    }
    for (let stale = needs.filter(isStale); stale.length > 0; stale = needs.filter(isStale)) {
      for (const need of stale) looks.wanted.set(need.key, need)
      if (looks.underWay === undefined) {
        const wanted = [...looks.wanted.values()]
        looks.wanted.clear()
        looks.underWay = this.#look(wanted, manner).finally(() => (looks.underWay = undefined))
        return looks.underWay
      }
      // if it fails, whoever began it is told
      await looks.underWay.catch(() => undefined)
    }
  }

  async #look(needs: readonly Need[], manner: Manner): Promise<void> {
    const { platform } = this.#connection
    this.#forget()
    const readAtMs = platform.monotonicMs()
    const answered = needs.map(({ key }) => ({ ...this.#knownOf(key).answered }))
    if (needs.some(({ budget }) => budget.quota !== null)) await this.#spendings.tell(manner)
    for (let from = 0; from < needs.length; from += LIMITS.batchTasks) {
      const part = needs.slice(from, from + LIMITS.batchTasks)
      const now = this.#book.now()
      const questions = part.map(({ scope, budget: { quota } }) => {
        return { scope, window: quota === null ? null : windowOf(quota, now) }
      })
      const { usages } = await this.#connection.read((store) => store.usage(questions), manner)
      for (const [index, { key }] of part.entries()) {
        const { window } = questions[index]!
        const seen = answered[from + index]!
        if (this.#knownOf(key).readAtMs > readAtMs) continue // a look of the other manner was later
        Object.assign(this.#knownOf(key), { usage: usages[index], window, readAtMs, seen })
      }
    }
    this.#lookMs = platform.monotonicMs() - readAtMs
  }

  #forget(): void {
    const nowMs = this.#connection.platform.monotonicMs()
    for (const [key, { usedAtMs, admitted, answered }] of this.#known)
      if (nowMs - usedAtMs > FORGET_MS && admitted.tasks === answered.tasks) this.#known.delete(key)
  }
}

/** How many tasks came to be. */
export function createdOf(verdicts: readonly AddVerdict[]): number {
  return verdicts.filter(({ outcome }) => outcome !== 'duplicate').length
}

function addTo(sum: { tasks: number; bytes: number }, load: Load): void {
  sum.tasks += load.tasks
  sum.bytes += load.bytes
}

function takeFrom(sum: { tasks: number; bytes: number }, load: Load): void {
  sum.tasks -= load.tasks
  sum.bytes -= load.bytes
}
