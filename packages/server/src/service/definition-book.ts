/** What workers have published, read anew once a second: every enqueue by name asks for it. */
import { AccessError, type Mill } from '@millrace/core'
import type { Caller } from '../access/caller.ts'
import type { Scene } from './call.ts'

export type Definitions = Awaited<ReturnType<Mill['definitions']>>

/** A definition that changes is taken as it was for so long. */
const FRESH_MS = 1_000

interface Reading {
  readonly atMs: number
  readonly found: Promise<Definitions>
}

const READINGS = new WeakMap<Mill, Reading>()

/**
 * @param types those that are needed: one that is not there makes it look again
 * @throws StoreError
 */
export async function definitionsFor(
  types: readonly string[],
  { mill, platform }: Pick<Scene, 'mill' | 'platform'>,
): Promise<Definitions> {
  const known = READINGS.get(mill)
  if (known !== undefined && platform.monotonicMs() - known.atMs < FRESH_MS) {
    const found = await known.found
    const names = new Set(found.map(({ type }) => type))
    if (types.every((type) => names.has(type))) return found
  }
  return read(mill, platform.monotonicMs())
}

/**
 * Those by which this caller enqueues a task of the type: that of the type itself, since a name that is known is no
 * secret, and others as far as they are of queues in which it may. So nobody is told the names of others by mistyping one.
 *
 * @param queue for which it is; `undefined`: as the definition says, which need not be told
 * @throws AccessError
 */
export function definitionsOf(
  { type, queue }: { readonly type: string; readonly queue: string | undefined },
  definitions: Definitions,
  caller: Caller,
): Definitions {
  if (queue !== undefined) caller.require('enqueue', queue)
  const found = definitions.find((definition) => definition.type === type)
  if (queue === undefined && found !== undefined && !caller.may('enqueue', found.queue))
    throw new AccessError('forbidden', `The task ${type} is published for a queue of others.`, {
      hint: 'Name a queue in which this credential may enqueue, or have its roles and queues changed.',
    })
  return definitions.filter(
    (definition) =>
      definition === found || ANY.some((permission) => caller.may(permission, definition.queue)),
  )
}

const ANY = ['enqueue', 'view', 'work'] as const

async function read(mill: Mill, atMs: number): Promise<Definitions> {
  const found = mill.definitions()
  const reading = { atMs, found }
  READINGS.set(mill, reading)
  try {
    return await found
  } catch (error) {
    // those who come next look for themselves
    if (READINGS.get(mill) === reading) READINGS.delete(mill)
    throw error
  }
}
