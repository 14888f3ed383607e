/** Gates: a large graph is written behind one, and starts by one decision. */
import { cases, type ConformanceCase } from './case.ts'
import { equal, sameMembers } from './expect.ts'
import { DAY, HOUR, MINUTE, type Scene } from './scene.ts'
import { idsOf } from './worker.ts'
import type { TaskId, TaskSpec } from '../store/records.ts'

const OPEN_FOR = HOUR

/** Enqueues tasks behind a gate. */
async function behind(scene: Scene, gate: string, ...tasks: readonly TaskSpec[]): Promise<readonly TaskId[]> {
  await scene.addAll(tasks, { gate })
  return tasks.map((task) => task.id)
}

/** Asserts that nothing is remembered of these ids: another bulk may use them at once, for other tasks. */
async function seeNew(scene: Scene, gate: string, tasks: readonly TaskSpec[]): Promise<void> {
  const ids = tasks.map((task) => task.id)
  const nothing = ids.map(() => null)
  equal(await scene.store.outcomes({ ids, bytesMax: 1_000 }), nothing, 'the outcomes')
  const others = tasks.map((task) => ({ ...task, digest: 'another-digest-1' }))
  const created = others.map(() => ({ outcome: 'created' }))
  equal(await scene.group(others, { gate }), { outcome: 'added', tasks: created }, 'the same ids')
  await scene.seeAll(ids, 'blocked')
}

async function seeRemembered(scene: Scene, spec: TaskSpec): Promise<void> {
  const by = { id: spec.id, state: 'cancelled' }
  equal(await scene.group([spec]), { outcome: 'added', tasks: [{ outcome: 'duplicate', by }] }, 'a repeat')
}

