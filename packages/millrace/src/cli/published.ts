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
import { flowOf, type GivenKeys, type PublishedFlow } from './published-flow.ts'

/** The plain options of a definition, as a worker publishes them. */
interface PlainOptions {
  readonly retry: RetryPolicy
  readonly timeoutMs: number | null
  readonly startByMs: number | null
  readonly deadlineMs: number | null
  /** Whether there is one task per key at a time; workers of older versions do not say. */
  readonly unique?: Uniqueness | null
  readonly flow?: PublishedFlow | null
  readonly version: number
  /** What is done with payloads when they are encoded, where the definition has a codec. */
  readonly seals?: readonly string[]
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
 * @param given `force`: take a name that nobody published, with the defaults; and the keys that its own code would make
 * @throws CliError `unknown-task`; if a key is missing
 */
export function definitionOf(
  name: string,
  published: readonly PublishedDefinition[],
  { force, ...keys }: GivenKeys & { readonly force: boolean },
): KnownDefinition {
  const found = published.find((definition) => definition.type === name)
  if (found !== undefined) return known(found, keys)
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

/**
 * The version of a definition whose inputs can be written here.
 *
 * @param instead what to do if they cannot
 * @throws CliError if they are encrypted
 */
export function writableVersion({ type, options }: PublishedDefinition, instead: string): number {
  const { seals, version } = JSON.parse(options) as PlainOptions
  if (seals?.includes('encrypted') !== true) return version
  throw new CliError(
    'failed',
    `The inputs of ${type} are encrypted, with keys that only its own code has.`,
    instead,
  )
}

function known(definition: PublishedDefinition, keys: GivenKeys): KnownDefinition {
  const options = JSON.parse(definition.options) as PlainOptions
  writableVersion(definition, 'Enqueue it by code that has its definition.')
  return {
    task: taskOf(definition, options, keys),
    schema: definition.schema,
    unique: options.unique ?? null,
  }
}

function taskOf(
  { type, queue, level }: PublishedDefinition,
  { retry, timeoutMs, startByMs, deadlineMs, version, flow = null }: PlainOptions,
  keys: GivenKeys,
): AnyTask {
  const common = {
    ...flowOf(type, flow, keys),
    input: unchecked<unknown>(),
    queue,
    priority: PRIORITIES[level] as Priority | undefined,
    timeout: timeoutMs ?? (false as const),
    startBy: startByMs ?? undefined,
    deadline: deadlineMs ?? undefined,
    version,
    upcast: version > 1 ? { [version - 1]: elsewhere } : undefined,
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

/** A function of the definition is asked by the worker that knows it, never by a producer. */
function elsewhere(): never {
  throw new NonRetryableError('This function is known to the worker only.')
}
