/** What a budget allows: whether what is asked for fits in, and if not, what stands in the way. */
import type { Budget, Quota, ScopeUsage, QuotaWindow } from '../store/budgets.ts'

/** Tasks, and the bytes of their payloads. */
export interface Load {
  readonly tasks: number
  readonly bytes: number
}

/** What is exhausted. */
export interface Excess {
  readonly of: 'tasks' | 'bytes' | 'tasks per period' | 'handler time per period'
  readonly limit: number
  readonly used: number
  /** When the next window of the quota begins; `null`: when tasks have ended, whenever that is. */
  readonly againAt: number | null
}

/** The window of a quota that a time falls into: they follow each other from 1970 on. */
export function windowOf({ perMs }: Quota, now: number): QuotaWindow {
  const from = Math.floor(now / perMs) * perMs
  return { from, until: from + perMs }
}

/**
 * What stands in the way of a load; `null`: nothing. A quota of handler time is exhausted once it is used up: nobody
 * knows ahead how long a task will take.
 *
 * @param usage what there is, the load aside
 */
export function excessOf(
  { tasks, bytes, quota }: Budget,
  usage: ScopeUsage,
  { load, now }: { readonly load: Load; readonly now: number },
): Excess | null {
  if (tasks !== null && usage.tasks + load.tasks > tasks)
    return { of: 'tasks', limit: tasks, used: usage.tasks, againAt: null }
  if (bytes !== null && usage.bytes + load.bytes > bytes)
    return { of: 'bytes', limit: bytes, used: usage.bytes, againAt: null }
  if (quota === null) return null
  const againAt = windowOf(quota, now).until
  const { spent } = usage
  if (quota.tasks !== null && spent.tasks + load.tasks > quota.tasks)
    return { of: 'tasks per period', limit: quota.tasks, used: spent.tasks, againAt }
  if (quota.handlerMs !== null && spent.handlerMs >= quota.handlerMs)
    return { of: 'handler time per period', limit: quota.handlerMs, used: spent.handlerMs, againAt }
  return null
}
