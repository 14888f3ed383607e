/** Enqueues groups of tasks: first the whole group is judged, then it is written. */
import { InvalidArgumentError } from '../../task/errors.ts'
import { endOf } from './dependents.ts'
import { openEdge } from './edges.ts'
import { gateNamed, isShut, nameGate, waitBehind } from './gates.ts'
import { changeGate } from './gatekeeper.ts'
import { queueOf, type Pass } from './home.ts'
import { move } from './moves.ts'
import { fits, isFinal, newTask, stateOf } from './task.ts'
import { tombstoneOf } from './tombstones.ts'
import type { AddRequest, AddVerdict, GroupAnswer, Rejection, TaskGroup, TaskRef } from '../port.ts'
import type { Edge, Fence, TaskId, TaskSpec } from '../records.ts'

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
  for (const { tasks } of groups) {
    if (tasks.some((task) => task.lane !== null)) {
      throw new InvalidArgumentError('A task has a lane, and this store serves none.')
    }
  }
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
  return { outcome: 'added', tasks: group.tasks.map((_, index) => write(pass, group, { plan, index })) }
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

function judgeKeys({ home }: Pass, { tasks, gate }: TaskGroup, plan: Plan): Refusal | null {
  const taken = new Map<string, TaskRef>()
  for (const [index, { id, unique, after }] of tasks.entries()) {
    if (unique === null || plan.duplicateOf[index] !== null) continue
    const { key, then } = unique
    const holder = home.keys.get(key)
    const by = holder === undefined ? taken.get(key) : { id: holder.spec.id, state: stateOf(holder) }
    if (by === undefined) {
      taken.set(key, { id, state: after.length === 0 && gate === null ? 'pending' : 'blocked' })
    } else if (then === 'reject') {
      return rejected(index, { code: 'unique', key, by })
    } else {
      plan.duplicateOf[index] = by.id
      plan.aliases.set(id, by.id)
    }
  }
  return null
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

function stateNow(pass: Pass, id: TaskId): TaskRef['state'] | null {
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
    create(pass, spec, { edges: edgesOf(spec, plan), gate })
    return { outcome: 'created' }
  }
  const id = plan.aliases.get(known) ?? known
  const task = pass.home.tasks.get(id)
  if (task !== undefined) changeGate(pass, task, gate)
  return { outcome: 'duplicate', by: { id, state: stateNow(pass, id)! } }
}

function create(
  pass: Pass,
  spec: TaskSpec,
  { edges, gate }: { edges: readonly Edge[]; gate: string | null },
): void {
  const { home, now } = pass
  const task = newTask(spec, { after: edges, seq: ++home.arrived, enqueuedAt: now })
  home.tasks.set(spec.id, task)
  home.arrivals.add(task.seq, task)
  queueOf(home, spec.queue).tasks += 1
  const open = edges.filter(({ parent }) => !isFinal(stateNow(pass, parent)!))
  const shut = gate !== null && isShut(nameGate(pass, gate))
  const end = endByParents(pass, edges)
  task.blockers = open.length + (shut ? 1 : 0)
  const operation = task.blockers > 0 || end !== null ? 'enqueue-blocked' : 'enqueue'
  move(pass, task, { operation })
  if (end !== null) {
    move(pass, task, { operation: end, detail: 'dependency' })
    return
  }
  for (const { parent, ifFailed } of open) openEdge(home, parent, { task, ifFailed })
  if (shut) waitBehind(pass, task, gate)
}

/** What the parents that ended already without success do to a newcomer: the first that does anything decides. */
function endByParents(pass: Pass, edges: readonly Edge[]): ReturnType<typeof endOf> {
  for (const { parent, ifFailed } of edges) {
    const state = stateNow(pass, parent)!
    const end = isFinal(state) && state !== 'succeeded' ? endOf(ifFailed) : null
    if (end !== null) return end
  }
  return null
}
