/** Drafts of one call: each gets its id, and parents go before their dependents. */
import { CycleError, TooLargeError } from '../task/errors.ts'
import { LIMITS } from '../task/limits.ts'
import { topologicalOrder } from '../policy/graph.ts'
import { dependencyParts } from './specs.ts'
import type { Draft } from '../task/draft.ts'
import type { IdMaker } from '../task/ids.ts'

export interface BulkOrder {
  /** Indexes of the drafts, parents first. */
  readonly order: readonly number[]
  /** Drafts whose ids were drawn just now: any other may be known to the store. */
  readonly drawn: Set<Draft>
}

/** @throws CycleError, TooLargeError */
export function bulkOrder(drafts: readonly Draft[], ids: IdMaker): BulkOrder {
  if (drafts.length > LIMITS.graphTasks) {
    throw new TooLargeError(
      `${drafts.length} tasks are given; ${LIMITS.graphTasks} are the most in one call.`,
    )
  }
  const drawn = new Set<Draft>()
  let graph = false
  for (const draft of drafts) {
    if (draft.id === undefined) {
      draft.id = ids.next()
      drawn.add(draft)
    }
    graph ||= (draft.options.after?.length ?? 0) > 0
  }
  return { order: graph ? parentsFirst(drafts) : [...drafts.keys()], drawn }
}

function parentsFirst(drafts: readonly Draft[]): readonly number[] {
  // of a draft that is given twice the first one counts
  const entries = drafts.map((draft, index) => [String(draft.id).toLowerCase(), index] as const)
  const indexes = new Map(entries.toReversed())
  const sorted = topologicalOrder(drafts.map((draft) => parentsWithin(draft, indexes)))
  if ('order' in sorted) return sorted.order
  throw new CycleError(`These tasks wait for each other in a circle: ${cycleText(sorted.cycle, drafts)}.`)
}

/** A circle may be as long as the graph; its beginning says enough. */
function cycleText(cycle: readonly number[], drafts: readonly Draft[]): string {
  const names = cycle.slice(0, 10).map((index) => drafts[index]!.task.name)
  return [...names, cycle.length > 10 ? `… (${cycle.length} tasks)` : names[0]].join(' after ')
}

function parentsWithin(draft: Draft, indexes: ReadonlyMap<string, number>): number[] {
  const parents: number[] = []
  for (const dependency of draft.options.after ?? []) {
    const { reference } = dependencyParts(dependency)
    const id = typeof reference === 'string' ? reference : reference.id
    const index = id === undefined ? undefined : indexes.get(id.toLowerCase())
    if (index !== undefined) parents.push(index)
  }
  return parents
}
