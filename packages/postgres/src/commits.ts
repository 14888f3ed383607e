/**
 * Finds out when transactions of the user's commit, so that those who wait hear of it: nobody else would say. A
 * NOTIFY inside of them would, but Postgres puts the commits of notifying transactions in one line. So the store
 * asks what became of their numbers: often when they are young, seldom when they are old, and no more when they are
 * very old: workers look by themselves every two seconds.
 */
import { FATES } from './statements/guests.ts'
import type { Database } from './database.ts'
import { NOTHING as NO_HINT, type Hint } from '@millrace/core/store'

const FIRST_WAIT_MS = 2
const LONGEST_WAIT_MS = 250
/** A transaction that is so old is not asked about any more. */
const AGE_MAX_MS = 60_000
/** So many are asked about at once; what comes on top of them is found by polling. */
const WATCHED_MAX = 1_000

/** What is to be said when a transaction commits. */
export interface News {
  readonly ready: boolean
  readonly settled: boolean
  /** Whether `deliver` has something to do: dependents, edges, slots, series. */
  readonly more: boolean
}

const NOTHING: News = { ready: false, settled: false, more: false }

interface Watched {
  readonly news: News
  readonly sinceMs: number
}

interface Doors {
  readonly database: Database
  readonly tell: (hint: Hint) => void
  /** Tells dependents and takes up edges. Never rejects: if it fails, the upkeep of any worker does it. */
  readonly deliver: () => Promise<void>
}

export class Commits {
  readonly #doors: Doors
  readonly #watched = new Map<string, Watched>()
  /** Of those whose end will be told here, what is to be said then. */
  readonly #own = new Map<string, News>()
  #timer: NodeJS.Timeout | undefined
  #asking: Promise<void> | undefined
  #delivering: Promise<void> | undefined
  #deliverAgain = false
  #closed = false

  constructor(doors: Doors) {
    this.#doors = doors
  }

  /** The end of that transaction will be told here: it need not be asked for. */
  begin(transaction: string): void {
    this.#own.set(transaction, NOTHING)
  }

  /** Something was written in that transaction. */
  note(transaction: string, news: News): void {
    const own = this.#own.get(transaction)
    if (own === undefined) this.#watch(transaction, news)
    else this.#own.set(transaction, mergedNews(own, news))
  }

  /** That transaction, which was begun here, has ended. */
  end(transaction: string, fate: 'committed' | 'rolled back' | 'unknown'): void {
    const news = this.#own.get(transaction) ?? NOTHING
    this.#own.delete(transaction)
    if (fate === 'rolled back' || !(news.ready || news.settled)) return
    if (fate === 'committed') this.#publish(news)
    else this.#watch(transaction, news)
  }

  #watch(transaction: string, news: News): void {
    const known = this.#watched.get(transaction)
    if (known === undefined && this.#watched.size >= WATCHED_MAX) return
    const merged = known === undefined ? news : mergedNews(known.news, news)
    this.#watched.set(transaction, { news: merged, sinceMs: performance.now() })
    this.#askLater()
  }

  /** Resolves when nothing is asked any more. */
  async close(): Promise<void> {
    this.#closed = true
    clearTimeout(this.#timer)
    this.#watched.clear()
    await Promise.all([this.#asking, this.#delivering])
  }

  /** Resolves when what was being delivered is there. */
  async delivered(): Promise<void> {
    await this.#delivering
  }

  #publish({ ready, settled, more }: News): void {
    this.#doors.tell({ ...NO_HINT, ready, settled })
    if (more) this.#deliver()
  }

  #deliver(): void {
    this.#deliverAgain = true
    this.#delivering ??= this.#deliverWhileAsked()
  }

  async #deliverWhileAsked(): Promise<void> {
    while (this.#deliverAgain && !this.#closed) {
      this.#deliverAgain = false
      await this.#doors.deliver()
    }
    this.#delivering = undefined
  }

  #askLater(): void {
    clearTimeout(this.#timer)
    if (this.#closed || this.#asking !== undefined || this.#watched.size === 0) return
    this.#timer = setTimeout(() => this.#askNow(), this.#waitMs()).unref()
  }

  /** By the age of the youngest: it may be about to commit. */
  #waitMs(): number {
    const youngest = Math.max(...Array.from(this.#watched.values(), ({ sinceMs }) => sinceMs))
    const ageMs = performance.now() - youngest
    return Math.min(Math.max(ageMs / 4, FIRST_WAIT_MS), LONGEST_WAIT_MS)
  }

  #askNow(): void {
    this.#asking = this.#ask()
      .catch(() => undefined) // hints are never needed; it is asked again
      .finally(() => {
        this.#asking = undefined
        this.#askLater()
      })
  }

  async #ask(): Promise<void> {
    const tooOld = performance.now() - AGE_MAX_MS
    for (const [transaction, { sinceMs }] of this.#watched)
      if (sinceMs < tooOld) this.#watched.delete(transaction)
    const rows = await this.#doors.database.rows<[string, string | null]>(FATES, [[...this.#watched.keys()]])
    let all: News | undefined
    for (const [transaction, fate] of rows) {
      if (fate === 'in progress') continue
      const watched = this.#watched.get(transaction)
      this.#watched.delete(transaction)
      if (watched !== undefined && fate === 'committed') all = mergedNews(all ?? watched.news, watched.news)
    }
    if (all !== undefined) this.#publish(all)
  }
}

function mergedNews(one: News, other: News): News {
  return {
    ready: one.ready || other.ready,
    settled: one.settled || other.settled,
    more: one.more || other.more,
  }
}
