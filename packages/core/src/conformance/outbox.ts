/** Dependents that are too many to be told at once: they see the end that they waited for, whatever happens meanwhile. */
import { cases, type ConformanceCase } from './case.ts'
import { equal, only } from './expect.ts'
import { fail, succeed, type Worker } from './worker.ts'
import type { Scene } from './scene.ts'
import type { TaskId } from '../store/records.ts'
import type { Transition } from '../store/settlement.ts'

/** More than one operation tells. */
const MANY = 1_500

const QUEUE = 'dependents'

interface Family {
  readonly worker: Worker
  readonly parent: TaskId
  readonly children: readonly TaskId[]
}

/** A parent, and many who wait for it in a queue that is not served. */
async function family(scene: Scene): Promise<Family> {
  const worker = await scene.worker()
  const parent = await scene.enqueue()
  return { worker, parent, children: await dependents(scene, parent, MANY) }
}

function dependents(scene: Scene, parent: TaskId, count: number): Promise<readonly TaskId[]> {
  return scene.enqueueMany(count, { queue: QUEUE, after: [{ parent, ifFailed: 'cancel' }] })
}

async function endNext(worker: Worker, id: TaskId, transition: Transition): Promise<void> {
  const claim = await worker.claimOne()
  equal(claim.id, id, 'the claimed task')
  await worker.end(claim, transition)
}

export const outboxCases: readonly ConformanceCase[] = cases('dependencies', {
  'a retry of the parent does not take back how it ended': async (scene) => {
    const { worker, parent, children } = await family(scene)
    await endNext(worker, parent, fail())
    equal(await scene.restart(parent), 'changed')
    await scene.deliver()
    await scene.seeAll(children, 'cancelled')
    await scene.see(parent, { state: 'pending' })
  },

  'who comes after a retry waits for the next end': async (scene) => {
    const { worker, parent, children } = await family(scene)
    await endNext(worker, parent, fail())
    await scene.restart(parent)
    const late = only(await dependents(scene, parent, 1))
    await scene.see(late, { state: 'blocked', blockers: 1 })
    await scene.deliver(400)
    await scene.seeAll(children, 'cancelled')
    await scene.see(late, { state: 'blocked', blockers: 1 })
    await endNext(worker, parent, succeed())
    await scene.deliver()
    await scene.see(late, { state: 'pending', blockers: 0 })
  },

  'each end of a parent reaches those who waited for it': async (scene) => {
    const { worker, parent, children } = await family(scene)
    await endNext(worker, parent, fail())
    await scene.restart(parent)
    const second = await dependents(scene, parent, MANY)
    equal(await scene.cancel(parent), 'changed')
    await scene.restart(parent)
    const third = await dependents(scene, parent, 3)
    await endNext(worker, parent, succeed())
    await scene.deliver(700)
    await scene.seeAll([...children, ...second], 'cancelled')
    await scene.seeAll(third, 'pending')
    equal(await scene.store.deliver({ tasksMax: 10 }), { changed: 0, more: false })
  },

  'the removal of a parent that has ended does not change how it ended': async (scene) => {
    const { worker, parent, children } = await family(scene)
    await endNext(worker, parent, succeed())
    equal(await scene.remove(parent), 'changed')
    await scene.deliver()
    await scene.seeAll(children, 'pending')
  },

  'a dependent that was cancelled and started over waits for no end that it was not told of': async (
    scene,
  ) => {
    const { worker, parent, children } = await family(scene)
    await endNext(worker, parent, fail())
    const last = children.at(-1)!
    await scene.cancel(last)
    equal(await scene.restart(last), 'changed')
    await scene.deliver()
    await scene.see(last, { state: 'pending', blockers: 0 })
    await scene.seeAll(children.slice(0, -1), 'cancelled')
  },
})
