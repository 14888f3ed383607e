/** Which tasks a caller sees: those of other queues are as if they were not there. */
import { NotFoundError, type TaskStatus } from '@millrace/core'
import type { Permission } from '../access/roles.ts'
import type { Caller } from '../access/caller.ts'
import type { Scene } from './call.ts'

/** Tasks may be large: so many are read at a time. */
const READ_AT_ONCE = 20

/** @throws NotFoundError, also for a task that the caller may not see */
export async function seenTask(
  id: string,
  permission: Permission,
  { mill, caller }: Pick<Scene, 'mill' | 'caller'>,
): Promise<TaskStatus> {
  const status = await mill.tasks.get(id)
  if (status !== undefined && caller.may(permission, status.queue)) return status
  throw unknownTask(id)
}

/** What is said of a task that is not there, or might as well not be. */
export function unknownTask(id: string): NotFoundError {
  return new NotFoundError(`The store holds no task ${id.toLowerCase()}.`)
}

/**
 * Of these tasks the ids of those that the caller sees; who may everywhere sees all, whether they are there or not.
 *
 * @param ids 1 000 at most
 */
export async function seenIds(
  ids: readonly string[],
  permission: Permission,
  scene: Pick<Scene, 'mill' | 'store' | 'caller'>,
): Promise<ReadonlySet<string>> {
  if (scene.caller.mayEverywhere(permission)) return new Set(ids)
  return where(ids, scene, (queue) => queue !== undefined && scene.caller.may(permission, queue))
}

/** Of these tasks the ids of those that are there, and that the caller does not see. */
export async function hiddenIds(
  ids: readonly string[],
  permission: Permission,
  scene: Pick<Scene, 'mill' | 'store' | 'caller'>,
): Promise<ReadonlySet<string>> {
  if (scene.caller.mayEverywhere(permission)) return new Set()
  return where(ids, scene, (queue) => queue !== undefined && !scene.caller.may(permission, queue))
}

/** @param fits of a queue; `undefined`: the store does not hold such a task */
async function where(
  ids: readonly string[],
  { mill, store }: Pick<Scene, 'mill' | 'store'>,
  fits: (queue: string | undefined) => boolean,
): Promise<ReadonlySet<string>> {
  await mill.open()
  const found = new Set<string>()
  for (let from = 0; from < ids.length; from += READ_AT_ONCE) {
    const some = ids.slice(from, from + READ_AT_ONCE)
    const records = await store.get(some.map((id) => id.toLowerCase()))
    for (const [index, record] of records.entries()) if (fits(record?.queue)) found.add(some[index]!)
  }
  return found
}

/**
 * Where something is asked of all queues or of one: it must be one in which the caller may.
 *
 * @throws AccessError
 */
export function requireScope(caller: Caller, permission: Permission, queue: string | undefined): void {
  if (queue === undefined) caller.requireEverywhere(permission)
  else caller.require(permission, queue)
}
