/** Tasks that are there for a failure: what starts them, and what cancels them. */
import { cases, type ConformanceCase } from './case.ts'
import { equal } from './expect.ts'
import { demandOf, fail, idsOf, succeed, type Worker } from './worker.ts'
import type { Scene } from './scene.ts'
import type { Edge, IfFailed, TaskId } from '../store/records.ts'
import type { Transition } from '../store/settlement.ts'

function edge(parent: TaskId, ifFailed: IfFailed = 'trigger'): Edge {
  return { parent, ifFailed }
}

/** Claims one certain task, and ends it. */
async function endNext(worker: Worker, id: TaskId, transition: Transition = succeed()): Promise<void> {
  const claim = await worker.claimOne()
  equal(claim.id, id, 'the claimed task')
  await worker.end(claim, transition)
}

async function seeCancelled(scene: Scene, id: TaskId): Promise<void> {
  await scene.see(id, { state: 'cancelled', blockers: 0, reason: null })
}

const one = cases('triggers', {
  'a failure starts who is there for it, at once': async (scene) => {
    const worker = await scene.worker()
    const parents = await scene.enqueueMany(3)
    const child = await scene.enqueue({ after: parents.map((parent) => edge(parent)) })
    await scene.see(child, { state: 'blocked', blockers: 3, after: parents.map((parent) => edge(parent)) })
    await endNext(worker, parents[0]!)
    await scene.see(child, { state: 'blocked', blockers: 2 })
    await endNext(worker, parents[1]!, fail())
    await scene.see(child, { state: 'pending', blockers: 0 })
    const events = (await scene.look(child)).history.map((entry) => entry.event)
    equal(events, ['enqueued', 'unblocked'])
  },

  'when all have succeeded it is cancelled': async (scene) => {
    const worker = await scene.worker()
    const parents = await scene.enqueueMany(2)
    const child = await scene.enqueue({ after: parents.map((parent) => edge(parent)) })
    const heir = await scene.enqueue({ after: [edge(child, 'fail')] })
    for (const parent of parents) await endNext(worker, parent)
    await scene.deliver()
    await seeCancelled(scene, child)
    await scene.see(heir, { state: 'failed', reason: 'dependency' })
  },

  'what a failure starts can be claimed by the same exchange': async (scene) => {
    const worker = await scene.worker()
    const parent = await scene.enqueue()
    const child = await scene.enqueue({ after: [edge(parent)] })
    const settlements = [worker.settlement(await worker.claimOne(), fail())]
    const answer = await worker.exchange({ settlements, demand: demandOf(5) })
    equal(idsOf(answer.claims), [child])
  },

  'what was started does not heed the others any more': async (scene) => {
    const worker = await scene.worker()
    const [bad, good, worse] = await scene.enqueueMany(3)
    const child = await scene.enqueue({ after: [edge(bad!), edge(good!), edge(worse!)] })
    await endNext(worker, bad!, fail())
    await endNext(worker, good!)
    await endNext(worker, worse!, fail())
    await scene.deliver()
    await scene.see(child, { state: 'pending', blockers: 0 })
    const unblocked = (await scene.look(child)).history.filter(({ event }) => event === 'unblocked')
    equal(unblocked.length, 1, 'how often it was started')
    await endNext(worker, child)
  },

  'one that was started may end before the others do': async (scene) => {
    const worker = await scene.worker()
    const bad = await scene.enqueue()
    const open = await scene.enqueue({ held: true })
    const child = await scene.enqueue({ after: [edge(bad), edge(open)] })
    await endNext(worker, bad, fail())
    await endNext(worker, child, fail())
    equal(await scene.restart(child), 'changed')
    equal(await scene.cancel(open), 'changed')
    await scene.deliver()
    await scene.see(child, { state: 'pending', blockers: 0 })
  },

  'a cancelled or removed parent is a failure': async (scene) => {
    const parents = await scene.enqueueMany(2)
    const [first, second] = [
      await scene.enqueue({ after: [edge(parents[0]!)] }),
      await scene.enqueue({ after: [edge(parents[1]!)] }),
    ]
    await scene.cancel(parents[0]!)
    await scene.remove(parents[1]!)
    await scene.deliver()
    await scene.seeAll([first, second], 'pending')
  },

  'a parent that will run again starts nothing': async (scene) => {
    const worker = await scene.worker()
    const parent = await scene.enqueue()
    const child = await scene.enqueue({ after: [edge(parent)] })
    await worker.end(await worker.claimOne(), {
      to: 'pending',
      count: 'failure',
      delayMs: 0,
      error: null,
    })
    await scene.see(child, { state: 'blocked', blockers: 1 })
    await endNext(worker, parent)
    await seeCancelled(scene, child)
  },
})

