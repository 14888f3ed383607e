/** Enqueues groups of tasks: first the whole group is judged, then it is written. */
import { birthAfter, type NewEdge } from '../../policy/dependencies.ts'
import { tellDependents } from './dependents.ts'
import { openEdge } from './edges.ts'
import { gateNamed, isShut, nameGate, waitBehind } from './gates.ts'
import { changeGate } from './gatekeeper.ts'
import { queueOf, type Pass } from './home.ts'
import { beginWindow, holderOf } from './keys.ts'
import { move } from './moves.ts'
import { fits, isFinal, newTask, stateOf } from './task.ts'
import { tombstoneOf } from './tombstones.ts'
import { REPLACED } from '../records.ts'
import { checkReplacements, detailOfReplaced, isReplaceable, isWindow } from '../uniqueness.ts'
import type { AddRequest, AddVerdict, GroupAnswer, Rejection, TaskGroup, TaskRef } from '../port.ts'
import type { Edge, Fence, TaskId, TaskSpec, TaskState } from '../records.ts'

/** What is to become of a group that is taken. */
interface Plan {
  /** For each task the one that it duplicates: one that is there already, or that stands earlier in the group. `null`: it is new. */
  readonly duplicateOf: (TaskId | null)[]
  /** By the id of a newcomer that was kept away, the holder of its key. */
  readonly aliases: Map<TaskId, TaskId>
}

type Refusal = Extract<GroupAnswer, { outcome: 'rejected' }>

/** It looks an id up in full each time, so it makes no difference whether a request may be a repeat. */
export function add(pass: Pass, { groups }: AddRequest): readonly GroupAnswer[] {
  checkReplacements(groups)
  return groups.map((group) => addGroup(pass, group))
}

export function addGroup(pass: Pass, group: TaskGroup): GroupAnswer {
  const plan: Plan = { duplicateOf: [], aliases: new Map() }
  const refused = judgeIds(pass, group, plan)
  if (refused !== null) return refused
  const allKnown = !plan.duplicateOf.includes(null)
  if (!allKnown && group.under !== null && !runsUnder(pass, group.under)) return { outcome: 'stale' }
  const refusal = judgeGate(pass, group) ?? judgeKeys(pass, group, plan) ?? judgeParents(pass, group, plan)
  if (refusal !== null) return refusal
  // even if nothing new waits behind it: whoever named it will want to open it
  if (group.gate !== null) nameGate(pass, group.gate)
  const tasks = group.tasks.map((_, index) => write(pass, group, { plan, index }))
  if (tasks.every(({ outcome }) => outcome !== 'replaced')) return { outcome: 'added', tasks }
  // who waited for what was replaced is told before the next group
  tellDependents(pass)
  return { outcome: 'added', tasks: tasks.map((verdict) => asLeft(pass, verdict)) }
}

/** What was a duplicate of somebody may have been replaced by a task behind it. */
function asLeft(pass: Pass, verdict: AddVerdict): AddVerdict {
  return verdict.outcome === 'duplicate' ? { ...verdict, by: refOf(pass, verdict.by.id) } : verdict
}

function rejected(index: number, rejection: Rejection): Refusal {
  return { outcome: 'rejected', index, rejection }
}

function judgeIds(pass: Pass, { tasks }: TaskGroup, { duplicateOf }: Plan): Refusal | null {
  const fresh = new Map<TaskId, TaskSpec>()
  for (const [index, spec] of tasks.entries()) {
    const { id, digest } = spec
    const known = fresh.get(id) ?? pass.home.tasks.get(id)?.spec ?? tombstoneOf(pass, id)
    if (known !== undefined && known.digest !== digest) return rejected(index, { code: 'conflict', id })
    duplicateOf.push(known === undefined ? null : id)
    if (known === undefined) fresh.set(id, spec)
  }
  return null
}

function runsUnder({ home }: Pass, fence: Fence): boolean {
  const task = home.tasks.get(fence.task)
  return task?.state === 'running' && fits(task, fence)
}

function judgeGate(pass: Pass, { gate }: TaskGroup): Refusal | null {
  if (gate === null || gateNamed(pass, gate)?.decision?.fate !== 'gone') return null
  return rejected(0, { code: 'gate-gone', gate })
}

function judgeKeys(pass: Pass, { tasks, gate }: TaskGroup, plan: Plan): Refusal | null {
  const taken = new Map<string, TaskRef>()
  for (const [index, { id, unique, after }] of tasks.entries()) {
    if (unique === null || plan.duplicateOf[index] !== null) continue
    const { key, then } = unique
    const name = `${isWindow(unique) ? 'window' : 'life'} ${key}`
    const holder = holderOf(pass, unique)
    const by = taken.get(name) ?? (holder === undefined ? undefined : refOf(pass, holder))
    if (by === undefined || (then === 'replace' && isReplaceable(by.state))) {
      taken.set(name, { id, state: after.length === 0 && gate === null ? 'pending' : 'blocked' })
    } else if (then === 'keep') {
      plan.duplicateOf[index] = by.id
      plan.aliases.set(id, by.id)
    } else {
      return rejected(index, { code: 'unique', key, by })
    }
  }
  return null
}

