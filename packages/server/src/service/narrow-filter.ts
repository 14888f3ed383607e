/**
 * Filters of those who look at all queues, and may see some. A store goes by a filter before anybody says what of it is
 * seen: an empty page that is not the last would tell what is in tasks of others. So a store hears nothing of such a
 * filter but states, and what it says of the inside of tasks is asked of those that are seen.
 */
import { fitsDescription, type Described, type TaskFilter } from '@millrace/core/store'

type Inside = Pick<TaskFilter, 'type' | 'tag' | 'metadata' | 'text'>

interface Listed extends Omit<Described, 'error'> {
  readonly error: { readonly message: string } | null
}

export interface NarrowFilter<F> {
  /** What the store is asked. */
  readonly asked: Omit<F, keyof Inside>
  readonly fits: (task: Listed) => boolean
}

/** @param filter without a queue */
export function narrowFilter<F extends Inside>(filter: F): NarrowFilter<F> {
  const { type, tag, metadata, text, ...asked } = filter
  return {
    asked,
    fits: ({ error, ...task }) =>
      (type === undefined || task.type === type) &&
      fitsDescription({ ...task, error: error?.message ?? null }, { tag, metadata, text }),
  }
}
