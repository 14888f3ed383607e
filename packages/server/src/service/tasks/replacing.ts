/**
 * A task that replaces whoever holds its unique key cancels a task, perhaps of a queue in which its caller may not. Who may
 * enqueue everywhere need not ask; who may not asks for the key first, and that only one task at a time.
 */
import { AccessError, codeOf, type Draft, type EnqueuedHandle, type EnqueueOptions } from '@millrace/core'
import { seenIds } from '../sight.ts'
import type { Caller } from '../../access/caller.ts'
import type { Scene } from '../call.ts'

/** @throws AccessError where nobody could ask for the key first */
export function checkReplacing({ unique }: Pick<EnqueueOptions, 'unique'>, caller: Caller): void {
  if (unique?.then !== 'replace' || caller.mayEverywhere('enqueue')) return
  throw new AccessError('forbidden', 'Whom this task replaces may be in a queue of others.', {
    hint: "Enqueue it by itself (POST /v1/tasks), with `then: 'keep'`, or with a role for all queues.",
  })
}

/** @throws UniqueKeyError where the holder of its key is in a queue of others; what `mill.enqueue` throws */
export async function enqueueOne({ task, input, options }: Draft, scene: Scene): Promise<EnqueuedHandle> {
  const { mill, caller } = scene
  const { unique } = options
  if (unique?.then === 'replace' && !caller.mayEverywhere('enqueue')) {
    try {
      return await mill.enqueue(task, input, { ...options, unique: { ...unique, then: 'reject' } })
    } catch (error) {
      if (codeOf(error) !== 'unique') throw error
      const { id } = (error as { readonly by: { readonly id: string } }).by
      if (!(await seenIds([id], 'enqueue', scene)).has(id)) throw error
    }
  }
  return mill.enqueue(task, input, options)
}
