/** Options that several verbs share, and how their texts become values. */
import { text as readAll } from 'node:stream/consumers'
import { InvalidArgumentError, type TaskQuery } from '@millrace/core'
import type { TaskState } from '@millrace/core/store'
import { Option, type Command } from 'commander'
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
  readonly metadata?: readonly string[] | undefined
  readonly text?: string | undefined
}

/** Adds the options by which tasks are found, but for their states. */
export function addFilterOptions(command: Command, which: 'only' | 'all'): Command {
  return command
    .option('--queue <name>', `${which} of this queue`)
    .option('--type <task>', `${which} of this task`)
    .option('--tag <name>', `${which} with this tag`)
    .option('--metadata <key=value...>', `${which} with this metadata, to the letter`)
    .option('--text <text>', `${which} with this in type, tags, metadata or error message, whatever the case`)
}

/** @throws CliError */
export function queryOf({ queue, type, tag, metadata, text }: FilterOptions): Omit<TaskQuery, 'state'> {
  return { queue, type, tag, metadata: metadataOf(metadata), text }
}

/** A value may hold commas and further equals signs: each pair is an argument of its own. */
function metadataOf(pairs: readonly string[] | undefined): TaskQuery['metadata'] {
  if (pairs === undefined) return undefined
  return Object.fromEntries(
    pairs.map((pair) => {
      const at = pair.indexOf('=')
      if (at > 0) return [pair.slice(0, at), pair.slice(at + 1)]
      throw new CliError('usage', `--metadata is ${JSON.stringify(pair)}.`, 'Give it like tenant=acme.')
    }),
  )
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

/**
 * The same, where `-` stands for what comes by stdin.
 *
 * @throws CliError
 */
export async function typedJson(text: string): Promise<unknown> {
  return parsedJson(text === '-' ? await readAll(process.stdin) : text)
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