const mixed = cases('triggers', {
  'it waits for its other parents, too': async (scene) => {
    const worker = await scene.worker()
    const [bad, open] = await scene.enqueueMany(2)
    const child = await scene.enqueue({ after: [edge(bad!), edge(open!, 'cancel')] })
    await scene.see(child, { state: 'blocked', blockers: 2 })
    await endNext(worker, bad!, fail())
    await scene.see(child, { state: 'blocked', blockers: 1 })
    await endNext(worker, open!)
    await endNext(worker, child)
  },

  'its other parents decide by their policies': async (scene) => {
    const worker = await scene.worker()
    const [bad, open] = await scene.enqueueMany(2)
    const child = await scene.enqueue({ after: [edge(open!), edge(bad!, 'fail')] })
    await scene.enqueue({ after: [edge(open!), edge(child, 'run')] })
    await endNext(worker, bad!, fail())
    await scene.see(child, { state: 'failed', reason: 'dependency', blockers: 0 })
  },

  'without a failure it is cancelled, whatever else it waits for': async (scene) => {
    const worker = await scene.worker()
    const [good, open] = await scene.enqueueMany(2)
    const child = await scene.enqueue({ after: [edge(good!), edge(open!, 'run')] })
    await endNext(worker, good!)
    await seeCancelled(scene, child)
    await endNext(worker, open!, fail())
    await seeCancelled(scene, child)
  },

  'behind a gate a failure is remembered': async (scene) => {
    const worker = await scene.worker()
    const parent = await scene.enqueue()
    const child = scene.spec({ after: [edge(parent)] })
    const gate = scene.id()
    await scene.addAll([child], { gate })
    await scene.see(child.id, { state: 'blocked', blockers: 2 })
    await endNext(worker, parent, fail())
    await scene.see(child.id, { state: 'blocked', blockers: 1 })
    equal(await scene.store.openGate(gate), 'open')
    await scene.deliver()
    await endNext(worker, child.id)
  },
})

const late = cases('triggers', {
  'a parent that has failed starts a newcomer at once': async (scene) => {
    const worker = await scene.worker()
    const [bad, open] = await scene.enqueueMany(2)
    await endNext(worker, bad!, fail())
    const child = await scene.enqueue({ after: [edge(open!), edge(bad!)] })
    await scene.see(child, { state: 'pending', blockers: 0 })
    await endNext(worker, open!)
    await endNext(worker, child)
  },

  'a newcomer none of whose parents can fail any more is cancelled at once': async (scene) => {
    const worker = await scene.worker()
    const [good, open] = await scene.enqueueMany(2)
    await endNext(worker, good!)
    const child = await scene.enqueue({ after: [edge(good!), edge(open!, 'cancel')] })
    await seeCancelled(scene, child)
  },

  'a newcomer waits for those that can still fail': async (scene) => {
    const worker = await scene.worker()
    const [good, open] = await scene.enqueueMany(2)
    await endNext(worker, good!)
    const child = await scene.enqueue({ after: [edge(good!), edge(open!)] })
    await scene.see(child, { state: 'blocked', blockers: 1 })
    await endNext(worker, open!)
    await seeCancelled(scene, child)
  },

  'one that comes again by its id, once it was removed, waits anew': async (scene) => {
    const worker = await scene.worker()
    const bad = await scene.enqueue()
    const [open, other] = await scene.enqueueMany(2, { held: true })
    const child = scene.spec({ after: [edge(bad), edge(open!)] })
    await scene.add(child)
    await endNext(worker, bad, fail())
    await endNext(worker, child.id)
    await scene.remove(child.id)
    await scene.pass(25 * 3_600_000)
    const retention = { succeededMs: null, cancelledMs: null, failedMs: null, count: null, bytes: null }
    await scene.store.prune({ tasksMax: 1_000, retention })
    const again = scene.spec({ id: child.id, digest: child.digest, after: [edge(other!)] })
    await scene.addGroups([{ tasks: [again] }], true)
    await scene.cancel(open!)
    await scene.deliver()
    await scene.see(child.id, { state: 'blocked', blockers: 1 })
    await scene.cancel(other!)
    await scene.deliver()
    await scene.see(child.id, { state: 'pending', blockers: 0 })
  },
})

const kept = cases('triggers', {
  'what was started keeps the results of all its parents': async (scene) => {
    const worker = await scene.worker()
    const [good, bad] = await scene.enqueueMany(2)
    const open = await scene.enqueue({ held: true })
    const child = await scene.enqueue({ after: [good!, bad!, open].map((parent) => edge(parent)) })
    await endNext(worker, good!, succeed('"of the parent"'))
    await endNext(worker, bad!, fail())
    await scene.cancel(open)
    await scene.deliver()
    await scene.pass(60_000)
    const retention = { succeededMs: 0, cancelledMs: 0, failedMs: 0, count: 0, bytes: 0 }
    const left = async (): Promise<readonly boolean[]> => {
      while ((await scene.store.prune({ tasksMax: 1_000, retention })).more);
      return (await scene.store.get([good!, bad!, open])).map((record) => record !== null)
    }
    equal(await left(), [true, true, true], 'the parents of a live task')
    await endNext(worker, child)
    equal(await left(), [false, false, false], 'the parents of one that has ended')
  },
})

const many = cases('triggers', {
  'more than a thousand are started in steps': async (scene) => {
    const worker = await scene.worker()
    const parent = await scene.enqueue()
    const children = await scene.enqueueMany(1_500, { after: [edge(parent)] })
    await worker.exchange({ settlements: [worker.settlement(await worker.claimOne(), fail())] })
    await scene.deliver(400)
    await scene.seeAll(children, 'pending')
  },

  'a thousand parents, of which the last one fails, start one': async (scene) => {
    const worker = await scene.worker()
    const parents = await scene.enqueueMany(1_000)
    const child = await scene.enqueue({ after: parents.map((parent) => edge(parent)) })
    for (let done = 0; done < 1_000; done += 250) {
      const claims = await worker.claim(250)
      const settlements = claims.map((claim, index) =>
        worker.settlement(claim, done === 750 && index === 249 ? fail() : succeed()),
      )
      await worker.exchange({ settlements })
    }
    await scene.deliver()
    await scene.see(child, { state: 'pending', blockers: 0 })
  },
})

export const triggerCases: readonly ConformanceCase[] = [...one, ...mixed, ...late, ...kept, ...many]
