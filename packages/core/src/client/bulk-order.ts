/** Drafts of one call: each gets its id, and parents go before their dependents. */
import { CycleError, InvalidArgumentError, TooLargeError } from '../task/errors.ts'
import { LIMITS } from '../task/limits.ts'
import { shown } from '../task/shown.ts'
import { topologicalOrder } from '../policy/graph.ts'
import { dependencyParts } from './specs.ts'
import type { Place, Places } from './flow-plan.ts'
import type { Dependency, Draft } from '../task/draft.ts'
import type { IdMaker } from '../task/ids.ts'

export interface BulkOrder {
  /** Indexes of the drafts, parents first. */
  readonly order: readonly number[]
  /** Drafts whose ids were drawn just now: any other may be known to the store. The caller's to change. */
  readonly drawn: Set<Draft>
}

/**
 * @param places of drafts of which something is said beside what they say
 * @throws CycleError, TooLargeError, InvalidArgumentError if these are no drafts
 */
export function bulkOrder(drafts: readonly Draft[], ids: IdMaker, places?: Places): BulkOrder {
  checkDrafts(drafts)
  if (drafts.length > LIMITS.graphTasks) {
    throw new TooLargeError(
      `${drafts.length} tasks are given; ${LIMITS.graphTasks} are the most in one call.`,
      { hint: 'Enqueue them in several calls, parents first.' },
    )
  }
  const drawn = new Set<Draft>()
  let graph = places !== undefined
  for (const draft of drafts) {
    if (draft.id === undefined) {
      draft.id = ids.next()
      drawn.add(draft)
    }
    graph ||= (draft.options.after?.length ?? 0) > 0
  }
  try {
    return { order: graph ? parentsFirst(drafts, places) : [...drafts.keys()], drawn }
  } catch (error) {
    forgetIds(drawn)
    throw error
  }
}

/** @throws InvalidArgumentError if these are no drafts */
export function checkDrafts(drafts: unknown): void {
  if (!Array.isArray(drafts)) {
    throw new InvalidArgumentError(`The drafts are ${shown(drafts)}.`, { hint: DRAFT_HINT })
  }
  for (const [index, draft] of (drafts as unknown[]).entries()) {
    if (typeof draft === 'object' && draft !== null && '~draft' in draft) continue
    throw new InvalidArgumentError(`drafts[${index}] is ${shown(draft)}, which is no draft.`, {
      hint: DRAFT_HINT,
    })
  }
}

const DRAFT_HINT = 'Give a list of what task.with(input, options) answers.'

/** Drafts of which nothing was written may be tried again, under ids that are new then too. */
export function forgetIds(drawn: Iterable<Draft>): void {
  for (const draft of drawn) draft.id = undefined
}

function parentsFirst(drafts: readonly Draft[], places: Places | undefined): readonly number[] {
  // of a draft that is given twice the first one counts
  const entries = drafts.map((draft, index) => [String(draft.id).toLowerCase(), index] as const)
  const indexes = new Map(entries.toReversed())
  const sorted = topologicalOrder(drafts.map((draft) => parentsWithin(draft, places?.get(draft), indexes)))
  if ('order' in sorted) return sorted.order
  throw new CycleError(`These tasks wait for each other in a circle: ${cycleText(sorted.cycle, drafts)}.`, {
    hint: 'Take one of these out of the `after` of the other: a task starts when all that it waits for have ended.',
  })
}

/** A circle may be as long as the graph; its beginning says enough. */
function cycleText(cycle: readonly number[], drafts: readonly Draft[]): string {
  const names = cycle.slice(0, 10).map((index) => drafts[index]!.task.name)
  return [...names, cycle.length > 10 ? `… (${cycle.length} tasks)` : names[0]].join(' after ')
}

function parentsWithin(
  draft: Draft,
  place: Place | undefined,
  indexes: ReadonlyMap<string, number>,
): number[] {
  const parents: number[] = []
  const { after } = draft.options
  // what is none of this is refused as its draft is looked at
  const own = Array.isArray(after) ? (after as readonly Dependency[]) : []
  for (const dependency of place === undefined ? own : [...place.after, ...own]) {
    const { parent } = dependencyParts(dependency)
    const index = typeof parent === 'string' ? indexes.get(parent.toLowerCase()) : undefined
    if (index !== undefined) parents.push(index)
  }
  return parents
}
