/** What the ends of its parents do to a task that waits for them. */
import type { IfFailed } from '../store/records.ts'

/** How a parent stands to a dependent: it lives, it succeeded, or it ended in another way. */
export type ParentState = 'open' | 'succeeded' | 'unsuccessful'

/** How a parent that did not succeed ends its dependent. */
export type DependencyEnd = 'dependency-cancel' | 'dependency-fail'

/** What a blocked task still waits for. */
export interface Waits {
  /** Open edges, the gate included. */
  readonly blockers: number
  /** Those of them that are triggers. None is left once one of them has started the task. */
  readonly triggers: number
}

/** What becomes of a blocked task when a parent ends: it waits for less (nothing: it is free), or it ends. */
export function waitsAfter(
  { blockers, triggers }: Waits,
  ifFailed: IfFailed,
  succeeded: boolean,
): Waits | DependencyEnd {
  if (ifFailed === 'trigger') {
    // another parent has triggered it before
    if (triggers === 0) return { blockers, triggers }
    // all of them are one condition, and it is met
    if (!succeeded) return { blockers: blockers - triggers, triggers: 0 }
    return triggers === 1 ? 'dependency-cancel' : { blockers: blockers - 1, triggers: triggers - 1 }
  }
  const end = succeeded ? null : endOf(ifFailed)
  return end ?? { blockers: blockers - 1, triggers }
}

/** What a parent that did not succeed does to its dependent; `null`: it ends nothing. */
function endOf(ifFailed: IfFailed): DependencyEnd | null {
  switch (ifFailed) {
    case 'cancel':
      return 'dependency-cancel'
    case 'fail':
      return 'dependency-fail'
    case 'run':
    case 'trigger':
      return null
  }
}

/** One edge of a newcomer, and how its parent stands. */
export interface NewEdge {
  readonly parent: ParentState
  readonly ifFailed: IfFailed
}

/** In which state a task with parents begins. */
export interface Birth {
  readonly waits: Waits
  /** How it ends at once; `null`: it does not. */
  readonly end: DependencyEnd | null
  /** Whether it waits for that parent. */
  readonly isOpen: (edge: NewEdge) => boolean
}

/**
 * What the parents that ended already do to a newcomer. The first edge that ends it decides; that no trigger is left
 * which could start it comes last.
 */
export function birthAfter(edges: readonly NewEdge[]): Birth {
  let end: DependencyEnd | null = null
  let open = 0
  let triggers = 0
  let isTriggered = false
  let couldBeTriggered = false
  for (const { parent, ifFailed } of edges) {
    const isTrigger = ifFailed === 'trigger'
    couldBeTriggered ||= isTrigger
    if (parent === 'open') {
      if (isTrigger) triggers += 1
      else open += 1
    } else if (parent === 'unsuccessful') {
      isTriggered ||= isTrigger
      end ??= endOf(ifFailed)
    }
  }
  if (isTriggered) triggers = 0
  else if (couldBeTriggered && triggers === 0) end ??= 'dependency-cancel'
  return {
    waits: { blockers: open + triggers, triggers },
    end,
    isOpen: ({ parent, ifFailed }) => parent === 'open' && !(ifFailed === 'trigger' && isTriggered),
  }
}
