/** One claim and its handler: from the reply that brought it until both the handler and the store are done with it. */
import { MillraceError } from '../task/errors.ts'
import type { AbortCode, Context } from '../task/handler.ts'
import type { Claim } from '../store/records.ts'
import { Holding } from './holding.ts'

/** Why a handler's signal was aborted. */
export class AbortError extends MillraceError {
  /** What happened: `lost`, `cancel`, `timeout` or `shutdown`. */
  readonly reason: AbortCode
  constructor(reason: AbortCode, message: string) {
    super(ABORT_ERROR_CODES[reason], message)
    this.reason = reason
  }
}

const ABORT_ERROR_CODES = {
  lost: 'fenced',
  cancel: 'task-cancelled',
  timeout: 'timeout',
  shutdown: 'closed',
} as const

export class Run extends Holding {
  readonly claim: Claim
  /** When all its attempts together are over, by the monotonic clock; `null` without a deadline. */
  readonly deadlineMs: number | null
  /** When its attempt began, by the monotonic clock. */
  startedMs: number | undefined
  /** How long the attempt took, in milliseconds. */
  tookMs = 0
  /** Whether its handler runs in a thread or process of its own. */
  isolated = false
  /** Whether it was the deadline that ended it, and not the time limit of the attempt. */
  outlived = false
  /** What is done about an error of its handler that nobody caught. */
  onStray: ((run: Run, error: unknown) => void) | undefined
  /** What its handler was given, once it was called. */
  context: Context | undefined
  #abort: AbortController | undefined
  #aborted: AbortError | undefined

  constructor(claim: Claim, deadlineMs: number | null = null) {
    super({ task: claim.id, epoch: claim.epoch, nonce: claim.nonce })
    this.claim = claim
    this.deadlineMs = deadlineMs
  }

  stray(error: unknown): void {
    this.onStray?.(this, error)
  }

  /** Made when first asked for: most handlers never look at it. */
  get signal(): AbortSignal {
    if (this.#abort === undefined) {
      this.#abort = new AbortController()
      if (this.#aborted !== undefined) this.#abort.abort(this.#aborted)
    }
    return this.#abort.signal
  }

  /** Why the signal is aborted, if it is. */
  get aborted(): AbortError | undefined {
    return this.#aborted
  }

  /** The first reason stands. */
  abort(reason: AbortCode, message: string): void {
    if (this.#aborted !== undefined) return
    this.#aborted = new AbortError(reason, message)
    this.#abort?.abort(this.#aborted)
  }

  override lose(): void {
    super.lose()
    this.abort('lost', 'The lease was lost: another worker may be running this task.')
  }
}
