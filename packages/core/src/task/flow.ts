/**
 * Flows: tasks that come after each other, as values. Nothing is checked against the store or written before
 * `enqueueFlow`; then it is one graph, all or nothing.
 */
import { checkTask, type AnyTask } from './definition.ts'
import { Draft, NO_OPTIONS } from './draft.ts'
import { InvalidArgumentError, TooLargeError } from './errors.ts'
import { LIMITS } from './limits.ts'
import { checkMembers, type Members } from './members.ts'
import { shown } from './shown.ts'
import type { EnqueuedHandle } from '../client/handle.ts'

/** The types of a flow. They exist for the compiler only. */
export interface FlowTypes {
  /** What its first steps need from before; `unknown` if they have inputs of their own. */
  readonly takes: unknown
  /** What it gives to the step behind it. */
  readonly gives: unknown
  /** The handle of its last step, in lists where that is a group. */
  readonly last: unknown
  /** The handles of its steps, as they are nested. */
  readonly handles: unknown
}

/** What every flow is, whatever its types. */
export interface AnyFlow {
  readonly '~flow': FlowTypes
  readonly node: FlowNode
}

/** A step of a flow: a task with its input, a definition that takes what comes from before, or a flow. */
export type Step = Draft | AnyTask | AnyFlow

/** How a flow is built; for core. */
export type FlowNode =
  /** `fed`: its input is what comes from before. */
  | { readonly kind: 'task'; readonly draft: Draft; readonly fed: boolean; readonly depth: 1 }
  | { readonly kind: 'chain'; readonly nodes: readonly FlowNode[]; readonly depth: number }
  | {
      readonly kind: 'group'
      readonly nodes: readonly FlowNode[]
      readonly callbacks: GroupCallbacks
      readonly depth: number
    }

/** Tasks that are told how a group ended. Each has an input of its own; nobody waits for them. */
export interface GroupCallbacks {
  /** Runs once all have succeeded, and is cancelled if one did not. */
  readonly onSucceeded?: Draft | undefined
  /** Runs once all have ended, however. */
  readonly onEnded?: Draft | undefined
  /** Runs as soon as one has failed or was cancelled, and is cancelled once all have succeeded. */
  readonly onFailed?: Draft | undefined
}

type TakesOf<S> = S extends AnyFlow
  ? S['~flow']['takes']
  : S extends Draft
    ? unknown
    : S extends AnyTask
      ? S['~task']['input']
      : never

type GivesOf<S> = S extends AnyFlow
  ? S['~flow']['gives']
  : S extends Draft<infer D>
    ? D['~task']['returned']
    : S extends AnyTask
      ? S['~task']['returned']
      : never

type LastOf<S> = S extends AnyFlow
  ? S['~flow']['last']
  : S extends Draft<infer D>
    ? EnqueuedHandle<D>
    : S extends AnyTask
      ? EnqueuedHandle<S>
      : never

type HandlesOf<S> = S extends AnyFlow ? S['~flow']['handles'] : LastOf<S>

/** What the compiler shows where a step does not fit behind another. */
export interface Misfit<Gives, Takes> {
  readonly '~misfit': 'the step before gives what this one does not take'
  readonly gives: Gives
  readonly takes: Takes
}

/** What the compiler wants of a flow that is to be enqueued: that its first steps need nothing from before. */
export type Startable<F extends AnyFlow> = unknown extends F['~flow']['takes']
  ? unknown
  : Misfit<undefined, F['~flow']['takes']>

type Fitting<Gives, S> = [Gives] extends [TakesOf<S>] ? unknown : Misfit<Gives, TakesOf<S>>

type Behind<Gives, Rest extends readonly unknown[]> = Rest extends readonly [infer S, ...infer Others]
  ? readonly [S & Fitting<Gives, S>, ...Behind<GivesOf<S>, Others>]
  : readonly []

type Linked<Steps extends readonly unknown[]> = Steps extends readonly [infer S, ...infer Rest]
  ? readonly [S, ...Behind<GivesOf<S>, Rest>]
  : Steps

type LastStep<Steps extends readonly unknown[]> = Steps extends readonly [...infer _, infer S]
  ? S
  : Steps[number]

type TakenByAll<Steps extends readonly unknown[]> = {
  [K in keyof Steps]: (takes: TakesOf<Steps[K]>) => void
}[number] extends (takes: infer Takes) => void
  ? Takes
  : never

type GivenByAll<Steps extends readonly unknown[]> = { -readonly [K in keyof Steps]: GivesOf<Steps[K]> }
type LastOfAll<Steps extends readonly unknown[]> = { -readonly [K in keyof Steps]: LastOf<Steps[K]> }
type HandlesOfAll<Steps extends readonly unknown[]> = { -readonly [K in keyof Steps]: HandlesOf<Steps[K]> }

