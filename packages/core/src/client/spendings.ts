/**
 * What this client uses of quotas: its totals of each window, told to the store now and then. What a process that
 * dies had not told by then is not counted.
 */
import { newNonce } from '../task/ids.ts'
import { LIMITS } from '../task/limits.ts'
import type { Timer } from '../platform/platform.ts'
import type { BudgetScope, QuotaWindow, Spending, Spent } from '../store/budgets.ts'
import type { Connection, Manner } from './connection.ts'

const TELL_EVERY_MS = 400

interface Total extends Spending {
  tasks: number
  handlerMs: number
  told: boolean
}

export class Spendings {
  readonly #connection: Connection
  readonly #spender: string
  readonly #totals = new Map<string, Total>()
  #timer: Timer | undefined
  /** What the timer has begun. */
  #telling: Promise<void> | undefined
  #warned = false
  #closed = false

  constructor(connection: Connection) {
    this.#connection = connection
    this.#spender = newNonce(connection.platform)
  }

  note(scope: BudgetScope, window: QuotaWindow, { tasks, handlerMs }: Spent): void {
    const key = `${scope.kind} ${window.from} ${window.until} ${scope.name}`
    const total = this.#totals.get(key) ?? { scope, window, tasks: 0, handlerMs: 0, told: true }
    this.#totals.set(key, total)
    total.tasks += tasks
    total.handlerMs += handlerMs
    total.told = false
    this.#tellSoon()
  }

  /**
   * Tells what was not told yet. Two at once say the same, which does no harm.
   *
   * @throws StoreError, AmbiguousError: then it is told another time
   */
  async tell(manner: Manner): Promise<void> {
    this.#timer?.cancel()
    this.#timer = undefined
    try {
      await this.#tell(manner)
    } catch (error) {
      this.#tellSoon()
      throw error
    }
  }

  /** Tells the rest; what cannot be told is lost, and that is said. */
  async close(): Promise<void> {
    this.#closed = true
    this.#timer?.cancel()
    await this.#telling
    if (![...this.#totals.values()].some(({ told }) => !told)) return
    await this.tell('fails fast').catch((error: unknown) =>
      this.#connection.logger.warn({ err: error }, 'what was used of quotas last is not counted'),
    )
  }

  #tellInTime(): void {
    this.#telling = this.tell('fails fast').then(
      () => void (this.#warned = false),
      (error: unknown) => {
        if (!this.#warned)
          this.#connection.logger.warn({ err: error }, 'what was used of quotas is told later')
        this.#warned = true
      },
    )
  }

  /** Handlers that were given up may end behind the close, when nobody can be told any more. */
  #tellSoon(): void {
    if (this.#closed) return
    this.#timer ??= this.#connection.platform.setTimer(TELL_EVERY_MS, () => this.#tellInTime(), 'idle')
  }

  async #tell(manner: Manner): Promise<void> {
    const due = [...this.#totals.values()].filter(({ told }) => !told)
    for (let from = 0; from < due.length; from += LIMITS.batchTasks) {
      const part = due.slice(from, from + LIMITS.batchTasks)
      const spendings = part.map(({ scope, window, tasks, handlerMs }) => ({
        scope,
        window,
        tasks,
        handlerMs,
      }))
      await this.#connection.call((store) => store.spend({ spender: this.#spender, spendings }), manner)
      for (const [index, total] of part.entries()) {
        const { tasks, handlerMs } = spendings[index]!
        total.told = total.tasks === tasks && total.handlerMs === handlerMs
      }
    }
    await this.#forget(manner)
  }

  /** Windows that are over are looked at by nobody any more. */
  async #forget(manner: Manner): Promise<void> {
    if (this.#totals.size <= LIMITS.batchTasks) return
    const now = await this.#connection.read((store) => store.now(), manner)
    for (const [key, { window, told }] of this.#totals)
      if (told && window.until <= now) this.#totals.delete(key)
  }
}
