/** The flow control of a definition as sessions published it: what it names, without the functions that make its keys. */
import type { LimitOptions, TaskOptions, Schema } from '@millrace/core'
import { CliError } from './failure.ts'

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
 * @throws CliError if one is missing that only the definition's own code could make, or one is given for no limit of it
 */
export function flowOf(type: string, published: PublishedFlow | null, given: GivenKeys): Flow {
  const keys = given.limits ?? new Map<string, string>()
  const known = published?.limits ?? []
  const unknown = [...keys.keys()].find((name) => !known.some((limit) => limit.name === name && limit.keyed))
  if (unknown !== undefined) {
    const names = known.filter(({ keyed }) => keyed).map(({ name }) => name)
    throw new CliError(
      'usage',
      `${type} counts under no limit ${JSON.stringify(unknown)} that has keys.`,
      names.length === 0 ? 'Leave --limit away.' : `Those that have: ${names.join(', ')}.`,
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

/** @throws CliError that names all that is missing */
function checkComplete(type: string, { partition, limits }: PublishedFlow, given: GivenKeys): void {
  const missing = limits
    .filter(({ name, keyed }) => keyed && given.limits?.has(name) !== true)
    .map(({ name }) => ({ what: `the key of its limit ${name}`, option: `--limit ${name}=KEY` }))
  if (partition !== null && given.partition === undefined)
    missing.unshift({ what: 'its partition', option: '--partition KEY' })
  if (missing.length === 0) return
  throw new CliError(
    'failed',
    `Of ${type} only its own code can make ${missing.map(({ what }) => what).join(' and ')} of an input.`,
    `Give what its definition makes of this input: ${missing.map(({ option }) => option).join(' ')}`,
  )
}
