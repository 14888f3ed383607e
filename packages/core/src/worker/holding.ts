/**
 * A task in our hands under a fence. It gathers what is to be written about it, and hands that out one
 * settlement at a time, until the one that ends the claim.
 */
import { FencedError } from '../task/errors.ts'
import { LOG_ENTRIES_MAX, type Fence, type LogEntry, type Payload, type Progress } from '../store/records.ts'
import type { Notes, Settlement, Transition, Verdict } from '../store/settlement.ts'

interface PendingCheckpoint {
  readonly payload: Payload
  readonly resolve: () => void
  readonly reject: (error: unknown) => void
}

interface Ending {
  readonly transition: Transition
  readonly done: (verdict: Verdict) => void
}

const NONE: readonly never[] = []

export class Holding {
  readonly fence: Fence
  /** Whether the lease is known to be lost: nothing of it will be written any more. */
  lost = false
  #seq = 0
  /** The checkpoints that travel with the settlement under way, if there is one. */
  #underWay: readonly PendingCheckpoint[] | undefined
  #ending: Ending | undefined
  /** Whether the ending was written, or refused. */
  #over = false
  #progress: Progress | null = null
  #logs: readonly LogEntry[] = NONE
  #checkpoints: readonly PendingCheckpoint[] = NONE
  /** The settlement that a transaction of the user's writes, until it is known what became of that. */
  #apart: Settlement | undefined
  /** Those who wait until nothing is under way. */
  #waiting: (() => void)[] = []

  constructor(fence: Fence) {
    this.fence = fence
  }

  /** Whether it has been decided how the claim ends. */
  get ended(): boolean {
    return this.#ending !== undefined || this.#over
  }

  /** Whether a transaction of the user's has its outcome, and nobody knows yet what becomes of that. */
  get apart(): boolean {
    return this.#apart !== undefined
  }

  /** Whether there is something to settle. */
  get pending(): boolean {
    if (this.#over || this.lost || this.apart) return false
    return this.urgent || this.#progress !== null || this.#logs.length > 0
  }

  /** Whether somebody waits for what is to be settled. */
  get urgent(): boolean {
    if (this.#over || this.lost || this.apart) return false
    return this.#ending !== undefined || this.#checkpoints.length > 0
  }

  /** Decides how the claim ends; the first decision stands. `done` hears the store's verdict, or `stale` if the lease is lost first. */
  end(transition: Transition, done: (verdict: Verdict) => void): void {
    if (this.lost) done('stale')
    else this.#ending ??= { transition, done }
  }

  note(progress: Progress): void {
    this.#progress = progress
  }

  log(entry: LogEntry): void {
    this.#logs = [...this.#logs.slice(1 - LOG_ENTRIES_MAX), entry]
  }

  /** Resolves when the checkpoint is written; rejects with a FencedError when it never will be. */
  checkpoint(payload: Payload): Promise<void> {
    if (this.lost || this.ended) return Promise.reject(new FencedError(this.fence.task))
    return new Promise((resolve, reject) => {
      this.#checkpoints = [...this.#checkpoints, { payload, resolve, reject }]
    })
  }

  lose(): void {
    if (this.lost) return
    this.lost = true
    this.#apart = undefined
    const error = new FencedError(this.fence.task)
    for (const checkpoint of this.#checkpoints) checkpoint.reject(error)
    this.#checkpoints = NONE
    if (this.#ending !== undefined && !this.#over) this.#finish('stale')
    this.#wake()
  }

  /** Resolves when nothing is under way that a settlement in a transaction would have to wait for, or overtake. */
  async quiet(): Promise<void> {
    while (!this.lost && (this.#underWay !== undefined || this.#checkpoints.length > 0))
      await new Promise<void>((resolve) => this.#waiting.push(resolve))
  }

  /**
   * The settlement for a transaction of the user's to write. Until `returns` nothing else is handed out: it would
   * wait for that transaction.
   *
   * @throws FencedError if the outcome is decided already
   */
  takeApart(transition: Transition): Settlement {
    if (this.lost || this.ended || this.apart) throw new FencedError(this.fence.task)
    this.#apart = { fence: this.fence, seq: ++this.#seq, transition, notes: this.#takeNotes() }
    return this.#apart
  }

  /** What became of the transaction: the claim ended with it, or goes on as if it had never been. */
  returns(fate: 'committed' | 'rolled back'): void {
    const notes = this.#apart?.notes
    this.#apart = undefined
    if (fate === 'committed') {
      this.#over = true
      for (const checkpoint of this.#checkpoints) checkpoint.reject(new FencedError(this.fence.task))
      this.#checkpoints = NONE
    } else if (notes !== null && notes !== undefined) {
      this.#progress ??= notes.progress
      this.#logs = [...notes.logs, ...this.#logs].slice(-LOG_ENTRIES_MAX)
    }
  }

  /**
   * What is to be written now; `null` while an earlier settlement is under way, or if there is nothing. What was
   * saved goes before the ending: the next attempt counts on it.
   */
  takeSettlement(): Settlement | null {
    if (this.#underWay !== undefined || !this.pending) return null
    const last = this.#checkpoints.at(-1)
    this.#underWay = this.#checkpoints
    this.#checkpoints = NONE
    const note: Transition = { to: 'running', checkpoint: last?.payload ?? null }
    const transition = last === undefined ? (this.#ending?.transition ?? note) : note
    return { fence: this.fence, seq: ++this.#seq, transition, notes: this.#takeNotes() }
  }

  /** The store's answer to the settlement under way. */
  settled(settlement: Settlement, verdict: Verdict): void {
    const checkpoints = this.#underWay ?? NONE
    this.#underWay = undefined
    for (const { resolve, reject } of checkpoints) {
      if (verdict === 'stale') reject(new FencedError(this.fence.task))
      else resolve()
    }
    if (settlement.transition.to !== 'running' && !this.#over) this.#finish(verdict)
    // a note that a synchronous transaction has overtaken says nothing about the lease
    else if (verdict === 'stale' && !this.#over && !this.apart) this.lose()
    this.#wake()
  }

  #wake(): void {
    const waiting = this.#waiting
    this.#waiting = []
    for (const resolve of waiting) resolve()
  }

  #finish(verdict: Verdict): void {
    this.#over = true
    this.#ending?.done(verdict)
  }

  #takeNotes(): Notes | null {
    if (this.#progress === null && this.#logs.length === 0) return null
    const notes = { progress: this.#progress, logs: this.#logs }
    this.#progress = null
    this.#logs = NONE
    return notes
  }
}
