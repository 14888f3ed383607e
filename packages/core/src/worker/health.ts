/** Whether a worker does what it is there for: one answer, and why. */
import type { LoopDelay } from '../platform/loop.ts'

/**
 * `starting`: it does not claim yet. `ok`: it claims what it has room for. `draining`: it claims nothing more. `stalled`:
 * it should make progress and makes none. `store-down`: the store does not answer. `stopped`: it has ended.
 */
export type WorkerState = 'starting' | 'ok' | 'draining' | 'stalled' | 'store-down' | 'stopped'

/** How a worker does, as `worker.health()` answers it for probes and people. */
export interface WorkerHealth {
  readonly status: WorkerState
  /** Sentences for people; none where it is `ok`. */
  readonly reasons: readonly string[]
  /** When the lease was renewed or opened last; `null`: there is none. */
  readonly renewedAt: Date | null
  /** When the store last answered a claim, with or without tasks. */
  readonly answeredAt: Date | null
  /** When the last task was claimed. */
  readonly claimedAt: Date | null
  /** Handlers that run, or are about to. */
  readonly running: number
  readonly freeSlots: number
  readonly concurrency: number
  /** Measured from the first call that asks for it. */
  readonly loop: LoopDelay
}

export interface Condition {
  readonly phase: 'starting' | 'working' | 'draining' | 'stopped'
  readonly storeIsDown: boolean
  readonly hasLease: boolean
  /** Why the watchdog finds that there is no progress; `undefined`: it finds none missing. */
  readonly stall: string | undefined
}

/** What matters most comes first: the end of a worker, then what keeps it from its work. */
export function statusOf({
  phase,
  storeIsDown,
  hasLease,
  stall,
}: Condition): Pick<WorkerHealth, 'status' | 'reasons'> {
  if (phase === 'stopped') return { status: 'stopped', reasons: ['The worker has ended.'] }
  const reasons: string[] = []
  if (storeIsDown) reasons.push('The store does not answer.')
  if (phase === 'starting')
    return { status: 'starting', reasons: ['The worker has not begun yet.', ...reasons] }
  if (!hasLease) reasons.push('The lease is lost, and a new one is not there yet.')
  if (stall !== undefined) reasons.push(stall)
  if (phase === 'draining')
    return { status: 'draining', reasons: ['The worker ends when what it runs has ended.', ...reasons] }
  if (storeIsDown) return { status: 'store-down', reasons }
  return { status: reasons.length === 0 ? 'ok' : 'stalled', reasons }
}