const opening = cases('gates', {
  'nothing behind a gate starts until it opens': async (scene) => {
    const worker = await scene.worker()
    const gate = scene.id()
    const ids = [
      ...(await behind(scene, gate, ...scene.specs(2))),
      ...(await behind(scene, gate, scene.spec())),
    ]
    for (const id of ids) await scene.see(id, { state: 'blocked', blockers: 1 })
    equal(await worker.claim(10), [])
    equal(await scene.store.openGate(gate), 'open')
    await scene.deliver()
    sameMembers(idsOf(await worker.claim(10)), ids)
  },

  'the graph behind a gate keeps its edges': async (scene) => {
    const worker = await scene.worker()
    const gate = scene.id()
    const parent = scene.spec()
    const child = scene.spec({ after: [{ parent: parent.id, ifFailed: 'cancel' }] })
    await behind(scene, gate, parent)
    await behind(scene, gate, child)
    await scene.see(child.id, { blockers: 2 })
    await scene.store.openGate(gate)
    await scene.deliver()
    await scene.see(child.id, { state: 'blocked', blockers: 1 })
    await worker.end(await worker.claimOne())
    await scene.see(child.id, { state: 'pending', blockers: 0 })
  },

  'opening twice is opening once': async (scene) => {
    const gate = scene.id()
    const [id] = await behind(scene, gate, scene.spec())
    equal([await scene.store.openGate(gate), await scene.store.openGate(gate)], ['open', 'open'])
    await scene.deliver()
    await scene.see(id!, { state: 'pending', blockers: 0 })
  },

  'an opened gate holds nobody': async (scene) => {
    const gate = scene.id()
    await behind(scene, gate, scene.spec())
    await scene.store.openGate(gate)
    await scene.pass(DAY - MINUTE)
    const [id] = await behind(scene, gate, scene.spec())
    await scene.see(id!, { state: 'pending', blockers: 0 })
    equal(await scene.store.openGate(gate), 'open')
  },

  'gates do not know each other': async (scene) => {
    const [one, other] = [scene.id(), scene.id()]
    const [first] = await behind(scene, one, scene.spec())
    const [second] = await behind(scene, other, scene.spec())
    await scene.store.openGate(other)
    await scene.deliver()
    await scene.see(first!, { state: 'blocked' })
    await scene.see(second!, { state: 'pending' })
  },

  'many tasks start by one opening': async (scene) => {
    const gate = scene.id()
    const ids: TaskId[] = []
    for (let chunk = 0; chunk < 3; chunk++) ids.push(...(await behind(scene, gate, ...scene.specs(1_000))))
    equal(await scene.store.openGate(gate), 'open')
    await scene.deliver()
    await scene.seeAll(ids, 'pending')
  },

  'a gate opens until an hour after it was first named': async (scene) => {
    const gate = scene.id()
    const [first] = await behind(scene, gate, scene.spec())
    const named = (await scene.look(first!)).enqueuedAt
    await scene.passTo(named + OPEN_FOR - MINUTE)
    const [second] = await behind(scene, gate, scene.spec())
    equal(await scene.store.openGate(gate), 'open')
    await scene.deliver()
    await scene.seeAll([first!, second!], 'pending')
  },

  'a gate that nobody opened for an hour is gone': async (scene) => {
    const gate = scene.id()
    const [first] = await behind(scene, gate, scene.spec())
    await scene.pass(MINUTE)
    await behind(scene, gate, scene.spec())
    await scene.passTo((await scene.look(first!)).enqueuedAt + OPEN_FOR)
    equal([await scene.store.openGate(gate), await scene.store.openGate(gate)], ['gone', 'gone'])
    const late = scene.spec()
    equal(await scene.group([late], { gate }), {
      outcome: 'rejected',
      index: 0,
      rejection: { code: 'gate-gone', gate },
    })
    await scene.gone(late.id)
  },

  'a gate that nobody named is gone, and stays so': async (scene) => {
    const gate = scene.id()
    equal([await scene.store.openGate(gate), await scene.store.openGate(gate)], ['gone', 'gone'])
    const spec = scene.spec()
    const refused = { outcome: 'rejected', index: 0, rejection: { code: 'gate-gone', gate } }
    equal(await scene.group([spec], { gate }), refused)
    await scene.pass(DAY - MINUTE)
    equal(await scene.group([spec], { gate }), refused, 'the same, almost a day later')
    await scene.gone(spec.id)
  },

  'nothing is added behind a gate that was not opened in time': async (scene) => {
    const gate = scene.id()
    await behind(scene, gate, scene.spec())
    await scene.pass(OPEN_FOR)
    const answer = await scene.group([scene.spec()], { gate })
    equal(answer, { outcome: 'rejected', index: 0, rejection: { code: 'gate-gone', gate } })
    equal(await scene.store.openGate(gate), 'gone')
  },

  'the sweep removes what waits behind a gate that is gone': async (scene) => {
    const gate = scene.id()
    const ids = await behind(scene, gate, ...scene.specs(5))
    const [other] = await behind(scene, scene.id(), scene.spec())
    const heir = await scene.enqueue({ after: [{ parent: ids[0]!, ifFailed: 'cancel' }] })
    const runner = await scene.enqueue({ after: [{ parent: ids[0]!, ifFailed: 'run' }] })
    await scene.pass(OPEN_FOR - MINUTE)
    equal(await scene.sweep(), 0, 'what was swept before the hour')
    await scene.pass(MINUTE)
    await behind(scene, scene.id(), scene.spec())
    await scene.sweep(2)
    await scene.deliver()
    for (const id of ids) await scene.gone(id)
    await scene.gone(other!)
    await scene.see(heir, { state: 'cancelled' })
    await scene.see(runner, { state: 'pending' })
    equal(await scene.store.openGate(gate), 'gone', 'the gate after the sweep')
  },

  'the fate of a gate is remembered for a day': async (scene) => {
    const gate = scene.id()
    await behind(scene, gate, scene.spec())
    await scene.pass(OPEN_FOR)
    equal(await scene.store.openGate(gate), 'gone')
    await scene.sweep()
    await scene.pass(DAY - MINUTE)
    await scene.sweep()
    equal(await scene.store.openGate(gate), 'gone')
  },
})

