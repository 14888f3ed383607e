/** Cancels a task that does not run. */
import { STATE } from '@millrace/core/store'
import { end, tell, type Draft, type Task } from './tasks.ts'
import type { Pass } from './pass.ts'

export interface Cancelling {
  readonly reason: string | null
  /** For the history. */
  readonly detail: string | null
}

export function cancel(pass: Pass, draft: Draft, { reason, detail }: Cancelling): void {
  const { task } = draft
  task.cancel = JSON.stringify({ reason, at: pass.now })
  newEpoch(task)
  tell(pass, draft, { event: 'cancelled', detail })
  end(pass, draft, { state: STATE.cancelled })
}

/** Every older fence is void, and nobody holds the new one. */
export function newEpoch(task: Task): void {
  task.epoch += 1
  task.nonce = null
  task.settled = 0
}
