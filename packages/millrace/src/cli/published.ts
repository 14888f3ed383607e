/** Definitions as sessions published them, for producers that have only a name. */
import {
  defineTask,
  NonRetryableError,
  PRIORITIES,
  unchecked,
  type AnyTask,
  type Priority,
  type RetryOptions,
  type UniqueCall,
  type UniqueHold,
} from '@millrace/core'
import type { PublishedDefinition, RetryPolicy } from '@millrace/core/store'
import { CliError } from './failure.ts'
import { nearest } from './nearest.ts'

/** The plain options of a definition, as a worker publishes them. */
interface PlainOptions {
  readonly retry: RetryPolicy
  readonly timeoutMs: number | null
  readonly startByMs: number | null
  readonly deadlineMs: number | null
  /** Whether there is one task per key at a time; workers of older versions do not say. */
  readonly unique?: Uniqueness | null
}

/** What a definition says of uniqueness, but for the function that makes its keys. */
type Uniqueness = UniqueHold & Pick<UniqueCall, 'then'>

/** What is known of a definition by its name. */
export interface KnownDefinition {
  readonly task: AnyTask
  readonly schema: string | null
  readonly unique: Uniqueness | null
}

/**
 * The definition of a name.
 *
 * @param force take a name that nobody published, with the defaults
 * @throws CliError `unknown-task`
 */
export function definitionOf(
  name: string,
  published: readonly PublishedDefinition[],
  { force }: { readonly force: boolean },
): KnownDefinition {
  const found = published.find((definition) => definition.type === name)
  if (found !== undefined) return known(found)
  if (force) return { task: defineTask(name, { input: unchecked<unknown>() }), schema: null, unique: null }
  throw new CliError(
    'unknown-task',
    `No worker of this store has ever published a task ${JSON.stringify(name)}.`,
    hint(name, published),
  )
}

function hint(name: string, published: readonly PublishedDefinition[]): string {
  const known = published.map((definition) => definition.type)
  const near = nearest(name, known)
  if (near.length > 0) return `Did you mean ${near.join(' or ')}? Or add --force to enqueue it all the same.`
  if (known.length === 0) return 'Start its worker once, or add --force to enqueue it all the same.'
  return `Known are ${known.slice(0, 10).join(', ')}${known.length > 10 ? ', …' : ''}. Or add --force to enqueue it all the same.`
}

function known(definition: PublishedDefinition): KnownDefinition {
  const options = JSON.parse(definition.options) as PlainOptions
  return { task: taskOf(definition, options), schema: definition.schema, unique: options.unique ?? null }
}

function taskOf(
  { type, queue, level }: PublishedDefinition,
  { retry, timeoutMs, startByMs, deadlineMs }: PlainOptions,
): AnyTask {
  const common = {
    input: unchecked<unknown>(),
    queue,
    priority: PRIORITIES[level] as Priority | undefined,
    timeout: timeoutMs ?? (false as const),
    startBy: startByMs ?? undefined,
    deadline: deadlineMs ?? undefined,
  }
  if (retry.kind === 'custom')
    return defineTask(type, { ...common, retry: { attempts: retry.attempts, delay: elsewhere } })
  return defineTask(type, { ...common, retry: retryOf(retry) })
}

function retryOf(retry: Exclude<RetryPolicy, { readonly kind: 'custom' }>): RetryOptions {
  switch (retry.kind) {
    case 'exponential':
      return { attempts: retry.attempts, base: retry.baseMs, max: retry.maxMs }
    case 'fixed':
      return { attempts: retry.attempts, backoff: 'fixed', base: retry.baseMs }
    case 'delays':
      return { delays: retry.delaysMs }
  }
}

/** A retry function is asked by the worker that knows it, never by a producer. */
function elsewhere(): never {
  throw new NonRetryableError('This retry function is known to the worker only.')
}
