/** What the counts of a queue begin with. */
import type { QueueCounts } from './inspection.ts'

/** The counts of a queue without any task. */
export const NO_COUNTS: QueueCounts = Object.freeze({
  blocked: 0,
  scheduled: 0,
  ready: 0,
  held: 0,
  running: 0,
  waiting: 0,
  succeeded: 0,
  failed: 0,
  cancelled: 0,
})
