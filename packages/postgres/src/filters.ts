/** Which tasks a filter means, and where a reader has got to. */
import { InvalidArgumentError } from '@millrace/core'
import { STATE } from './codes.ts'
import type { TaskState } from '@millrace/core/store'

const ALL_STATES: readonly number[] = Object.values(STATE)

export function statesOf(states: readonly TaskState[] | undefined): readonly number[] {
  return states === undefined ? ALL_STATES : states.map((state) => STATE[state])
}

export function hasTag(labels: string | null, tag: string | undefined): boolean {
  if (tag === undefined) return true
  return labels !== null && (JSON.parse(labels) as [tags: string[]])[0].includes(tag)
}

/** @throws InvalidArgumentError */
export function notOurs(cursor: string): InvalidArgumentError {
  return new InvalidArgumentError(`The cursor ${JSON.stringify(cursor)} was not given by this store.`)
}
