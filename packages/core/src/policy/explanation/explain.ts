/**
 * Explains a task: why it has not started, what it is doing, or why it ended as it did. The same facts have the same
 * clauses in the same order, what keeps the task most first.
 */
import { estimateOf, type Estimate } from './estimate.ts'
import { sentenceOf } from './sentences.ts'
import { whyAbsent, whyEnded } from './ended.ts'
import { whyRunning } from './running.ts'
import { whyWaiting } from './waiting.ts'
import type { Before } from '../../store/inspection.ts'
import type { Facts, TaskFacts } from './facts.ts'
import type { Reason } from './reasons.ts'

/** A reason, and the same as a sentence. Which members it has beside `sentence` is told by its `code`. */
export type Clause = Reason & { readonly sentence: string }

export interface Account {
  /** One at least; what keeps the task most comes first. */
  readonly clauses: readonly Clause[]
  /** Who comes before it, while it stands in line; `undefined`: it does not. */
  readonly position: Before | undefined
  /** When it will start; `undefined`: nobody can tell, or it has started. */
  readonly estimate: Estimate | undefined
}

export function explain(facts: Facts): Account {
  const reasons = reasonsOf(facts)
  const clauses = reasons.map((reason): Clause => {
    return { ...reason, sentence: sentenceOf(reason, facts.now) }
  })
  return {
    clauses,
    position: facts.standing?.before ?? undefined,
    estimate: isHere(facts) ? estimateOf(facts, reasons) : undefined,
  }
}

function reasonsOf(facts: Facts): readonly Reason[] {
  if (!isHere(facts)) return whyAbsent(facts)
  switch (facts.task.state) {
    case 'blocked':
    case 'pending':
    case 'waiting':
      return whyWaiting(facts)
    case 'running':
      return whyRunning(facts)
    default:
      return whyEnded(facts)
  }
}

function isHere(facts: Facts): facts is TaskFacts {
  return facts.task !== null
}
