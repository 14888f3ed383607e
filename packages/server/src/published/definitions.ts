/** Definitions as sessions published them, for producers that have only a name. */
import {
  defineTask,
  NonRetryableError,
  PRIORITIES,
  unchecked,
  type AnyTask,
  type EnqueueOptions,
  type Priority,
  type RetryOptions,
  type UniqueCall,
  type UniqueHold,
} from '@millrace/core'
import type { PublishedDefinition, RetryPolicy } from '@millrace/core/store'
import { flowOf, type GivenKeys, type PublishedFlow } from './flow.ts'
import { nearest } from './nearest.ts'
import { DefinitionError } from './trouble.ts'

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
 * @throws DefinitionError if nobody published it, a key is missing, or its inputs are encrypted
 */
export function definitionOf(
  name: string,
  published: readonly PublishedDefinition[],
  { force, ...keys }: GivenKeys & { readonly force: boolean },
): KnownDefinition {
  const found = published.find((definition) => definition.type === name)
  if (found !== undefined) return knownOf(found, keys)
  if (force) return { task: defineTask(name, { input: unchecked<unknown>() }), schema: null, unique: null }
  const known = published.map(({ type }) => type)
  const near = nearest(name, known)
  throw new DefinitionError(
    { kind: 'unknown', near, known },
    `No worker of this store has ever published a task ${JSON.stringify(name)}.`,
    `${near.length > 0 ? `Did you mean ${near.join(' or ')}? ` : ''}Start its worker once, or enqueue it with force.`,
  )
}

/**
 * The version of a definition whose inputs can be written here.
 *
 * @param instead what to do if they cannot
 * @throws DefinitionError if they are encrypted
 */
export function writableVersion({ type, options }: PublishedDefinition, instead: string): number {
  const { seals, version } = plainOptions({ type, options })
  if (seals?.includes('encrypted') !== true) return version
  throw new DefinitionError(
    { kind: 'sealed' },
    `The inputs of ${type} are encrypted, with keys that only its own code has.`,
    instead,
  )
}

/**
 * The options of uniqueness of an enqueue by name.
 *
 * @param key what the definition makes of the input
 * @throws DefinitionError if a key is needed: the function that makes it is in the definition's code only
 */
export function uniqueOf(
  { task, unique }: KnownDefinition,
  key: string | undefined,
): EnqueueOptions['unique'] {
  if (key !== undefined) return { ...unique, key }
  if (unique === null) return undefined
  throw new DefinitionError(
    { kind: 'missing-keys', missing: [{ of: 'unique' }] },
    `Of ${task.name} there is one task per key at a time, and only its own code can make the key of an input.`,
    'Give the key that its definition makes of this input.',
  )
}

function knownOf(definition: PublishedDefinition, keys: GivenKeys): KnownDefinition {
  const options = plainOptions(definition)
  writableVersion(definition, 'Enqueue it by code that has its definition.')
  return {
    task: taskOf(definition, options, keys),
    schema: definition.schema,
    unique: options.unique ?? null,
  }
}

/** @throws DefinitionError if they are not what a worker of ours publishes */
function plainOptions({ type, options }: Pick<PublishedDefinition, 'type' | 'options'>): PlainOptions {
  try {
    const plain = JSON.parse(options) as Partial<PlainOptions> | null
    if (typeof plain?.retry?.kind === 'string' && typeof plain.version === 'number')
      return plain as PlainOptions
  } catch {
    // told below
  }
  throw new DefinitionError(
    { kind: 'unreadable' },
    `What is published of the task ${type} cannot be read.`,
    'Enqueue it by code that has its definition, or start its worker anew.',
  )
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
