/** Ends tasks that do not run and whose time is over. */
import { STATE } from '@millrace/core/store'
import { tellDependents } from './dependents.ts'
import { draftOf, end, isFinal, isRunning, loadLive, tell, timeLimitOf } from './tasks.ts'
import type { Pass } from './pass.ts'

/** @returns how many it ended */
export async function endOverdue(pass: Pass, ids: readonly string[]): Promise<number> {
  if (ids.length === 0) return 0
  await loadLive(pass, ids)
  let ended = 0
  for (const id of ids) {
    const draft = draftOf(pass, id)
    if (draft === undefined || isRunning(draft.task) || isFinal(draft.task)) continue
    const limit = timeLimitOf(draft.task)
    if (limit === null || limit.at > pass.now) continue
    tell(pass, draft, { event: 'failed', detail: limit.reason })
    end(pass, draft, { state: STATE.failed, reason: limit.reason })
    ended += 1
  }
  await tellDependents(pass)
  return ended
}
