/** Whether an input fits tasks that are there already, as far as workers have published what they take. */
import type { Mill } from '@millrace/core'
import { checkFit } from './fitting.ts'
import { writableVersion } from './definitions.ts'
import { DefinitionError } from './trouble.ts'

/** Whose input is replaced: tasks by their ids, or any tasks of some types. */
export type Replaced = { readonly ids: readonly string[] } | { readonly types: readonly string[] }

/** A task by its id; `null`: any of a type. */
interface Target {
  readonly id: string | null
  readonly type: string
  /** Of the input that is there: the new one is taken for one of the same. */
  readonly version: number
}

/**
 * @param warn is told why a schema cannot be used, which is no reason to refuse an input
 * @throws InvalidPayloadError that says where and what, if the input does not fit one of them; DefinitionError if it
 *   cannot stand for theirs
 */
export async function checkReplacement(
  input: unknown,
  about: Replaced,
  { mill, warn }: { readonly mill: Mill; readonly warn: (message: string) => void },
): Promise<void> {
  const targets: Target[] =
    'types' in about ? about.types.map((type) => ({ id: null, type, version: 1 })) : []
  for (const id of 'ids' in about ? about.ids : []) {
    const status = await mill.tasks.get(id)
    if (status !== undefined) targets.push({ id, type: status.type, version: status.policy.version ?? 1 })
  }
  for (const definition of await mill.definitions()) {
    const { type, schema } = definition
    const its = targets.filter((target) => target.type === type)
    if (its.length === 0) continue
    const version = writableVersion(definition, 'Change it by code that has its definition.')
    for (const target of its) checkVersion(target, version)
    await checkFit(input, { type, schema }, warn)
  }
}

/** An input of the published version would be brought to it once more. */
function checkVersion({ id, type, version }: Target, published: number): void {
  if (version === published) return
  throw new DefinitionError(
    { kind: 'version', task: id, version },
    id === null
      ? `One input cannot be given to any tasks of ${type}: it has versions.`
      : `The input of task ${id} is of version ${version} of ${type}, and workers have published version ${published}.`,
    id === null
      ? 'Nothing was written. Change them one by one, by id.'
      : `Nothing was written. Cancel it and enqueue another one; with force the input is taken as one of version ${version}.`,
  )
}