const duplicates = cases('gates', {
  'a duplicate behind an unopened gate goes over to the gate that names it': async (scene) => {
    const [old, fresh] = [scene.id(), scene.id()]
    const spec = scene.spec()
    await behind(scene, old, spec)
    await behind(scene, fresh, spec)
    await scene.see(spec.id, { state: 'blocked', blockers: 1 })
    await scene.store.openGate(old)
    await scene.deliver()
    await scene.see(spec.id, { state: 'blocked', blockers: 1 })
    await scene.store.openGate(fresh)
    await scene.deliver()
    await scene.see(spec.id, { state: 'pending', blockers: 0 })
  },

  'a duplicate that is named with its own gate stays behind it': async (scene) => {
    const gate = scene.id()
    const spec = scene.spec()
    await behind(scene, gate, spec)
    await behind(scene, gate, spec, scene.spec())
    await scene.see(spec.id, { state: 'blocked', blockers: 1 })
    await scene.store.openGate(gate)
    await scene.deliver()
    await scene.see(spec.id, { state: 'pending', blockers: 0 })
  },

  'a duplicate that goes over to an open gate waits no more': async (scene) => {
    const [old, open] = [scene.id(), scene.id()]
    const spec = scene.spec()
    await behind(scene, old, spec)
    await behind(scene, open, scene.spec())
    await scene.store.openGate(open)
    await behind(scene, open, spec)
    await scene.deliver()
    await scene.see(spec.id, { state: 'pending', blockers: 0 })
  },

  'a duplicate that is named without a gate waits for none': async (scene) => {
    const gate = scene.id()
    const spec = scene.spec()
    await behind(scene, gate, spec)
    equal((await scene.group([spec])).outcome, 'added')
    await scene.deliver()
    await scene.see(spec.id, { state: 'pending', blockers: 0 })
    await scene.pass(OPEN_FOR)
    await scene.sweep()
    await scene.see(spec.id, { state: 'pending' })
  },

  'a duplicate that waits for no gate is not put behind one': async (scene) => {
    const worker = await scene.worker()
    const parent = await scene.enqueue()
    const child = scene.spec({ after: [{ parent, ifFailed: 'cancel' }] })
    const opened = scene.spec()
    const gate = scene.id()
    await scene.add(child)
    await behind(scene, gate, opened)
    await scene.store.openGate(gate)
    await scene.deliver()
    await behind(scene, scene.id(), child, opened)
    await scene.see(opened.id, { state: 'pending', blockers: 0 })
    await scene.see(child.id, { state: 'blocked', blockers: 1 })
    await worker.end(await worker.claimOne())
    await scene.see(child.id, { state: 'pending' })
  },

  'a gate that only duplicates were named with opens all the same': async (scene) => {
    const spec = scene.spec()
    await scene.add(spec)
    const gate = scene.id()
    await behind(scene, gate, spec)
    equal(await scene.store.openGate(gate), 'open')
    await scene.see(spec.id, { state: 'pending' })
  },
})

const removing = cases('gates', {
  'a task behind a gate can be cancelled and removed': async (scene) => {
    const gate = scene.id()
    const [cancelled, removed, left] = await behind(scene, gate, ...scene.specs(3))
    equal([await scene.cancel(cancelled!), await scene.remove(removed!)], ['changed', 'changed'])
    await scene.store.openGate(gate)
    await scene.deliver()
    await scene.see(cancelled!, { state: 'cancelled', blockers: 0 })
    await scene.gone(removed!)
    await scene.see(left!, { state: 'pending' })
  },

  'what is removed behind a gate that was not opened leaves no tombstone': async (scene) => {
    const gate = scene.id()
    const given = scene.specs(2, { idMadeBy: 'user' })
    const drawn = scene.spec()
    const ids = await behind(scene, gate, ...given, drawn)
    for (const id of ids) equal(await scene.remove(id), 'changed')
    await seeNew(scene, gate, [...given, drawn])
  },

  'what the sweep removes behind a gate that is gone leaves no tombstone': async (scene) => {
    const gate = scene.id()
    const given = scene.specs(3, { idMadeBy: 'user' })
    await behind(scene, gate, ...given)
    await scene.pass(OPEN_FOR)
    equal(await scene.sweep(), 3)
    await seeNew(scene, scene.id(), given)
  },

  'what a gate that is gone still held is as new, too': async (scene) => {
    const gate = scene.id()
    const given = scene.spec({ idMadeBy: 'user' })
    await behind(scene, gate, given)
    await scene.pass(OPEN_FOR)
    equal(await scene.store.openGate(gate), 'gone')
    equal(await scene.remove(given.id), 'changed')
    await seeNew(scene, scene.id(), [given])
  },

  'what is removed behind a gate that was opened leaves its tombstone, delivered or not': async (scene) => {
    const gate = scene.id()
    const [first, second] = scene.specs(2, { idMadeBy: 'user' })
    await behind(scene, gate, first!, second!)
    await scene.store.openGate(gate)
    equal(await scene.remove(first!.id), 'changed')
    await scene.deliver()
    equal(await scene.remove(second!.id), 'changed')
    await seeRemembered(scene, first!)
    await seeRemembered(scene, second!)
  },

  'what came out from behind a gate leaves its tombstone': async (scene) => {
    const spec = scene.spec({ idMadeBy: 'user' })
    await behind(scene, scene.id(), spec)
    equal((await scene.group([spec])).outcome, 'added', 'named without a gate')
    equal(await scene.remove(spec.id), 'changed')
    await seeRemembered(scene, spec)
  },
})

export const gateCases: readonly ConformanceCase[] = [...opening, ...duplicates, ...removing]
