/**
 * From wall clock times to points in time, over the days on which the clock is changed.
 *
 * An expression that names all 24 hours goes by elapsed time: it fires whenever the wall clock shows a time that it
 * means, so twice where an hour comes twice, and not at all in an hour that is left out. Any other one names hours, each
 * of which is meant once a day: what falls into a gap fires right after it, once; of what comes twice, one is taken.
 */
import type { CronExpression } from './cron.ts'
import type { OffsetChange, Zone } from './zone.ts'

/** What becomes of hours that are left out, or come twice, when the clock is changed. */
export interface ClockChanges {
  /** `after`: once, at the first moment that there is again. `skip`: not at all. */
  readonly gap: 'after' | 'skip'
  /** Which of the two is taken. */
  readonly overlap: 'first' | 'last' | 'both'
}

/** A point in time at which something fires, and what is odd about it. */
export interface Fire {
  readonly at: number
  /** `gap`: it stands for a time that the clock left out. `overlap`: the wall clock shows this time twice. */
  readonly note: 'gap' | 'overlap' | null
}

export interface WallClock {
  readonly cron: CronExpression
  readonly zone: Zone
  readonly dst: ClockChanges
}

/** No clock was ever changed by more. */
const CHANGE_MAX_MS = 86_400_000 + 1_000

/** The first fire after a point in time; `null` if there is none any more. */
export function fireAfter(clock: WallClock, after: number): Fire | null {
  const { cron, zone } = clock
  let [from, changed, offset] = [after, after, zone.offsetAt(after)]
  for (;;) {
    const wall = cron.after(from + offset)
    const at = wall === null ? from + CHANGE_MAX_MS : wall - offset
    const change = zone.nextChange(changed, at)
    if (change !== null) {
      if (fallsIntoGap(clock, change)) return { at: change.at, note: 'gap' }
      from = change.at - 1
      changed = change.at
      offset = change.after
    } else if (wall === null) {
      return null
    } else {
      const fire = fireAt(clock, at, wall)
      if (fire !== null) return fire
      from = at
    }
  }
}

function fallsIntoGap({ cron, dst }: WallClock, { at, before, after }: OffsetChange): boolean {
  if (after < before || cron.everyHour || dst.gap === 'skip') return false
  const wall = cron.after(at + before - 1)
  return wall !== null && wall < at + after
}

/** What a wall clock time that is shown at this moment means. */
function fireAt({ cron, zone, dst }: WallClock, at: number, wall: number): Fire | null {
  const last = zone.lastChange(at, at - CHANGE_MAX_MS)
  const next = zone.nextChange(at, at + CHANGE_MAX_MS)
  const wasShown = last !== null && last.after < last.before && wall < last.at + last.before
  const isShownAgain = next !== null && next.after < next.before && wall >= next.at + next.after
  if (!wasShown && !isShownAgain) return { at, note: null }
  const unwanted = wasShown ? dst.overlap === 'first' : dst.overlap === 'last'
  return unwanted && !cron.everyHour ? null : { at, note: 'overlap' }
}
