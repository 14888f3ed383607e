/** Who may enqueue, and open gates. */
import { InvalidArgumentError } from '@millrace/core'
import type { AddRequest, GroupAnswer, TaskGroup } from '@millrace/core/store'
import { addWithin } from './budgeting.ts'
import type { StorePolicies, StoreScene } from './policy.ts'

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
 * A newcomer that replaces whoever holds its key ends a task, perhaps of another queue. So it first only asks for the
 * key: the holder that refuses it is replaced if it is in a queue of the caller's, and else cannot be replaced.
 */
async function addNarrowly(request: AddRequest, scene: StoreScene): Promise<readonly GroupAnswer[]> {
  const { store } = scene
  if (!request.groups.some(replaces)) return store.add(request)
  const answers: GroupAnswer[] = []
  for (const group of request.groups) answers.push(await addGroup(group, request.again, scene))
  return answers
}

async function addGroup(group: TaskGroup, again: boolean, scene: StoreScene): Promise<GroupAnswer> {
  const { store, queues, caller } = scene
  const [asked] = await store.add({ groups: [replaces(group) ? asking(group) : group], again })
  if (asked?.outcome !== 'rejected' || asked.rejection.code !== 'unique' || !replaces(group)) return asked!
  const { id } = asked.rejection.by
  const [queue] = await queues.of([id])
  const isTheirs = group.tasks.some((task) => task.id === id)
  if (!isTheirs && (queue === undefined || !caller.may('enqueue', queue))) return asked
  const [answer] = await store.add({ groups: [group], again })
  return answer!
}

function replaces({ tasks }: TaskGroup): boolean {
  return tasks.some(({ unique }) => unique?.then === 'replace')
}

function asking(group: TaskGroup): TaskGroup {
  const tasks = group.tasks.map((task) =>
    task.unique?.then === 'replace' ? { ...task, unique: { ...task.unique, then: 'reject' as const } } : task,
  )
  return { ...group, tasks }
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
