import type { Retention } from '../store/port.ts'

const DAY_MS = 86_400_000

/** How long final tasks are kept where a queue has no retention of its own. Each store has its own default for bytes. */
export const DEFAULT_RETENTION: Omit<Retention, 'bytes'> = {
  succeededMs: DAY_MS,
  cancelledMs: DAY_MS,
  failedMs: 14 * DAY_MS,
  count: null,
}
