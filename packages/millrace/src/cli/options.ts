/** Options that several verbs share, and how their texts become values. */
import { InvalidArgumentError } from '@millrace/core'
import type { TaskState } from '@millrace/core/store'
import { Option } from 'commander'
import { CliError } from './failure.ts'

/** The states of the store, by which tasks are found. */
export const STATES: readonly TaskState[] = [
  'blocked',
  'pending',
  'running',
  'waiting',
  'succeeded',
  'failed',
  'cancelled',
]

export interface FilterOptions {
  readonly state?: readonly string[] | undefined
  readonly queue?: string | undefined
  readonly type?: string | undefined
  readonly tag?: string | undefined
}

export function stateOption(description: string): Option {
  return new Option('--state <state...>', description)
}

/** Everything that was said with a repeatable option, commas included: `--state failed,cancelled`. */
export function listed(given: readonly string[] | undefined): readonly string[] | undefined {
  return given?.flatMap((text) => text.split(',')).filter((text) => text !== '')
}

/**
 * @param also what else may be said where these states are asked for
 * @throws CliError
 */
export function statesOf(
  given: readonly string[] | undefined,
  also: readonly string[] = [],
): readonly TaskState[] | undefined {
  return listed(given)?.map((state) => {
    if (isState(state)) return state
    throw new CliError(
      'usage',
      `There is no state ${JSON.stringify(state)}.`,
      `The states are ${[...STATES, ...also].join(', ')}.`,
    )
  })
}

/** @throws CliError */
export function wholeNumber(text: string, what: string): number {
  if (/^\d{1,9}$/.test(text) && Number(text) >= 1) return Number(text)
  throw new CliError('usage', `${what} is ${JSON.stringify(text)}.`, 'It is a whole number, at least 1.')
}

/**
 * JSON as somebody typed it.
 *
 * @throws CliError
 */
export function parsedJson(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch (error) {
    const detail = error instanceof Error ? error.message.replace(/ in JSON.*$|, .*$/s, '') : ''
    throw new CliError(
      'usage',
      `The input is no JSON: ${detail}.`,
      `Put it in single quotes, as in '{"name":"Ada"}' or '"text"'.`,
    )
  }
}

/** @throws InvalidArgumentError */
export function pointInTime(text: string, what: string): Date {
  const at = /^\d{12,}$/.test(text) ? new Date(Number(text)) : new Date(text)
  if (!Number.isNaN(at.getTime())) return at
  throw new InvalidArgumentError(`${what} is ${JSON.stringify(text)}, which is no date.`, {
    hint: 'Give it like 2026-01-31T08:00:00Z, or as milliseconds since 1970.',
  })
}

function isState(text: string): text is TaskState {
  return (STATES as readonly string[]).includes(text)
}
