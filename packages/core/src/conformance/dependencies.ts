/** Edges between tasks: what waits, what unblocks it, and what becomes of it when a parent does not succeed. */
import { cases, type ConformanceCase } from './case.ts'
import { equal, holds, sameMembers } from './expect.ts'
import { demandOf, fail, giveBack, giveWay, retry, succeed, type Worker, idsOf } from './worker.ts'
import type { Scene } from './scene.ts'
import type { Edge, IfFailed, TaskId, TaskRecord, TaskState } from '../store/records.ts'
import type { Transition } from '../store/settlement.ts'

function after(parent: TaskId, ifFailed: IfFailed = 'cancel'): Edge {
  return { parent, ifFailed }
}

/** What a dependent becomes, by its policy, when its only parent does not succeed. */
const FATES: readonly (readonly [IfFailed, Partial<TaskRecord>])[] = [
  ['cancel', { state: 'cancelled', reason: null }],
  ['fail', { state: 'failed', reason: 'dependency' }],
  ['run', { state: 'pending', reason: null }],
]

/** One dependent of each policy. */
async function heirs(scene: Scene, parent: TaskId): Promise<readonly TaskId[]> {
  const specs = FATES.map(([ifFailed]) => scene.spec({ after: [after(parent, ifFailed)] }))
  await scene.addAll(specs)
  return specs.map((spec) => spec.id)
}

async function seeFates(scene: Scene, ids: readonly TaskId[]): Promise<void> {
  for (const [index, [, fate]] of FATES.entries()) await scene.see(ids[index]!, { ...fate, blockers: 0 })
}

/** Claims one certain task, and ends it. */
async function endNext(worker: Worker, id: TaskId, transition: Transition = succeed()): Promise<void> {
  const claim = await worker.claimOne()
  equal(claim.id, id, 'the claimed task')
  await worker.end(claim, transition)
}

