/** Transactions of one connection, and how they wait for those of other processes. */
import { busyError, isBusy, storeError } from './failures.ts'
import { newPass, type Home, type Pass } from './home.ts'
import { Presence } from './presence.ts'
import { READ_STANDING } from './statements/sessions.ts'
import { flushLoads } from './loads.ts'
import { flushVolumes } from './volumes.ts'
import { mergedHint, NOTHING, type Hint } from '@millrace/core/store'

/** How long a transaction waits for the lock. */
const PATIENCE_MS = 10_000
/** The longest wait between two tries; drawn at random, so that processes do not keep step. */
const PAUSE_MS = 2

interface Waiting {
  /** Called before each pause. */
  readonly pausing?: () => void
  /** Since when the lock has been waited for, by whomever. Default: now. */
  readonly since?: number
}

/** Runs a step again while another process has the lock. The thread is free meanwhile. */
export async function patiently<T>(
  step: () => T,
  path: string,
  { pausing, since = performance.now() }: Waiting = {},
): Promise<T> {
  const end = since + PATIENCE_MS
  for (;;) {
    try {
      return step()
    } catch (error) {
      if (!isBusy(error)) throw storeError(error, path, 'none')
      if (performance.now() > end) throw busyError(path, error)
    }
    pausing?.()
    await new Promise((resolve) => setTimeout(resolve, Math.random() * PAUSE_MS))
  }
}

/** One call's part of a transaction. */
export type Work = (pass: Pass) => unknown

/** What became of what was done together. */
export interface Done {
  readonly answers: readonly unknown[]
  readonly hint: Hint
}

interface Listeners {
  readonly othersWrote: () => void
  /** Another process has the lock; there is no transaction of ours now. */
  readonly waits: () => void
}

export class Transactions {
  readonly #home: Home
  readonly #path: string
  readonly #tell: Listeners
  readonly #presence: Presence
  /** What others have written since is told apart by it. */
  #dataVersion = -1
  /** The same of what is remembered: settings and names, not tasks. */
  #settings = -1
  /** Since when no transaction has got the lock: those who wait behind each other share one patience. */
  #lockedSince: number | undefined

  constructor(home: Home, path: string, tell: Listeners) {
    this.#home = home
    this.#path = path
    this.#presence = new Presence(path)
    this.#tell = tell
    this.lookForOthers()
  }

  /** Whether other processes have written since the last look; then what is remembered of the file is renewed. */
  lookForOthers(): boolean {
    const { database, names, lanes, limits, budgets, clock } = this.#home
    const version = database.get<[number]>('PRAGMA data_version')![0]
    if (version === this.#dataVersion) return false
    this.#dataVersion = version
    const [floor, settings] = database.get<[number, number]>(READ_STANDING)!
    clock.raise(floor)
    if (settings !== this.#settings) {
      this.#settings = settings
      names.othersWrote()
      lanes.forget()
      limits.forget()
      budgets.forget()
    }
    return true
  }

  /** Does all of it with one commit, or nothing. Answers at once unless another process has the lock. */
  write(works: readonly Work[]): Done | Promise<Done> {
    return this.#now(
      () => this.#write(works),
      () => ({ pausing: this.#tell.waits, since: (this.#lockedSince ??= performance.now()) }),
    )
  }

  /** What is read belongs to one moment. */
  read(work: Work): unknown {
    return this.#now(() => this.#read(work))
  }

  #now<T>(step: () => T, waiting?: () => Waiting): T | Promise<T> {
    this.#presence.check()
    try {
      return step()
    } catch (error) {
      if (!isBusy(error)) throw storeError(error, this.#path, 'none')
    }
    return patiently(step, this.#path, waiting?.())
  }

  #read(work: Work): unknown {
    const { database, clock } = this.#home
    database.run('BEGIN')
    try {
      if (this.lookForOthers()) this.#tell.othersWrote()
      return work(newPass(this.#home, clock.now()))
    } finally {
      database.run('COMMIT')
    }
  }

  #write(works: readonly Work[]): Done {
    const { database } = this.#home
    database.run('BEGIN IMMEDIATE')
    this.#lockedSince = undefined
    let committing = false
    try {
      if (this.lookForOthers()) this.#tell.othersWrote()
      const done = works.map((work) => this.#pass(work))
      committing = true
      database.run('COMMIT')
      return { answers: done.map(({ answer }) => answer), hint: merged(done.map(({ hint }) => hint)) }
    } catch (error) {
      this.#takeBack()
      throw storeError(error, this.#path, committing ? 'unknown' : 'none')
    }
  }

  #pass(work: Work): { readonly answer: unknown; readonly hint: Hint } {
    const pass = newPass(this.#home, this.#home.clock.now())
    const answer = work(pass)
    flushVolumes(pass)
    flushLoads(pass)
    return { answer, hint: pass.hint }
  }

  #takeBack(): void {
    const { database, names, lanes, limits, budgets } = this.#home
    if (database.inTransaction) database.run('ROLLBACK')
    names.forget()
    lanes.forget()
    limits.forget()
    budgets.forget()
  }
}

function merged(hints: readonly Hint[]): Hint {
  return hints.reduce(mergedHint, NOTHING)
}
