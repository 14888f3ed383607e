/** The flow control of a definition as sessions published it: what it names, without the functions that make its keys. */
import type { LimitOptions, TaskOptions, Schema } from '@millrace/core'
import { DefinitionError, type MissingKey } from './trouble.ts'

export interface PublishedFlow {
  readonly partition: { readonly fifo: boolean } | null
  /** Whether a function of the input makes its key. */
  readonly limits: readonly { readonly name: string; readonly keyed: boolean }[]
  /** The name of its breaker. */
  readonly breaker: string | null
}

/** What a producer says in the place of these functions. */
export interface GivenKeys {
  readonly partition?: string | undefined
  /** Keys by the name of the limit. */
  readonly limits?: ReadonlyMap<string, string> | undefined
}

/** What a definition says of its flow. */
type Flow = Pick<TaskOptions<Schema, Schema>, 'partition' | 'limits' | 'breaker'>

/**
 * The same flow, with the keys that are given.
 *
 * @throws DefinitionError if one is missing that only the definition's own code could make, or one is given for no limit of it
 */
export function flowOf(type: string, published: PublishedFlow | null, given: GivenKeys): Flow {
  const keys = given.limits ?? new Map<string, string>()
  const known = published?.limits ?? []
  const unknown = [...keys.keys()].find((name) => !known.some((limit) => limit.name === name && limit.keyed))
  if (unknown !== undefined) {
    const names = known.filter(({ keyed }) => keyed).map(({ name }) => name)
    throw new DefinitionError(
      { kind: 'no-such-limit', limits: names },
      `${type} counts under no limit ${JSON.stringify(unknown)} that has keys.`,
      names.length === 0 ? 'Give no keys of limits.' : `Those that have: ${names.join(', ')}.`,
    )
  }
  if (published === null) return {}
  checkComplete(type, published, given)
  const { partition, breaker } = published
  return {
    limits: known.map(({ name }): LimitOptions<unknown> => {
      const key = keys.get(name)
      return key === undefined ? { name } : { name, key: () => key }
    }),
    partition: partition === null ? undefined : { key: () => given.partition!, fifo: partition.fifo },
    breaker: breaker === null ? undefined : { name: breaker },
  }
}

/** @throws DefinitionError that names all that is missing */
function checkComplete(type: string, { partition, limits }: PublishedFlow, given: GivenKeys): void {
  const missing: MissingKey[] = limits
    .filter(({ name, keyed }) => keyed && given.limits?.has(name) !== true)
    .map(({ name }) => ({ of: 'limit', name }))
  if (partition !== null && given.partition === undefined) missing.unshift({ of: 'partition' })
  if (missing.length === 0) return
  throw new DefinitionError(
    { kind: 'missing-keys', missing },
    `Of ${type} only its own code can make ${missing.map(wordsOf).join(' and ')} of an input.`,
    'Give what its definition makes of this input.',
  )
}

function wordsOf(key: MissingKey): string {
  return key.of === 'limit' ? `the key of its limit ${key.name}` : 'its partition'
}