const waiting = cases('dependencies', {
  'a dependent waits until its parent has succeeded': async (scene) => {
    const worker = await scene.worker()
    const parent = await scene.enqueue()
    const child = await scene.enqueue({ after: [after(parent)] })
    await scene.see(child, { state: 'blocked', blockers: 1, after: [after(parent)] })
    const claim = await worker.claimOne()
    equal(await worker.claim(10), [], 'claims while it waits')
    await worker.end(claim)
    await scene.see(child, { state: 'pending', blockers: 0 })
    const events = (await scene.look(child)).history.map((entry) => entry.event)
    equal(events, ['enqueued', 'unblocked'])
    const next = await worker.claimOne()
    equal([next.id, next.after], [child, [parent]])
  },

  'what a settlement unblocks can be claimed by the same exchange': async (scene) => {
    const worker = await scene.worker()
    const parent = await scene.enqueue()
    const child = await scene.enqueue({ after: [after(parent)] })
    const settlements = [worker.settlement(await worker.claimOne(), succeed())]
    const answer = await worker.exchange({ settlements, demand: demandOf(5) })
    equal(idsOf(answer.claims), [child])
  },

  'a parent that will run again unblocks nothing': async (scene) => {
    const worker = await scene.worker()
    const parent = await scene.enqueue()
    const child = await scene.enqueue({ after: [after(parent, 'run')] })
    await worker.end(await worker.claimOne(), retry())
    await worker.end(await worker.claimOne(), giveBack())
    await scene.see(child, { state: 'blocked', blockers: 1 })
    await endNext(worker, parent)
    await scene.see(child, { state: 'pending' })
  },

  'a dependent waits for all of its parents': async (scene) => {
    const worker = await scene.worker()
    const parents = await scene.enqueueMany(3)
    const child = await scene.enqueue({ after: parents.map((parent) => after(parent)) })
    for (let open = 3; open > 0; open--) {
      await scene.see(child, { state: 'blocked', blockers: open })
      await worker.end(await worker.claimOne())
    }
    await scene.see(child, { state: 'pending', blockers: 0 })
  },

  'parents may stand in the same group': async (scene) => {
    const worker = await scene.worker()
    const [first, second] = scene.specs(2)
    const last = scene.spec({ after: [after(first!.id), after(second!.id)] })
    await scene.add(first!, second!, last)
    await scene.see(last.id, { state: 'blocked', blockers: 2 })
    await endNext(worker, first!.id)
    await endNext(worker, second!.id)
    await endNext(worker, last.id)
  },

  'a diamond comes together once': async (scene) => {
    const worker = await scene.worker()
    const top = await scene.enqueue()
    const sides = await scene.enqueueMany(2, { after: [after(top)] })
    const bottom = await scene.enqueue({ after: sides.map((side) => after(side)) })
    await endNext(worker, top)
    const claims = await worker.claim(10)
    sameMembers(idsOf(claims), sides, 'the sides')
    await worker.end(claims[0]!)
    await scene.see(bottom, { state: 'blocked', blockers: 1 })
    await worker.end(claims[1]!)
    const unblocked = (await scene.look(bottom)).history.filter((entry) => entry.event === 'unblocked')
    equal(unblocked.length, 1, 'how often it was unblocked')
    await endNext(worker, bottom)
  },

  'two parents settled by one exchange unblock their dependent': async (scene) => {
    const worker = await scene.worker()
    const parents = await scene.enqueueMany(2)
    const child = await scene.enqueue({ after: parents.map((parent) => after(parent)) })
    const claims = await worker.claim(2)
    await worker.exchange({ settlements: claims.map((claim) => worker.settlement(claim, succeed())) })
    await scene.see(child, { state: 'pending', blockers: 0 })
  },

  'a thousand parents join in one dependent': async (scene) => {
    const worker = await scene.worker()
    const parents = await scene.enqueueMany(1_000)
    const child = await scene.enqueue({ after: parents.map((parent) => after(parent)) })
    await scene.see(child, { state: 'blocked', blockers: 1_000 })
    for (let done = 0; done < 1_000; done += 250) {
      const claims = await worker.claim(250)
      await worker.exchange({ settlements: claims.map((claim) => worker.settlement(claim, succeed())) })
    }
    await scene.deliver()
    await scene.see(child, { state: 'pending', blockers: 0 })
  },

  'an unblocked task keeps to its due time': async (scene) => {
    const worker = await scene.worker()
    const parent = await scene.enqueue()
    const child = await scene.enqueue({ after: [after(parent)], due: { inMs: 60_000 } })
    const { runAt } = await scene.look(child)
    await endNext(worker, parent)
    await scene.see(child, { state: 'pending', runAt })
    equal(await worker.claim(1), [], 'claims before its time')
    await scene.passTo(runAt)
    await endNext(worker, child)
  },
})

const endings: readonly (readonly [string, (scene: Scene, parent: TaskId) => Promise<void>])[] = [
  ['failed', async (scene) => (await oneClaim(scene))(fail())],
  ['ran out of attempts', async (scene) => (await oneClaim(scene))(fail('crash'))],
  ['gave way', async (scene) => (await oneClaim(scene))(giveWay())],
  ['was cancelled', async (scene, parent) => equal(await scene.cancel(parent), 'changed')],
  ['was removed', async (scene, parent) => equal(await scene.remove(parent), 'changed')],
]

async function oneClaim(scene: Scene): Promise<(transition: Transition) => Promise<void>> {
  const worker = await scene.worker()
  const claim = await worker.claimOne()
  return (transition) => worker.end(claim, transition)
}

const policies: readonly ConformanceCase[] = endings.flatMap(([how, end]) =>
  cases('dependencies', {
    [`a parent that ${how} decides its dependents by their policies`]: async (scene) => {
      const parent = await scene.enqueue()
      const ids = await heirs(scene, parent)
      await end(scene, parent)
      await scene.deliver()
      await seeFates(scene, ids)
    },
  }),
)

