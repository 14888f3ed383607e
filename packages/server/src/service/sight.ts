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
  { mill, store, caller }: Pick<Scene, 'mill' | 'store' | 'caller'>,
): Promise<ReadonlySet<string>> {
  if (caller.mayEverywhere(permission)) return new Set(ids)
  await mill.open()
  const seen = new Set<string>()
  for (let from = 0; from < ids.length; from += READ_AT_ONCE) {
    const some = ids.slice(from, from + READ_AT_ONCE)
    const records = await store.get(some.map((id) => id.toLowerCase()))
    for (const [index, record] of records.entries())
      if (record !== null && caller.may(permission, record.queue)) seen.add(some[index]!)
  }
  return seen
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
