/** Which tasks a filter means, and where a reader has got to. */
import {
  FINAL_FROM,
  fitsDescription,
  InvalidArgumentError,
  looksInto,
  STATE,
  type TaskFilter,
  type TaskState,
} from '@millrace/core/store'

const ALL_STATES: readonly number[] = Object.values(STATE)

export function statesOf(states: readonly TaskState[] | undefined): readonly number[] {
  return states === undefined ? ALL_STATES : states.map((state) => STATE[state])
}

/** What of a row a filter looks into: tags and metadata as JSON, the error as JSON. */
export interface Details {
  readonly type: string
  readonly labels: string | null
  readonly error: string | null
}

export function fitsDetails({ type, labels, error }: Details, filter: TaskFilter): boolean {
  if (filter.tag === undefined && !looksInto(filter)) return true
  type Labels = [tags: readonly string[], metadata: Readonly<Record<string, string>>]
  const [tags, metadata]: Labels = labels === null ? [[], {}] : (JSON.parse(labels) as Labels)
  const message = error === null ? null : (JSON.parse(error) as { message: string }).message
  return fitsDescription({ type, tags, metadata, error: message }, filter)
}

/** How many tasks a page looks into, at most and by itself: more than it may answer. */
export const LOOKED_INTO = 1_000

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
