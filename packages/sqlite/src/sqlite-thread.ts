/** The store's thread: takes calls in their order, and reports. */
import { parentPort, workerData } from 'node:worker_threads'
import { failureOf } from './failures.ts'
import type { Database } from './database.ts'
import { newHome, type Home } from './home.ts'
import { openDatabase } from './migrate.ts'
import { reading, writing } from './operations.ts'
import { renew } from './sessions.ts'
import { writeTogether, type Writing } from './sharing.ts'
import { patiently, Transactions } from './transactions.ts'
import { Wakeups } from './wakeups.ts'
import { EVERYTHING, isNews, lodgeHeart, type Hint, type Port, type RenewAnswer } from '@millrace/core/store'
import type { Call, Report } from './wire.ts'

export interface ThreadOptions {
  readonly path: string
  readonly migrate: boolean
}

/** So many calls that wait share a commit, and so the time that the disk takes for it. */
const SHARED_MAX = 8

function report(message: Report): void {
  parentPort!.postMessage(message)
}

type OwnHome = Home & { readonly database: Database }

class Thread {
  readonly #home: OwnHome
  readonly #transactions: Transactions
  readonly #wakeups: Wakeups
  readonly #calls: Call[] = []
  #working = false
  #watched = false

  constructor(home: OwnHome, path: string) {
    this.#home = home
    this.#transactions = new Transactions(home, path, {
      othersWrote: () => this.#publish(EVERYTHING),
      waits: () => this.#overtake(),
    })
    this.#wakeups = new Wakeups(path, () => this.#lookForOthers())
  }

  /** Calls are worked on when those that have arrived with them are here too. */
  take(calls: readonly Call[]): void {
    this.#calls.push(...calls)
    if (this.#working) return
    this.#working = true
    setImmediate(() => void this.#work())
  }

  /** What waits for the lock holds up those behind it, unless they only read; it does not hold up the thread. */
  async #work(): Promise<void> {
    this.#wakeups.busy()
    while (this.#calls.length > 0) {
      const together = this.#nextWrites()
      if (together.length === 0) await this.#other(this.#calls.shift()!)
      else await this.#write(together)
    }
    this.#working = false
    this.#wakeups.quiet()
  }

  /** The calls at the head of the line that write. */
  #nextWrites(): readonly Writing[] {
    const found: Writing[] = []
    for (let call = this.#calls[0]; call !== undefined && found.length < SHARED_MAX; call = this.#calls[0]) {
      const work = writing(call.operation, call.request)
      if (work === undefined) break
      found.push({ call, work })
      this.#calls.shift()
    }
    return found
  }

  #write(writings: readonly Writing[]): Promise<void> {
    return writeTogether(this.#transactions, writings, (answers, hint) => {
      const news = hint !== null && isNews(hint)
      // one message, and so one waking
      report({ kind: 'answers', answers, hint: this.#watched && news ? hint : null })
    })
  }

  async #other(call: Call): Promise<void> {
    try {
      const work = reading(call.operation, call.request)
      const answer = work === undefined ? this.#control(call) : await this.#transactions.read(work)
      report({ kind: 'answers', answers: [{ call: call.call, answer }], hint: null })
    } catch (error) {
      report({ kind: 'answers', answers: [{ call: call.call, failure: failureOf(error) }], hint: null })
    }
  }

  /** While the lock is waited for, calls that only read go first: they do not need it. */
  #overtake(): void {
    for (const [index, call] of this.#calls.entries()) {
      if (reading(call.operation, call.request) === undefined) continue
      this.#calls.splice(index, 1)
      void this.#other(call).then(() => this.#overtake())
      return
    }
  }

  #control({ operation, request }: Call): null {
    if (operation === 'shiftClock') this.#home.clock.shift(request as number)
    if (operation === 'watch') this.#watch(request as boolean)
    if (operation === 'lodge') this.#lodge(request as Port)
    if (operation === 'close') this.#close()
    return null
  }

  /** A worker's heart moves in: it renews by this connection, and does not keep the thread. */
  #lodge(heart: Port): void {
    lodgeHeart(heart, {
      renew: async (request) => {
        const { answers, hint } = await this.#transactions.write([(pass) => renew(pass, request)])
        if (isNews(hint)) this.#publish(hint)
        return answers[0] as RenewAnswer
      },
    })
    heart.unref()
  }

  #watch(on: boolean): void {
    this.#watched = on
    this.#wakeups.watch(on)
  }

  /** With its port closed the thread comes to its end. */
  #close(): void {
    this.#wakeups.close()
    this.#home.database.close()
    parentPort!.close()
  }

  #publish(hint: Hint): void {
    if (this.#watched) report({ kind: 'answers', answers: [], hint })
  }

  #lookForOthers(): boolean {
    if (this.#working || !this.#transactions.lookForOthers()) return false
    this.#publish(EVERYTHING)
    return true
  }
}

async function start({ path, migrate }: ThreadOptions): Promise<void> {
  try {
    const database = await openDatabase({ path, migrate, patiently: (step) => patiently(step, path) })
    const thread = new Thread(newHome(database), path)
    parentPort!.on('message', (calls: readonly Call[]) => thread.take(calls))
    report({ kind: 'opened' })
  } catch (error) {
    report({ kind: 'refused', failure: failureOf(error) })
  }
}

await start(workerData as ThreadOptions)
