/** A prepared situation, and what `mill.tasks.explain` has to say about one task in it, on any store. */
import { Mill, type Clause, type Explanation } from '@millrace/core'
import { Scene } from '../../packages/core/src/conformance/scene.ts'
import type { Bench } from '../../packages/core/src/conformance/case.ts'
import type { Store } from '@millrace/core/store'

/** Members of a clause, without those that hold times of the clock. */
export type Expected = { readonly code: Clause['code'] } & Readonly<Record<string, unknown>>

export interface Situation {
  readonly name: string
  /** Answers the task that is asked about, and what is expected of it. */
  readonly prepare: (scene: Scene) => Promise<Asked>
}

export interface Asked {
  readonly id: string
  readonly state: Explanation['state']
  /** All clauses, in their order. */
  readonly clauses: readonly Expected[]
  /** What the first of them says. */
  readonly says: RegExp
  /** Left out: it stands in no line. */
  readonly position?: Explanation['position']
  /** After how long it is expected to start, give or take ten seconds; left out: nobody can tell. */
  readonly startsInMs?: number
  readonly bound?: 'about' | 'at least'
}

const SLACK_MS = 10_000

/** What is told, as far as it was expected; and what was expected, in the same form. */
export async function explained(
  bench: Bench,
  { prepare }: Situation,
): Promise<{ readonly told: unknown; readonly expected: unknown }> {
  const asked = await prepare(new Scene(bench))
  const mill = new Mill(shared(bench.store))
  const explanation = await mill.tasks.explain(asked.id)
  const again = await mill.tasks.explain(asked.id)
  await mill.close()
  const [first] = explanation.clauses
  return {
    told: {
      state: explanation.state,
      clauses: explanation.clauses.map((clause, index) => partOf(clause, asked.clauses[index])),
      says: asked.says.test(first!.sentence) ? asked.says.source : first!.sentence,
      position: explanation.position,
      ...estimateIn(explanation, asked),
      again: again.clauses.map(({ code }) => code),
    },
    expected: {
      state: asked.state,
      clauses: asked.clauses,
      says: asked.says.source,
      position: asked.position,
      startsInMs: asked.startsInMs,
      bound: asked.bound,
      again: explanation.clauses.map(({ code }) => code),
    },
  }
}

function partOf(clause: Clause, expected: Expected | undefined): unknown {
  if (expected === undefined) return clause
  const members = Object.entries(clause).filter(([name]) => name === 'code' || name in expected)
  return Object.fromEntries(members)
}

function estimateIn(
  { at, estimate }: Explanation,
  { startsInMs = 0 }: Asked,
): Pick<Asked, 'startsInMs' | 'bound'> {
  if (estimate === undefined) return {}
  const inMs = estimate.startsAt - at
  return { startsInMs: Math.abs(inMs - startsInMs) <= SLACK_MS ? startsInMs : inMs, bound: estimate.bound }
}

/** The store belongs to its bench: a client that comes and goes leaves it open. */
function shared(store: Store): Store {
  return new Proxy(store, {
    get(target, name) {
      if (name === 'open' || name === 'close') return async () => {}
      const member: unknown = Reflect.get(target, name)
      return typeof member === 'function' ? (member.bind(target) as unknown) : member
    },
  })
}
