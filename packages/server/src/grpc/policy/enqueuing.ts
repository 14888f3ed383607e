/** Who may enqueue, and open gates. */
import { randomUUID } from 'node:crypto'
import { InvalidArgumentError } from '@millrace/core'
import type { AddRequest, GroupAnswer, TaskGroup, TaskId, TaskSpec } from '@millrace/core/store'
import { addWithin } from './budgeting.ts'
import { FOLLOWING, mayAny, type StorePolicies, type StoreScene } from './policy.ts'

/** Tasks of one request, as the port has it. */
const TASKS_MAX = 1_000

export const ENQUEUING: StorePolicies<'add' | 'openGate'> = {
  add: {
    permissions: ['enqueue'],
    reach: 'each',
    async carry(request, scene) {
      checkSize(request)
      requireQueues(request.groups, scene)
      // who may enqueue everywhere has nothing to hide, and needs no memory of what is whose
      if (scene.caller.mayEverywhere('enqueue'))
        return addWithin(request, scene, (fitting) => scene.store.add(fitting))
      const answers = await addWithin(request, scene, (fitting) => addNarrowly(fitting, scene))
      remember(request.groups, answers, scene)
      return answers
    },
  },
  /** Its name was drawn by who wrote behind it, and is known to nobody else. */
  openGate: {
    permissions: ['enqueue'],
    reach: 'any',
    carry: (gate, { store }) => store.openGate(gate),
  },
}

function checkSize({ groups }: AddRequest): void {
  let tasks = 0
  for (const group of groups) tasks += group.tasks.length
  if (tasks > TASKS_MAX)
    throw new InvalidArgumentError(`A request has ${tasks} tasks.`, { hint: `${TASKS_MAX} is the most.` })
}

function requireQueues(groups: readonly TaskGroup[], { caller }: StoreScene): void {
  const queues = new Set<string>()
  for (const { tasks } of groups) for (const { queue } of tasks) queues.add(queue)
  for (const queue of queues) caller.require('enqueue', queue)
}

/**
 * The same request, but that tasks which the caller may not see are nobody's parents: who waits for one learns how it
 * ends, and may be given its result.
 */
async function addNarrowly(request: AddRequest, scene: StoreScene): Promise<readonly GroupAnswer[]> {
  const hidden = await hiddenParents(request.groups, scene)
  const groups = hidden.size === 0 ? request.groups : request.groups.map((group) => without(group, hidden))
  const answers = await addAsking({ ...request, groups }, scene)
  const names = new Map([...hidden].map(([id, nobody]) => [nobody, id]))
  return answers.map((answer) => {
    if (answer.outcome !== 'rejected' || answer.rejection.code !== 'unknown-parent') return answer
    const { parent } = answer.rejection
    return { ...answer, rejection: { code: 'unknown-parent', parent: names.get(parent) ?? parent } }
  })
}

/** By their ids: ids that no task has, so that the store itself says when it comes to them that they are not there. */
async function hiddenParents(
  groups: readonly TaskGroup[],
  { caller, queues }: StoreScene,
): Promise<ReadonlyMap<TaskId, TaskId>> {
  const tasks = groups.flatMap((group) => group.tasks)
  const parents = [...new Set(tasks.flatMap(({ after }) => after.map(({ parent }) => parent)))]
  if (parents.length === 0) return new Map()
  const own = new Set(tasks.map(({ id }) => id))
  const places = await queues.of(parents, 'now')
  const isHidden = (id: TaskId, queue: string | undefined): boolean =>
    queue === undefined ? !own.has(id) : !mayAny(caller, FOLLOWING, queue)
  return new Map(
    parents.flatMap((id, index) => (isHidden(id, places[index]) ? [[id, randomUUID()] as const] : [])),
  )
}

function without(group: TaskGroup, hidden: ReadonlyMap<TaskId, TaskId>): TaskGroup {
  const tasks = group.tasks.map((task): TaskSpec => {
    const after = task.after.map((edge) => ({ ...edge, parent: hidden.get(edge.parent) ?? edge.parent }))
    return { ...task, after }
  })
  return { ...group, tasks }
}

/**
 * A newcomer that replaces whoever holds its key ends a task, perhaps of another queue; and who waits for one that is kept
 * away by the holder of its key waits for that. So such newcomers first only ask for their keys: holders that refuse them
 * are replaced, or waited for, if they are in queues of the caller's, and else stay in the way.
 */
async function addAsking(request: AddRequest, scene: StoreScene): Promise<readonly GroupAnswer[]> {
  if (!request.groups.some((group) => asking(group).size > 0)) return scene.store.add(request)
  const answers: GroupAnswer[] = []
  for (const group of request.groups) answers.push(await addGroup(group, request.again, scene))
  return answers
}

async function addGroup(group: TaskGroup, again: boolean, scene: StoreScene): Promise<GroupAnswer> {
  const { store, queues, caller } = scene
  const left = asking(group)
  for (;;) {
    const tasks = group.tasks.map((task, index) => (left.has(index) ? asker(task) : task))
    const [answer] = await store.add({ groups: [{ ...group, tasks }], again })
    if (answer?.outcome !== 'rejected' || answer.rejection.code !== 'unique') return answer!
    // what is asked for no more has its way from now on: each turn there is one less
    if (!left.delete(answer.index)) return answer
    const { id } = answer.rejection.by
    const [queue] = await queues.of([id], 'now')
    const isTheirs = group.tasks.some((task) => task.id === id)
    const replaces = group.tasks[answer.index]!.unique?.then === 'replace'
    const permissions = replaces ? (['enqueue'] as const) : FOLLOWING
    if (!isTheirs && (queue === undefined || !mayAny(caller, permissions, queue))) return answer
  }
}

/** Those that do not simply stay away where their key is held, by their places. */
function asking({ tasks }: TaskGroup): Set<number> {
  const parents = new Set(tasks.flatMap(({ after }) => after.map(({ parent }) => parent)))
  const asks = ({ id, unique }: TaskSpec): boolean =>
    unique?.then === 'replace' || (unique?.then === 'keep' && parents.has(id))
  return new Set(tasks.flatMap((task, index) => (asks(task) ? [index] : [])))
}

function asker(task: TaskSpec): TaskSpec {
  return task.unique === null ? task : { ...task, unique: { ...task.unique, then: 'reject' } }
}

/** Who enqueued them may follow them, also when only their tombstones are left. A task that was there may be another's. */
function remember(
  groups: readonly TaskGroup[],
  answers: readonly GroupAnswer[],
  { queues }: StoreScene,
): void {
  for (const [index, answer] of answers.entries()) {
    if (answer.outcome !== 'added') continue
    const { tasks } = groups[index]!
    for (const [place, { outcome }] of answer.tasks.entries())
      if (outcome !== 'duplicate') queues.note(tasks[place]!.id, tasks[place]!.queue)
  }
}
