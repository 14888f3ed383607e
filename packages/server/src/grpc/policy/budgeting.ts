/**
 * What comes to the store past the client of this server is judged by its budgets all the same: who wrote the program that
 * sends it, and in which language, decides nothing.
 */
import { BackpressureError, StoreError } from '@millrace/core'
import type { AddRequest, GroupAnswer, TaskGroup } from '@millrace/core/store'
import type { ServedAdmission, StoreScene } from './policy.ts'

type Add = (request: AddRequest) => Promise<readonly GroupAnswer[]>
type Judged = ServedAdmission | undefined | BackpressureError

/** Adds the groups for which there is room. */
export async function addWithin(
  request: AddRequest,
  scene: StoreScene,
  add: Add,
): Promise<readonly GroupAnswer[]> {
  const { budgets } = scene
  if (budgets === undefined) return add(request)
  const { groups, again } = request
  const admitting = groups.map(({ tasks }) => budgets.admit(tasks))
  // as it is where nothing is limited
  if (admitting.every((one) => one === undefined)) return add(request)
  const judged = await verdicts(admitting)
  try {
    if (again) await forgive(judged, groups, scene)
  } catch (error) {
    settle(judged, () => 0)
    throw error
  }
  return addJudged({ groups, again }, judged, add)
}

/** @throws what is no verdict, as that the store cannot be asked: then nothing is let in */
async function verdicts(
  admitting: readonly (Promise<ServedAdmission | undefined> | undefined)[],
): Promise<Judged[]> {
  const found = await Promise.allSettled(admitting.map(async (one) => one))
  const judged = found.map((one): Judged => {
    if (one.status === 'fulfilled') return one.value
    return one.reason instanceof BackpressureError ? one.reason : undefined
  })
  const failed = found.find((one) => one.status === 'rejected' && !(one.reason instanceof BackpressureError))
  if (failed === undefined) return judged
  settle(judged, () => 0)
  throw (failed as PromiseRejectedResult).reason as Error
}

/** A repeat whose first time was written is no newcomer, and has to be told that it is there. */
async function forgive(
  judged: Judged[],
  groups: readonly TaskGroup[],
  { queues }: StoreScene,
): Promise<void> {
  for (const [index, one] of judged.entries()) {
    const [first] = groups[index]!.tasks
    if (!(one instanceof BackpressureError) || first === undefined) continue
    const [known] = await queues.of([first.id], 'now')
    if (known !== undefined) judged[index] = undefined
  }
}

async function addJudged(
  { groups, again }: AddRequest,
  judged: readonly Judged[],
  add: Add,
): Promise<readonly GroupAnswer[]> {
  const fitting = groups.filter((_, index) => !(judged[index] instanceof BackpressureError))
  let added
  try {
    added = fitting.length === 0 ? [] : await add({ groups: fitting, again })
  } catch (error) {
    const isKnown = !(error instanceof StoreError) || error.effect === 'none'
    settle(judged, () => (isKnown ? 0 : null))
    throw error
  }
  const given = added.values()
  const answers = judged.map((one): GroupAnswer =>
    one instanceof BackpressureError ? refused(one) : given.next().value!,
  )
  settle(judged, (index) => createdOf(answers[index]!))
  return answers
}

function settle(judged: readonly Judged[], created: (index: number) => number | null): void {
  for (const [index, one] of judged.entries())
    if (one !== undefined && !(one instanceof BackpressureError)) one.settled(created(index))
}

function createdOf(answer: GroupAnswer): number {
  return answer.outcome === 'added' ? answer.tasks.filter(({ outcome }) => outcome !== 'duplicate').length : 0
}

function refused({ message, hint, retryAfterMs }: BackpressureError): GroupAnswer {
  const rejection = { code: 'backpressure', message, hint: hint ?? null, retryAfterMs } as const
  return { outcome: 'rejected', index: 0, rejection }
}
