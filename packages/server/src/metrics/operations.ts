/** What a worker was doing when the store failed, as a label. */

/** Beginnings of what workers say: some of it ends with a name, of which there may be many. */
const OPERATIONS: readonly (readonly [beginning: string, operation: string])[] = [
  ['settling and claiming', 'exchange'],
  ['renewing the lease', 'renew'],
  ['looking for what waits', 'look'],
  ['taking over lost tasks', 'reclaim'],
  ['sweeping', 'sweep'],
  ['pruning', 'prune'],
  ['looking for', 'look'],
  ['letting the schedule', 'schedule'],
  ['enqueuing a run of the schedule', 'schedule'],
  ['enqueuing the dead letter', 'dead-letter'],
]

/** @param doing of an `error` event; of what is not known `other` */
export function operationOf(doing: string): string {
  return OPERATIONS.find(([beginning]) => doing.startsWith(beginning))?.[1] ?? 'other'
}
