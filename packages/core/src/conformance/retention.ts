/** Retention: which final tasks `prune` removes, and in which order. */
import { cases, type ConformanceCase } from './case.ts'
import { equal, holds } from './expect.ts'
import { exhaust, MINUTE, SECOND, type Scene } from './scene.ts'
import { fail, giveWay, succeed } from './worker.ts'
import type { Retention } from '../store/port.ts'
import type { TaskId, TaskSpec } from '../store/records.ts'
import type { Transition } from '../store/settlement.ts'

const FOR_EVER: Retention = { succeededMs: null, cancelledMs: null, failedMs: null, count: null, bytes: null }

/** Tasks that ended one after the other, a second apart. */
async function ended(
  scene: Scene,
  transitions: readonly Transition[],
  changes: Partial<TaskSpec> = {},
): Promise<readonly TaskId[]> {
  const worker = await scene.worker()
  const ids: TaskId[] = []
  for (const transition of transitions) {
    ids.push(await scene.enqueue(changes))
    const queue = changes.queue ?? 'default'
    await worker.end(
      await worker.claimOne({ queues: [{ queue, slots: [0, 0, 0, 0, 0], tasksMax: 1 }] }),
      transition,
    )
    await scene.pass(SECOND)
  }
  return ids
}

function times<T>(count: number, value: T): readonly T[] {
  return Array.from({ length: count }, () => value)
}

async function prune(scene: Scene, retention: Partial<Retention>, tasksMax = 1_000): Promise<number> {
  return exhaust(() => scene.store.prune({ tasksMax, retention: { ...FOR_EVER, ...retention } }), tasksMax)
}

/** Which of these tasks are still there. */
async function left(scene: Scene, ids: readonly TaskId[]): Promise<readonly boolean[]> {
  return (await scene.store.get(ids)).map((record) => record !== null)
}

/** Text that no compression makes small. */
function noise(length: number): string {
  let state = length
  let text = ''
  while (text.length < length) {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0
    text += state.toString(36)
  }
  return text.slice(0, length)
}