const cascades = cases('dependencies', {
  'a cascade runs down a chain': async (scene) => {
    const worker = await scene.worker()
    const ids = [await scene.enqueue()]
    for (const ifFailed of ['cancel', 'fail', 'cancel', 'run', 'cancel'] as const) {
      ids.push(await scene.enqueue({ after: [after(ids.at(-1)!, ifFailed)] }))
    }
    const answer = await worker.exchange({
      settlements: [worker.settlement(await worker.claimOne(), fail())],
    })
    if (answer.undelivered) await scene.deliver()
    const states: TaskState[] = []
    for (const id of ids) states.push((await scene.look(id)).state)
    equal(states, ['failed', 'cancelled', 'failed', 'cancelled', 'pending', 'blocked'])
  },

  'the first parent that does not succeed decides, whatever the others do': async (scene) => {
    const worker = await scene.worker()
    const [bad, open] = await scene.enqueueMany(2)
    const child = await scene.enqueue({ after: [after(bad!, 'fail'), after(open!, 'cancel')] })
    await endNext(worker, bad!, fail())
    await scene.see(child, { state: 'failed', reason: 'dependency', blockers: 0 })
    await endNext(worker, open!, fail())
    await scene.see(child, { state: 'failed', reason: 'dependency' })
  },

  'a dependent that runs anyway still waits for its other parents': async (scene) => {
    const worker = await scene.worker()
    const [bad, open] = await scene.enqueueMany(2)
    const child = await scene.enqueue({ after: [after(bad!, 'run'), after(open!, 'cancel')] })
    await endNext(worker, bad!, fail())
    await scene.see(child, { state: 'blocked', blockers: 1 })
    await endNext(worker, open!)
    await endNext(worker, child)
  },

  'a failing side ends the bottom of a diamond once': async (scene) => {
    const worker = await scene.worker()
    const top = await scene.enqueue()
    const sides = await scene.enqueueMany(2, { after: [after(top)] })
    const bottom = await scene.enqueue({ after: sides.map((side) => after(side)) })
    await endNext(worker, top, fail())
    await scene.deliver()
    await scene.seeAll([...sides, bottom], 'cancelled')
    const ended = (await scene.look(bottom)).history.filter((entry) => entry.event === 'cancelled')
    equal(ended.length, 1, 'how often it ended')
  },

  'a parent that starts over does not bring its dependents back': async (scene) => {
    const worker = await scene.worker()
    const parent = await scene.enqueue()
    const ids = await heirs(scene, parent)
    await endNext(worker, parent, fail())
    equal(await scene.restart(parent), 'changed')
    await seeFates(scene, ids)
  },

  'a dependent that starts over waits no more': async (scene) => {
    const worker = await scene.worker()
    const [bad] = await scene.enqueueMany(2)
    const child = await scene.enqueue({ after: [after(bad!)] })
    await endNext(worker, bad!, fail())
    await scene.see(child, { state: 'cancelled' })
    equal(await scene.restart(child), 'changed')
    await scene.see(child, { state: 'pending', blockers: 0, reason: null, finishedAt: null })
  },
})

const manyDependents = cases('dependencies', {
  'more than a thousand dependents are told in steps': async (scene) => {
    const worker = await scene.worker()
    const parent = await scene.enqueue()
    const children = await scene.enqueueMany(2_500, { after: [after(parent)] })
    const answer = await worker.exchange({
      settlements: [worker.settlement(await worker.claimOne(), succeed())],
    })
    equal(answer.verdicts, ['applied'])
    if (answer.undelivered) await scene.deliver(400)
    await scene.seeAll(children, 'pending')
    equal(await scene.store.deliver({ tasksMax: 1_000 }), { changed: 0, more: false })
  },

  'many dependents of a failed parent end in steps, and their dependents': async (scene) => {
    const worker = await scene.worker()
    const parent = await scene.enqueue()
    const children = await scene.enqueueMany(1_500, { after: [after(parent)] })
    const grandchild = await scene.enqueue({
      after: children.slice(0, 500).map((child) => after(child, 'fail')),
    })
    const answer = await worker.exchange({
      settlements: [worker.settlement(await worker.claimOne(), fail())],
    })
    if (answer.undelivered) await scene.deliver(700)
    await scene.seeAll(children, 'cancelled')
    await scene.see(grandchild, { state: 'failed', reason: 'dependency' })
  },

  'what is not yet told stays blocked and is not claimed': async (scene) => {
    const worker = await scene.worker()
    const parent = await scene.enqueue()
    const children = await scene.enqueueMany(1_500, { after: [after(parent)] })
    const { undelivered } = await worker.exchange({
      settlements: [worker.settlement(await worker.claimOne(), succeed())],
    })
    const claimed = new Set<TaskId>()
    for (let rounds = 0; rounds < 20; rounds++) {
      for (const { id } of await worker.claim(500)) {
        holds(!claimed.has(id), 'a task was claimed twice')
        claimed.add(id)
      }
      if (undelivered) await scene.store.deliver({ tasksMax: 200 })
    }
    sameMembers([...claimed], children, 'the claimed tasks')
  },
})