function refOf(pass: Pass, id: TaskId): TaskRef {
  return { id, state: stateNow(pass, id) ?? 'gone' }
}

function judgeParents(pass: Pass, { tasks }: TaskGroup, plan: Plan): Refusal | null {
  const before = new Set<TaskId>()
  for (const [index, spec] of tasks.entries()) {
    if (plan.duplicateOf[index] === null) {
      for (const { parent } of edgesOf(spec, plan)) {
        const known = before.has(parent) || stateNow(pass, parent) !== null
        if (!known) return rejected(index, { code: 'unknown-parent', parent })
      }
    }
    before.add(spec.id)
  }
  return null
}

/** Edges to who was kept away go to who is there, one to each. */
function edgesOf(spec: TaskSpec, { aliases }: Plan): readonly Edge[] {
  const edges = new Map<TaskId, Edge>()
  for (const { parent: named, ifFailed } of spec.after) {
    const parent = aliases.get(named) ?? named
    if (!edges.has(parent)) edges.set(parent, { parent, ifFailed })
  }
  return [...edges.values()]
}

function stateNow(pass: Pass, id: TaskId): TaskState | null {
  const task = pass.home.tasks.get(id)
  return task === undefined ? (tombstoneOf(pass, id)?.state ?? null) : stateOf(task)
}

function write(
  pass: Pass,
  { tasks, gate }: TaskGroup,
  { plan, index }: { plan: Plan; index: number },
): AddVerdict {
  const spec = tasks[index]!
  const known = plan.duplicateOf[index] ?? null
  if (known === null) {
    const previous = replace(pass, spec)
    create(pass, spec, { edges: edgesOf(spec, plan), gate, replaced: previous })
    return previous === null ? { outcome: 'created' } : { outcome: 'replaced', previous }
  }
  const id = plan.aliases.get(known) ?? known
  const task = pass.home.tasks.get(id)
  if (task !== undefined) changeGate(pass, task, gate)
  const previous = id === spec.id && spec.idMadeBy === 'client' ? (task?.replaced ?? null) : null
  return previous === null ? { outcome: 'duplicate', by: refOf(pass, id) } : { outcome: 'replaced', previous }
}

/** Cancels who holds the key of a newcomer that is to take its place. */
function replace(pass: Pass, { id, unique }: TaskSpec): TaskId | null {
  const holder = unique?.then === 'replace' ? holderOf(pass, unique) : undefined
  const task = holder === undefined ? undefined : pass.home.tasks.get(holder)
  if (task === undefined) return null
  const cancel = Object.freeze({ reason: REPLACED, at: pass.now })
  const taken = move(pass, task, { operation: 'replace', set: { cancel }, detail: detailOfReplaced(id) })
  return taken === null ? null : task.spec.id
}

interface Birth {
  readonly edges: readonly Edge[]
  readonly gate: string | null
  readonly replaced: TaskId | null
}

function create(pass: Pass, spec: TaskSpec, { edges, gate, replaced }: Birth): void {
  const { home, now } = pass
  const task = newTask(spec, { after: edges, seq: ++home.arrived, enqueuedAt: now })
  task.replaced = replaced
  home.tasks.set(spec.id, task)
  beginWindow(pass, task)
  home.arrivals.add(task.seq, task)
  queueOf(home, spec.queue).tasks += 1
  const newEdges = edges.map((edge) => newEdge(pass, edge))
  const { waits, end, isOpen } = birthAfter(newEdges)
  const shut = gate !== null && isShut(nameGate(pass, gate))
  task.blockers = waits.blockers + (shut ? 1 : 0)
  task.triggers = waits.triggers
  const operation = task.blockers > 0 || end !== null ? 'enqueue-blocked' : 'enqueue'
  move(pass, task, { operation })
  if (end !== null) {
    move(pass, task, { operation: end, detail: 'dependency' })
    return
  }
  for (const edge of newEdges) if (isOpen(edge)) openEdge(home, edge.id, { task, ifFailed: edge.ifFailed })
  if (shut) waitBehind(pass, task, gate)
}

function newEdge(pass: Pass, { parent, ifFailed }: Edge): NewEdge & { readonly id: TaskId } {
  const state = stateNow(pass, parent)!
  if (!isFinal(state)) return { id: parent, ifFailed, parent: 'open' }
  return { id: parent, ifFailed, parent: state === 'succeeded' ? state : 'unsuccessful' }
}
