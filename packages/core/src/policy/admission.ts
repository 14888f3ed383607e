/** How many slots a worker uses, so that it stays within what it may take of its machine. */

/** What a worker may take; `null`: that is no concern. */
export interface ResourceBudget {
  readonly memoryMb: number | null
  /** In processors: 1.5 is one and a half. */
  readonly cpu: number | null
}

export interface ResourceUse {
  readonly memoryMb: number
  readonly cpu: number
}

/** Below this part of the budget slots come back; between this and all of it nothing changes, or it would go to and fro. */
const EASY_BELOW = 0.9

/** Slots that come back at once, as a part of all. */
const BACK_SHARE = 0.1

/**
 * The slots to be used from now on: half as many while more is used than may be, and a few more while less is. One is
 * always left, since what holds the memory may be what waits to be done.
 *
 * @param slots those used so far, of `slotsMax`
 */
export function slotsWithin(
  { slots, slotsMax }: { readonly slots: number; readonly slotsMax: number },
  budget: ResourceBudget,
  use: ResourceUse,
): number {
  const spent = Math.max(use.memoryMb / (budget.memoryMb ?? Infinity), use.cpu / (budget.cpu ?? Infinity))
  if (spent > 1) return Math.max(1, Math.floor(slots / 2))
  if (spent < EASY_BELOW) return Math.min(slotsMax, slots + Math.ceil(slotsMax * BACK_SHARE))
  return slots
}