const late = cases('dependencies', {
  'a parent that has succeeded is no obstacle': async (scene) => {
    const worker = await scene.worker()
    const parent = await scene.enqueue()
    await endNext(worker, parent)
    for (const id of await heirs(scene, parent)) await scene.see(id, { state: 'pending', blockers: 0 })
  },

  'a parent that has failed decides at once': async (scene) => {
    const worker = await scene.worker()
    const parent = await scene.enqueue()
    await endNext(worker, parent, fail())
    await seeFates(scene, await heirs(scene, parent))
  },

  'a parent that was cancelled decides at once': async (scene) => {
    const parent = await scene.enqueue()
    await scene.cancel(parent)
    await seeFates(scene, await heirs(scene, parent))
  },

  'a cascade may run within the group that is added': async (scene) => {
    const parent = await scene.enqueue()
    await scene.cancel(parent)
    const child = scene.spec({ after: [after(parent)] })
    const grandchild = scene.spec({ after: [after(child.id, 'fail')] })
    await scene.add(child, grandchild)
    await scene.deliver()
    await scene.see(child.id, { state: 'cancelled' })
    await scene.see(grandchild.id, { state: 'failed', reason: 'dependency' })
  },

  'a removed parent that never ran decides as a cancelled one': async (scene) => {
    const parent = await scene.enqueue({ idMadeBy: 'user' })
    await scene.remove(parent)
    await seeFates(scene, await heirs(scene, parent))
  },

  'a removed parent that had succeeded is no obstacle': async (scene) => {
    const worker = await scene.worker()
    const parent = await scene.enqueue({ idMadeBy: 'user' })
    await endNext(worker, parent)
    equal(await scene.remove(parent), 'changed')
    for (const id of await heirs(scene, parent)) await scene.see(id, { state: 'pending', blockers: 0 })
  },

  'an unknown parent is refused': async (scene) => {
    const known = await scene.enqueue()
    const parent = scene.id()
    const child = scene.spec({ after: [after(known), after(parent)] })
    const rejection = { code: 'unknown-parent', parent } as const
    equal(await scene.group([child]), { outcome: 'rejected', index: 0, rejection })
    await scene.gone(child.id)
  },

  'edges to a duplicate point to the task that is there': async (scene) => {
    const worker = await scene.worker()
    const holder = await scene.enqueue({ unique: { key: 'k', while: 'live', then: 'keep' } })
    const newcomer = scene.spec({ unique: { key: 'k', while: 'live', then: 'keep' } })
    const child = scene.spec({ after: [after(newcomer.id, 'fail')] })
    const verdicts = await scene.add(newcomer, child)
    equal(verdicts[0], { outcome: 'duplicate', by: { id: holder, state: 'pending' } })
    await scene.gone(newcomer.id)
    await scene.see(child.id, { state: 'blocked', blockers: 1, after: [after(holder, 'fail')] })
    await endNext(worker, holder)
    const claim = await worker.claimOne()
    equal([claim.id, claim.after], [child.id, [holder]])
  },

  'a task that is named by two ids blocks its dependent only once': async (scene) => {
    const worker = await scene.worker()
    const holder = await scene.enqueue({ unique: { key: 'k', while: 'live', then: 'keep' } })
    const newcomer = scene.spec({ unique: { key: 'k', while: 'live', then: 'keep' } })
    const child = scene.spec({ after: [after(newcomer.id), after(holder)] })
    await scene.add(newcomer, child)
    await scene.see(child.id, { state: 'blocked' })
    await endNext(worker, holder)
    await scene.see(child.id, { state: 'pending', blockers: 0 })
  },
})

export const dependencyCases: readonly ConformanceCase[] = [
  ...waiting,
  ...policies,
  ...cascades,
  ...manyDependents,
  ...late,
]
