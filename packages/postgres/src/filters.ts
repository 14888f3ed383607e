/** Which tasks a filter means, and where a reader has got to. */
import { InvalidArgumentError } from '@millrace/core'
import { FINAL_FROM, STATE } from '@millrace/core/store'
import type { TaskState } from '@millrace/core/store'

const ALL_STATES: readonly number[] = Object.values(STATE)

export function statesOf(states: readonly TaskState[] | undefined): readonly number[] {
  return states === undefined ? ALL_STATES : states.map((state) => STATE[state])
}

export function hasTag(labels: string | null, tag: string | undefined): boolean {
  if (tag === undefined) return true
  return labels !== null && (JSON.parse(labels) as [tags: string[]])[0].includes(tag)
}

/** Where final tasks of these states are. */
export function slotsOf(states: readonly number[]): readonly number[] {
  return states
    .filter((state) => state >= FINAL_FROM)
    .flatMap((state) => (state === STATE.succeeded ? [0, 1, 2, 3, 4, 5, 6, 7] : [state + 3]))
}

/** How many tasks of a table one page of a list or command looks at, whatever the filter lets through. */
export const LOOKED_AT_MAX = 5_000

/** Below and above all ids. */
export const LOWEST_ID = '00000000-0000-0000-0000-000000000000'
export const HIGHEST_ID = 'ffffffff-ffff-ffff-ffff-ffffffffffff'

/** @throws InvalidArgumentError */
export function notOurs(cursor: string): InvalidArgumentError {
  return new InvalidArgumentError(`The cursor ${JSON.stringify(cursor)} was not given by this store.`)
}
