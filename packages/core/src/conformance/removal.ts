/** Removal, and how long the id of a removed task is remembered. */
import { cases, type ConformanceCase } from './case.ts'
import { equal, matches, only, present } from './expect.ts'
import { DAY, exhaust, MINUTE, SECOND, type Scene } from './scene.ts'
import { fail, giveWay, succeed } from './worker.ts'
import type { FinalState, TaskId, TaskSpec } from '../store/records.ts'
import type { Retention } from '../store/port.ts'
import type { Transition } from '../store/settlement.ts'

const FOR_EVER: Retention = { succeededMs: null, cancelledMs: null, failedMs: null, count: null, bytes: null }
const CLIENT_MS = 15 * MINUTE
const USER_MS = DAY

async function prune(scene: Scene, retention: Retention = FOR_EVER): Promise<void> {
  await exhaust(() => scene.store.prune({ tasksMax: 1_000, retention }), 1_000)
}

/** Asserts that an id is remembered with this state. */
async function seeRemembered(scene: Scene, spec: TaskSpec, state: FinalState): Promise<void> {
  const by = { id: spec.id, state }
  equal(await scene.group([spec]), { outcome: 'added', tasks: [{ outcome: 'duplicate', by }] }, 'a repeat')
  await scene.gone(spec.id)
  const answer = await scene.group([{ ...spec, digest: 'another-digest-1' }])
  equal(
    answer,
    { outcome: 'rejected', index: 0, rejection: { code: 'conflict', id: spec.id } },
    'another digest',
  )
}

async function seeForgotten(scene: Scene, spec: TaskSpec): Promise<void> {
  const parent = spec.id
  const child = await scene.group([scene.spec({ after: [{ parent, ifFailed: 'run' }] })])
  equal(
    child,
    { outcome: 'rejected', index: 0, rejection: { code: 'unknown-parent', parent } },
    'a dependent',
  )
  equal(await scene.group([spec]), { outcome: 'added', tasks: [{ outcome: 'created' }] }, 'a repeat')
}

async function endAndRemove(scene: Scene, id: TaskId, transition: Transition): Promise<void> {
  const worker = await scene.worker()
  const claim = await worker.claimOne()
  equal(claim.id, id)
  await worker.end(claim, transition)
  equal(await scene.remove(id), 'changed')
}

