/**
 * Waiting for tasks to end: all waits of a client look together, when the store hints that something ended,
 * and now and then in any case.
 */
import {
  ClosedError,
  InvalidArgumentError,
  NotFoundError,
  WaitTimeoutError,
  type StoreError,
} from '../task/errors.ts'
import { LIMITS } from '../task/limits.ts'
import { shown } from '../task/shown.ts'
import { FINAL_STATES, type TaskId, type TaskOutcome, type TaskState } from '../store/records.ts'
import { isOutage } from './repeat.ts'
import type { Connection } from './connection.ts'
import type { Timer } from '../platform/platform.ts'

const POLL_FIRST_MS = 50
const POLL_LONGEST_MS = 1_000

interface Wait {
  readonly task: TaskId
  readonly resolve: (outcome: TaskOutcome) => void
  readonly reject: (error: unknown) => void
}

export interface WaitOptions {
  readonly withinMs: number
  readonly signal: AbortSignal | undefined
}

export class Waits {
  readonly #connection: Connection
  readonly #waits = new Set<Wait>()
  #unlisten: (() => void) | undefined
  #poll: Timer | undefined
  #pollMs = POLL_FIRST_MS
  #looking = false
  #lookAgain = false
  /** Why the last look found nothing out. */
  #blind: StoreError | undefined
  #closed = false

  constructor(connection: Connection) {
    this.#connection = connection
  }

  /**
   * What became of a task, once it has ended. A store that is down is waited for as well: it may be back in time.
   *
   * @throws WaitTimeoutError, StoreError if the store was down in the end, NotFoundError, ClosedError, or the reason
   *   of the signal
   */
  async ended(task: TaskId, { withinMs, signal }: WaitOptions): Promise<TaskOutcome> {
    if (this.#closed) throw new ClosedError()
    signal?.throwIfAborted()
    const { promise, resolve, reject } = Promise.withResolvers<TaskOutcome>()
    const wait: Wait = { task, resolve, reject }
    const timer = this.#connection.platform.setTimer(
      withinMs,
      () => reject(this.#blind ?? new WaitTimeoutError(task, withinMs)),
      'holds',
    )
    const aborted = (): void => reject(signal?.reason)
    signal?.addEventListener('abort', aborted, { once: true })
    this.#waits.add(wait)
    this.#pollMs = POLL_FIRST_MS
    this.#unlisten ??= this.#connection.listen((hint) => {
      if (hint.settled) this.#look()
    })
    this.#look()
    try {
      return await promise
    } finally {
      timer.cancel()
      signal?.removeEventListener('abort', aborted)
      this.#waits.delete(wait)
      if (this.#waits.size === 0) this.#rest()
    }
  }

  /** Ends all waits with a ClosedError. */
  close(): void {
    this.#closed = true
    for (const wait of this.#waits) wait.reject(new ClosedError())
    this.#rest()
  }

  #rest(): void {
    this.#poll?.cancel()
    this.#unlisten?.()
    this.#unlisten = undefined
  }

  /** Looks once; a call during a look makes one more. */
  #look(): void {
    this.#lookAgain = true
    if (this.#looking) return
    this.#looking = true
    void this.#lookWhileAsked()
  }

  async #lookWhileAsked(): Promise<void> {
    while (this.#lookAgain && this.#waits.size > 0) {
      this.#lookAgain = false
      const waits = [...this.#waits]
      try {
        for (let from = 0; from < waits.length; from += LIMITS.batchTasks) {
          await this.#settle(waits.slice(from, from + LIMITS.batchTasks))
        }
        this.#blind = undefined
      } catch (error) {
        if (isOutage(error) && error.effect !== 'final') this.#blind = error
        else for (const wait of waits) wait.reject(error)
      }
    }
    this.#looking = false // in the same breath as the last test: who asks from now on begins anew
    this.#pollLater()
  }

  async #settle(waits: readonly Wait[]): Promise<void> {
    const ids = waits.map((wait) => wait.task)
    const outcomes = await this.#connection.read((store) =>
      store.outcomes({ ids, bytesMax: LIMITS.batchBytes }),
    )
    for (const [index, wait] of waits.entries()) {
      const outcome = outcomes[index] ?? null
      if (outcome === null) wait.reject(new NotFoundError(`The store holds no task ${wait.task}.`))
      else if (outcome === 'later') this.#lookAgain = true
      else if (isFinal(outcome.state)) wait.resolve(outcome)
    }
  }

  #pollLater(): void {
    this.#poll?.cancel()
    if (this.#waits.size === 0) return
    this.#poll = this.#connection.platform.setTimer(this.#pollMs, () => this.#look(), 'idle')
    this.#pollMs = Math.min(this.#pollMs * 2, POLL_LONGEST_MS)
  }
}

/**
 * By structure: it may come from another realm.
 *
 * @throws InvalidArgumentError
 */
export function checkedSignal(signal: AbortSignal | undefined): AbortSignal | undefined {
  if (signal === undefined || (typeof signal === 'object' && signal !== null && 'throwIfAborted' in signal))
    return signal
  throw new InvalidArgumentError(`signal is ${shown(signal)}.`, {
    hint: 'It is an AbortSignal, as of an AbortController.',
  })
}

export function isFinal(state: TaskState): boolean {
  return (FINAL_STATES as readonly TaskState[]).includes(state)
}
