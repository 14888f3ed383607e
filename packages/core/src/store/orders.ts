/** What was ordered of a session, as stores keep it: two columns or fields of their own. */
import type { SessionOrder } from './sessions.ts'

/** `null` where nothing was ordered. */
export function orderOf(end: SessionOrder['end'], concurrency: number | null): SessionOrder | null {
  return end === null && concurrency === null ? null : { end, concurrency }
}