/** Tasks that come after each other. Made by `chain`, `group` and `chord`. */
export class Flow<T extends FlowTypes = FlowTypes> implements AnyFlow {
  declare readonly '~flow': T
  readonly node: FlowNode

  /** @throws TooLargeError if flows are nested too deeply */
  constructor(node: FlowNode) {
    if (node.depth > LIMITS.flowDepth) {
      throw new TooLargeError(
        `The flow is nested ${node.depth} levels deep; ${LIMITS.flowDepth} are the most.`,
        { hint: 'Steps of one chain stand beside each other: chain(a, b, c), not chain(chain(a, b), c).' },
      )
    }
    this.node = node
  }
}

/**
 * Steps that run one after the other. Each waits for the one before it to succeed, and is cancelled if that does not.
 * A definition without an input takes the result of the step before as its input, that of a group as a list.
 *
 * @throws InvalidArgumentError if there is no step, or something that is none; TooLargeError beyond 64 levels
 */
export function chain<const Steps extends readonly Step[]>(
  ...steps: Steps & Linked<Steps>
): Flow<{
  takes: Steps extends readonly [infer S, ...infer _] ? TakesOf<S> : TakenByAll<Steps>
  gives: GivesOf<LastStep<Steps>>
  last: LastOf<LastStep<Steps>>
  handles: HandlesOfAll<Steps>
}> {
  const nodes = nodesOf(steps, 'chain')
  return new Flow({ kind: 'chain', nodes, depth: depthOver(nodes) })
}

/**
 * Steps that run beside each other. What comes behind them waits for all of them to succeed. The callbacks are tasks,
 * too: they are told how the group ended, and hold up nobody.
 *
 * @throws InvalidArgumentError if there is no step, or something that is none; TooLargeError beyond 64 levels
 */
export function group<const Steps extends readonly Step[]>(
  steps: Steps,
  callbacks: GroupCallbacks = {},
): Flow<{
  takes: TakenByAll<Steps>
  gives: GivenByAll<Steps>
  last: LastOfAll<Steps>
  handles: HandlesOfAll<Steps>
}> {
  checkMembers(callbacks, CALLBACK_MEMBERS, 'group')
  for (const [name, callback] of Object.entries(callbacks) as [string, unknown][]) {
    if (callback === undefined || isDraft(callback)) continue
    throw new InvalidArgumentError(`${name} is ${shown(callback)}, which is no draft.`, {
      hint: 'Give what task.with(input, options) answers.',
    })
  }
  const nodes = nodesOf(steps, 'group')
  return new Flow({ kind: 'group', nodes, callbacks: { ...callbacks }, depth: depthOver(nodes) })
}

/**
 * A group, and a step behind it that gets the results of all of them in a list, in their order.
 *
 * @throws as `chain` and `group`
 */
export function chord<const Steps extends readonly Step[], const S extends Step>(
  steps: Steps,
  then: S & Fitting<GivenByAll<Steps>, S>,
): Flow<{
  takes: TakenByAll<Steps>
  gives: GivesOf<S>
  last: LastOf<S>
  handles: [HandlesOfAll<Steps>, HandlesOf<S>]
}> {
  const nodes = [group(steps).node, nodeOf(then)]
  return new Flow({ kind: 'chain', nodes, depth: depthOver(nodes) })
}

const CALLBACK_MEMBERS: Members<GroupCallbacks> = { onSucceeded: true, onEnded: true, onFailed: true }

function nodesOf(steps: readonly Step[], what: string): readonly FlowNode[] {
  const isList: boolean = Array.isArray(steps)
  if (!isList || steps.length === 0) {
    throw new InvalidArgumentError(`A ${what} of ${isList ? 'no steps' : shown(steps)} is no flow.`, {
      hint: 'Give steps: drafts (task.with(input)), definitions that take what comes before them, or flows.',
    })
  }
  return steps.map(nodeOf)
}

function nodeOf(step: Step): FlowNode {
  if (isFlow(step)) return step.node
  if (isDraft(step)) return { kind: 'task', draft: step, fed: false, depth: 1 }
  checkTask(step)
  return { kind: 'task', draft: new Draft(step, undefined, NO_OPTIONS), fed: true, depth: 1 }
}

function depthOver(nodes: readonly FlowNode[]): number {
  return 1 + nodes.reduce((deepest, { depth }) => Math.max(deepest, depth), 0)
}

/** By structure, whichever copy of the library made it. */
export function isFlow(value: unknown): value is AnyFlow {
  if (typeof value !== 'object' || value === null || !('node' in value)) return false
  return typeof value.node === 'object' && value.node !== null && 'kind' in value.node
}

function isDraft(value: unknown): value is Draft {
  return typeof value === 'object' && value !== null && '~draft' in value
}
