/** What workers have published, read anew once a second: every enqueue by name asks for it. */
import type { Mill } from '@millrace/core'
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