export const removalCases: readonly ConformanceCase[] = cases('removal', {
  'tasks that wait and final ones are removed, running ones are not': async (scene) => {
    const worker = await scene.worker()
    await scene.enqueueMany(2)
    const [ended, running] = await worker.claim(2)
    await worker.end(ended!)
    const parent = await scene.enqueue({ held: true })
    const blocked = await scene.enqueue({ after: [{ parent, ifFailed: 'run' }] })
    const scheduled = await scene.enqueue({ due: { inMs: DAY } })
    for (const id of [ended!.id, blocked, parent, scheduled]) {
      equal(await scene.remove(id), 'changed')
      await scene.gone(id)
      equal(await scene.remove(id), 'unknown', 'a second removal')
    }
    equal(await scene.remove(running!.id), 'refused')
    await worker.end(running!)
  },

  'a removed task is nowhere': async (scene) => {
    const worker = await scene.worker()
    const id = await scene.enqueue({ startByMs: MINUTE })
    await scene.remove(id)
    equal(await worker.claim(5), [])
    equal((await scene.store.list({ filter: {}, limit: 10, cursor: null })).tasks, [])
    equal([await scene.cancel(id), await scene.restart(id)], ['unknown', 'unknown'])
    await scene.pass(MINUTE)
    equal(await scene.sweep(), 0)
    for (const { counts } of await scene.store.queues()) {
      for (const count of Object.values(counts) as readonly number[]) equal(count, 0, 'a count')
    }
  },

  'a removed task is remembered with its final state': async (scene) => {
    const ends = [
      ['succeeded', succeed()],
      ['failed', fail()],
      ['cancelled', giveWay()],
    ] as const
    for (const [state, transition] of ends) {
      const spec = scene.spec({ idMadeBy: 'user' })
      await scene.add(spec)
      await endAndRemove(scene, spec.id, transition)
      await seeRemembered(scene, spec, state)
      const outcome = present(only(await scene.store.outcomes({ ids: [spec.id], bytesMax: 1_000 })))
      const gone = { state, type: null, result: null, error: null }
      matches(outcome === 'later' ? {} : outcome, gone, 'the outcome')
    }
  },

  'a task that was removed before its end is remembered as cancelled': async (scene) => {
    const spec = scene.spec({ idMadeBy: 'user' })
    await scene.add(spec)
    await scene.remove(spec.id)
    await seeRemembered(scene, spec, 'cancelled')
  },

  "a client's id is remembered until 15 minutes after it was enqueued": async (scene) => {
    const spec = scene.spec()
    await scene.add(spec)
    const { enqueuedAt } = await scene.look(spec.id)
    await scene.pass(10 * MINUTE)
    await scene.remove(spec.id)
    await scene.passTo(enqueuedAt + CLIENT_MS - SECOND)
    await prune(scene)
    await seeRemembered(scene, spec, 'cancelled')
    await scene.passTo(enqueuedAt + CLIENT_MS)
    await prune(scene)
    await seeForgotten(scene, spec)
  },

  "a client's id is forgotten at once when its task is older": async (scene) => {
    const spec = scene.spec()
    await scene.add(spec)
    await scene.pass(CLIENT_MS)
    await scene.remove(spec.id)
    await prune(scene)
    await seeForgotten(scene, spec)
  },

  "a user's id is remembered for 24 hours after the removal": async (scene) => {
    const spec = scene.spec({ idMadeBy: 'user' })
    await scene.add(spec)
    await scene.pass(3 * DAY)
    await scene.remove(spec.id)
    await scene.pass(USER_MS - SECOND)
    await prune(scene)
    await seeRemembered(scene, spec, 'cancelled')
    await scene.pass(SECOND)
    await prune(scene)
    await seeForgotten(scene, spec)
  },

  'a repeat does not prolong the memory': async (scene) => {
    const spec = scene.spec({ idMadeBy: 'user' })
    await scene.add(spec)
    await scene.remove(spec.id)
    await scene.pass(USER_MS / 2)
    await seeRemembered(scene, spec, 'cancelled')
    await scene.pass(USER_MS / 2)
    await prune(scene)
    await seeForgotten(scene, spec)
  },

  'what retention removed is remembered, too': async (scene) => {
    const spec = scene.spec({ idMadeBy: 'user' })
    await scene.add(spec)
    const worker = await scene.worker()
    await worker.end(await worker.claimOne())
    await scene.pass(SECOND)
    await prune(scene, { ...FOR_EVER, succeededMs: 0 })
    await scene.gone(spec.id)
    await seeRemembered(scene, spec, 'succeeded')
    const child = scene.spec({ after: [{ parent: spec.id, ifFailed: 'cancel' }] })
    await scene.add(child)
    await scene.see(child.id, { state: 'pending', blockers: 0 })
  },

  'memories are dropped in steps': async (scene) => {
    const specs = scene.specs(5)
    await scene.addAll(specs)
    for (const { id } of specs) await scene.remove(id)
    await scene.pass(CLIENT_MS)
    await exhaust(() => scene.store.prune({ tasksMax: 2, retention: FOR_EVER }), 2)
    for (const spec of specs) await seeForgotten(scene, spec)
  },

  'a task is never forgotten while it is there': async (scene) => {
    const spec = scene.spec({ due: { inMs: 30 * DAY } })
    await scene.add(spec)
    await scene.pass(20 * DAY)
    await prune(scene)
    const by = { id: spec.id, state: 'pending' } as const
    equal(await scene.group([spec]), { outcome: 'added', tasks: [{ outcome: 'duplicate', by }] })
  },
})
