/** From a flow to the graph of its tasks: who waits for whom, and who takes whose result. */
import { InvalidArgumentError, TooLargeError } from '../task/errors.ts'
import { LIMITS } from '../task/limits.ts'
import { fedPayload, type Shape } from '../task/fed-input.ts'
import { isFlow, type AnyFlow, type FlowNode, type FlowTypes } from '../task/flow.ts'
import { shown } from '../task/shown.ts'
import type { Dependency, Draft } from '../task/draft.ts'
import type { EnqueuedHandle } from './handle.ts'
import type { IfFailed, Payload } from '../store/records.ts'

/** What is said of one of several tasks beside what its draft says: by the flow in which it stands, and by plugins. */
export interface Place {
  readonly after: readonly Dependency[]
  /** What stands for its input, if that comes from its parents. */
  readonly payload: Payload | undefined
  /** In place of the draft's own. */
  readonly given?: Pick<Draft, 'input' | 'options'> | undefined
}

/** Places of drafts. */
export type Places = ReadonlyMap<Draft, Place>

export interface FlowPlan {
  /** Parents before their dependents. */
  readonly drafts: readonly Draft[]
  readonly places: Places
}

/** The tasks that a step ends with, and how their results look to the next one. */
interface Ends {
  readonly drafts: readonly Draft[]
  readonly shape: Shape
}

/** @throws InvalidArgumentError, TooLargeError */
export function planOf(flow: AnyFlow): FlowPlan {
  if (!isFlow(flow)) {
    throw new InvalidArgumentError(`The flow is ${shown(flow)}, which is none.`, {
      hint: 'Give what chain, group or chord answers; single tasks and lists go to enqueue and enqueueMany.',
    })
  }
  const planner = new Planner()
  planner.place(flow.node, null)
  return planner
}

class Planner implements FlowPlan {
  readonly places = new Map<Draft, Place>()
  #edges = 0

  get drafts(): readonly Draft[] {
    return [...this.places.keys()]
  }

  /** @param before what the step waits for; `null`: nothing */
  place(node: FlowNode, before: Ends | null): Ends {
    switch (node.kind) {
      case 'task': {
        const { draft, fed } = node
        if (fed && before === null) throw unfed(draft)
        const payload = fed && before !== null ? fedPayload(before.shape) : undefined
        this.#put(draft, before, { ifFailed: 'cancel', payload })
        return { drafts: [draft], shape: 0 }
      }
      case 'chain': {
        let last = before
        for (const step of node.nodes) last = this.place(step, last)
        return last!
      }
      case 'group': {
        const ends = node.nodes.map((step) => this.place(step, before))
        const all = { drafts: ends.flatMap(({ drafts }) => drafts), shape: ends.map(({ shape }) => shape) }
        for (const [name, ifFailed] of CALLBACKS) {
          const draft = node.callbacks[name]
          if (draft !== undefined) this.#put(draft, all, { ifFailed, payload: undefined })
        }
        return all
      }
    }
  }

  #put(
    draft: Draft,
    before: Ends | null,
    { ifFailed, payload }: { readonly ifFailed: IfFailed; readonly payload: Payload | undefined },
  ): void {
    if (this.places.has(draft)) {
      throw new InvalidArgumentError(`One draft of ${draft.task.name} stands in the flow twice.`, {
        hint: 'Make another with task.with(…): what stands in a flow is one task, in one place.',
      })
    }
    const after = before === null ? [] : before.drafts.map((task) => ({ task, ifFailed }))
    this.#edges += after.length
    if (this.places.size >= LIMITS.graphTasks) throw tooMany(`more than ${LIMITS.graphTasks} tasks`)
    if (this.#edges > LIMITS.flowEdges) throw tooMany(`more than ${LIMITS.flowEdges} dependencies`)
    this.places.set(draft, { after, payload })
  }
}

const CALLBACKS = [
  ['onSucceeded', 'cancel'],
  ['onEnded', 'run'],
  ['onFailed', 'trigger'],
] as const

function unfed({ task }: Draft): InvalidArgumentError {
  return new InvalidArgumentError(`${task.name} begins the flow and has no input.`, {
    hint: `Give it one: ${task.name}.with(input). Only what comes behind another step takes its result.`,
  })
}

function tooMany(what: string): TooLargeError {
  return new TooLargeError(`The flow has ${what}, which is too many.`, {
    hint: 'Enqueue parts of it from a handler; where a large group follows another, put one task in between.',
  })
}

/** The handles of a flow that was enqueued. */
export interface FlowHandles<T extends FlowTypes = FlowTypes> {
  /** Of its last step; in a list where that is a group. */
  readonly last: T['last']
  /** Of its steps, as they are nested. */
  readonly steps: T['handles']
  /** Of all its tasks, callbacks too, parents before those that wait for them. */
  readonly all: readonly EnqueuedHandle[]
}

/** @param enqueued the drafts of its plan and their handles, in one order */
export function flowHandles(
  { node }: AnyFlow,
  { drafts, handles }: { readonly drafts: readonly Draft[]; readonly handles: readonly EnqueuedHandle[] },
): FlowHandles {
  const byDraft = new Map(drafts.map((draft, index) => [draft, handles[index]!]))
  return { last: lastOf(node, byDraft), steps: stepsOf(node, byDraft), all: handles }
}

function stepsOf(node: FlowNode, handles: ReadonlyMap<Draft, EnqueuedHandle>): unknown {
  if (node.kind === 'task') return handles.get(node.draft)
  return node.nodes.map((step) => stepsOf(step, handles))
}

function lastOf(node: FlowNode, handles: ReadonlyMap<Draft, EnqueuedHandle>): unknown {
  if (node.kind === 'task') return handles.get(node.draft)
  if (node.kind === 'chain') return lastOf(node.nodes.at(-1)!, handles)
  return node.nodes.map((step) => lastOf(step, handles))
}