export const retentionCases: readonly ConformanceCase[] = cases('retention', {
  'with no retention nothing is removed': async (scene) => {
    const ids = await ended(scene, [succeed(), fail(), giveWay()])
    await scene.pass(1_000 * MINUTE)
    equal(await scene.store.prune({ tasksMax: 10, retention: FOR_EVER }), { changed: 0, more: false })
    equal(await left(scene, ids), [true, true, true])
  },

  'each final state has its own age': async (scene) => {
    const ids = await ended(scene, [succeed(), fail(), giveWay()])
    await scene.pass(10 * MINUTE)
    await prune(scene, { succeededMs: 9 * MINUTE })
    equal(await left(scene, ids), [false, true, true])
    await prune(scene, { cancelledMs: 9 * MINUTE })
    equal(await left(scene, ids), [false, true, false])
    await prune(scene, { succeededMs: 0, cancelledMs: 0, failedMs: 20 * MINUTE })
    equal(await left(scene, ids), [false, true, false])
    await scene.pass(10 * MINUTE)
    await prune(scene, { failedMs: 20 * MINUTE })
    equal(await left(scene, ids), [false, false, false])
  },

  'the age counts from the end of a task': async (scene) => {
    const worker = await scene.worker()
    const id = await scene.enqueue()
    const claim = await worker.claimOne()
    await scene.pass(30 * MINUTE)
    await worker.end(claim)
    await scene.pass(MINUTE - SECOND)
    await prune(scene, { succeededMs: MINUTE })
    equal(await left(scene, [id]), [true])
    await scene.pass(SECOND)
    await prune(scene, { succeededMs: MINUTE })
    equal(await left(scene, [id]), [false])
  },

  'beyond the count the oldest go first': async (scene) => {
    const ids = await ended(scene, [succeed(), fail(), giveWay(), succeed(), succeed()])
    equal(await prune(scene, { count: 3 }), 2)
    equal(await left(scene, ids), [false, false, true, true, true])
    equal(await prune(scene, { count: 3 }), 0)
    await prune(scene, { count: 0 })
    equal(await left(scene, ids), times(5, false))
  },

  'each queue has its own count': async (scene) => {
    const many = await ended(scene, times(4, succeed()), { queue: 'many' })
    const few = await ended(scene, times(2, succeed()), { queue: 'few' })
    await prune(scene, { count: 2 })
    equal([...(await left(scene, many)), ...(await left(scene, few))], [false, false, true, true, true, true])
  },

  'beyond the bytes the oldest go first': async (scene) => {
    const ids = await ended(scene, times(8, succeed(noise(100_000))))
    await prune(scene, { bytes: 550_000 })
    const there = await left(scene, ids)
    const count = there.filter(Boolean).length
    holds(1 <= count && count <= 5, `${count} tasks of 100 000 bytes are left within 550 000`)
    equal(there, [...times(8 - count, false), ...times(count, true)])
  },

  'payloads of failed tasks count as bytes': async (scene) => {
    const ids = await ended(scene, times(4, fail()), { payload: noise(100_000) })
    await prune(scene, { bytes: 250_000 })
    equal(await left(scene, ids), [false, false, true, true])
  },

  'what is within all bounds stays': async (scene) => {
    const ids = await ended(scene, times(4, succeed('1')))
    const bounds = { succeededMs: MINUTE, failedMs: MINUTE, cancelledMs: MINUTE, count: 4, bytes: 1_000_000 }
    equal(await prune(scene, bounds), 0)
    equal(await left(scene, ids), times(4, true))
  },

  'the first bound that is exceeded counts': async (scene) => {
    const ids = await ended(scene, times(4, succeed('1')))
    await prune(scene, { succeededMs: 60 * MINUTE, count: 1 })
    equal(await left(scene, ids), [false, false, false, true])
    await prune(scene, { succeededMs: 0, count: 10 })
    equal(await left(scene, ids), times(4, false))
  },

  'a queue may have a retention of its own': async (scene) => {
    const own = await ended(scene, times(3, succeed()), { queue: 'own' })
    const other = await ended(scene, times(3, succeed()))
    await scene.store.configureQueue({ queue: 'own', retention: { ...FOR_EVER, count: 2 } })
    await prune(scene, { count: 1 })
    equal(
      [await left(scene, own), await left(scene, other)],
      [
        [false, true, true],
        [false, false, true],
      ],
    )
    await scene.store.configureQueue({ queue: 'own', retention: null })
    await prune(scene, { count: 1 })
    equal(await left(scene, own), [false, false, true])
  },

  'live tasks are never removed': async (scene) => {
    const worker = await scene.worker()
    const [running, parent] = await scene.enqueueMany(2)
    await worker.claimOne()
    const ids = [running!, parent!, await scene.enqueue({ after: [{ parent: parent!, ifFailed: 'run' }] })]
    await scene.pass(10 * MINUTE)
    equal(await prune(scene, { succeededMs: 0, cancelledMs: 0, failedMs: 0, count: 0, bytes: 0 }), 0)
    equal(await left(scene, ids), times(3, true))
  },

  'the parents of live tasks stay': async (scene) => {
    const worker = await scene.worker()
    const [parent, other] = await ended(scene, [succeed('"of the parent"'), fail()])
    const after = [
      { parent: parent!, ifFailed: 'cancel' },
      { parent: other!, ifFailed: 'run' },
    ] as const
    const child = await scene.enqueue({ after })
    await scene.pass(MINUTE)
    const nothing = { succeededMs: 0, cancelledMs: 0, failedMs: 0, count: 0, bytes: 0 }
    await prune(scene, nothing)
    equal(await left(scene, [parent!, other!]), [true, true])
    await worker.end(await worker.claimOne())
    await scene.pass(MINUTE)
    await prune(scene, nothing)
    equal(await left(scene, [parent!, other!, child]), [false, false, false])
  },

  'a parent stays as long as one of its dependents lives': async (scene) => {
    const worker = await scene.worker()
    const [parent] = await ended(scene, [succeed()])
    const after = [{ parent: parent!, ifFailed: 'cancel' }] as const
    const [first, second] = await scene.enqueueMany(2, { after })
    for (const id of [first!, second!]) {
      await scene.pass(MINUTE)
      await prune(scene, { succeededMs: 0 })
      equal(await left(scene, [parent!]), [true])
      const claim = await worker.claimOne()
      equal(claim.id, id)
      await worker.end(claim)
    }
    await scene.pass(MINUTE)
    await prune(scene, { succeededMs: 0 })
    equal(await left(scene, [parent!, first!, second!]), [false, false, false])
  },

  'what was removed counts no more': async (scene) => {
    const ids = await ended(scene, times(4, fail()), { payload: noise(100_000) })
    for (const id of ids.slice(2)) equal(await scene.remove(id), 'changed')
    await prune(scene, { bytes: 250_000, count: 2 })
    equal(await left(scene, ids), [true, true, false, false])
    for (const id of ids.slice(0, 2)) equal(await scene.restart(id), 'changed')
    const late = await ended(scene, [giveWay(), giveWay()], {
      payload: noise(100_000),
      queue: 'default',
      level: 0,
    })
    await prune(scene, { bytes: 250_000, count: 2 })
    equal(await left(scene, late), [true, true])
  },

  'the parents of a task that started over stay': async (scene) => {
    const parent = await scene.enqueue()
    const child = await scene.enqueue({ after: [{ parent, ifFailed: 'cancel' }] })
    await scene.cancel(parent)
    await scene.deliver()
    equal(await scene.restart(child), 'changed')
    await scene.pass(MINUTE)
    await prune(scene, { cancelledMs: 0 })
    equal(await left(scene, [parent, child]), [true, true])
    await scene.cancel(child)
    await scene.pass(MINUTE)
    await prune(scene, { cancelledMs: 0 })
    equal(await left(scene, [parent, child]), [false, false])
  },

  "parents that stay stand in nobody's way": async (scene) => {
    const [parent, ...others] = await ended(scene, times(5, succeed()))
    await scene.enqueue({ after: [{ parent: parent!, ifFailed: 'cancel' }], held: true })
    await prune(scene, { succeededMs: 0 }, 1)
    equal(await left(scene, [parent!, ...others]), [true, false, false, false, false])
  },

  'much is removed in steps': async (scene) => {
    const worker = await scene.worker()
    const ids = await scene.enqueueMany(25)
    const claims = await worker.claim(25)
    await worker.exchange({ settlements: claims.map((claim) => worker.settlement(claim, succeed())) })
    await scene.pass(MINUTE)
    const retention = { ...FOR_EVER, succeededMs: MINUTE }
    equal(await scene.store.prune({ tasksMax: 10, retention }), { changed: 10, more: true })
    equal(await exhaust(() => scene.store.prune({ tasksMax: 10, retention }), 10), 15)
    equal(await left(scene, ids), times(25, false))
  },

  'a task that started over is no final task': async (scene) => {
    const [id] = await ended(scene, [fail()])
    await scene.restart(id!)
    await scene.pass(10 * MINUTE)
    await prune(scene, { failedMs: 0, count: 0 })
    await scene.see(id!, { state: 'pending' })
  },
})
