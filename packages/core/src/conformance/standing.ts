/** Where one task stands: who comes before it, and what keeps it that no record shows. */
import { cases, type ConformanceCase } from './case.ts'
import { equal, holds, only, present } from './expect.ts'
import { HOUR, MINUTE, SECOND, type Scene } from './scene.ts'
import { giveBack, retry } from './worker.ts'
import type { Before, Standing } from '../store/inspection.ts'
import type { Lane, TaskId, TaskSpec } from '../store/records.ts'

const FREE: Lane = { partition: null, fifo: false, limits: [], prefers: [], spillMs: 0 }

async function standing(scene: Scene, id: TaskId, countMax = 100): Promise<Standing> {
  return present(await scene.store.standing({ id, countMax }), 'where the task stands')
}

async function seeBefore(scene: Scene, id: TaskId, before: Before | null): Promise<void> {
  equal((await standing(scene, id)).before, before, 'what comes before it')
}

function before(higher: number, same: number): Before {
  return { higher, same, counted: 'all' }
}

const places = cases('standing', {
  'of a task that the store does not hold there is no standing': async (scene) => {
    const id = await scene.enqueue()
    await scene.remove(id)
    equal(await scene.store.standing({ id, countMax: 10 }), null)
    equal(await scene.store.standing({ id: scene.id(), countMax: 10 }), null)
  },

  'before a task come those of higher levels, and those of its own that were due before': async (scene) => {
    await scene.enqueueMany(2, { level: 0 })
    await scene.enqueueMany(3, { type: 'other' })
    await scene.enqueue({ level: 4 })
    const id = await scene.enqueue()
    await scene.enqueueMany(2)
    await scene.enqueue({ level: 1, needs: ['gpu'] })
    await scene.enqueue({ level: 0, queue: 'elsewhere' })
    await scene.enqueue({ level: 0, due: { inMs: HOUR } })
    await scene.enqueue({ level: 0, held: true })
    await seeBefore(scene, id, before(3, 3))
  },

  'tasks of all lanes come before it': async (scene) => {
    const lanes: readonly Lane[] = [
      { ...FREE, partition: 'p' },
      { ...FREE, partition: 'q', limits: [{ name: 'api', key: 'k', cost: 2 }] },
      { ...FREE, limits: [{ name: 'api', key: 'k', cost: 1 }] },
    ]
    for (const lane of lanes) await scene.enqueue({ lane })
    const [id, inLane] = [await scene.enqueue(), await scene.enqueue({ lane: lanes[0]! })]
    for (const lane of lanes) await scene.enqueue({ lane })
    for (const lane of lanes) await scene.enqueue({ lane, level: 1 })
    await seeBefore(scene, id, before(3, 3))
    await seeBefore(scene, inLane, before(3, 4))
  },

  'what falls due stands in line, whether anybody has looked since or not': async (scene) => {
    const later = await scene.enqueue({ due: { inMs: MINUTE } })
    await scene.enqueue({ due: { inMs: MINUTE }, level: 0 })
    await seeBefore(scene, later, null)
    await scene.pass(MINUTE + 1)
    const now = await scene.enqueue()
    await seeBefore(scene, later, before(1, 0))
    await seeBefore(scene, now, before(1, 1))
    const worker = await scene.worker()
    await worker.ask({ types: ['work'], tasksMax: 1, queues: [] })
    await worker.claimOne()
    await seeBefore(scene, now, before(0, 1))
  },

  'what is to be started by a time stands by that': async (scene) => {
    const plain = await scene.enqueue({ due: { at: 1 } })
    const late = await scene.enqueue({ dueByMs: HOUR })
    const soon = await scene.enqueue({ dueByMs: MINUTE })
    await seeBefore(scene, late, before(0, 2))
    await seeBefore(scene, soon, before(0, 1))
    await seeBefore(scene, plain, before(0, 0))
    await scene.enqueue({ lane: { ...FREE, partition: 'p' }, dueByMs: SECOND })
    await seeBefore(scene, soon, before(0, 2))
  },

  'only what could be claimed stands in line': async (scene) => {
    const parent = await scene.enqueue()
    const waits = [
      await scene.enqueue({ after: [{ parent, ifFailed: 'run' }] }),
      await scene.enqueue({ held: true }),
      await scene.enqueue({ due: { inMs: HOUR } }),
    ]
    for (const id of waits) await seeBefore(scene, id, null)
    const worker = await scene.worker()
    const claim = await worker.claimOne()
    await seeBefore(scene, parent, null)
    await worker.end(claim, retry(HOUR))
    await seeBefore(scene, parent, null)
    await scene.cancel(parent)
    await scene.deliver()
    await seeBefore(scene, parent, null)
    await seeBefore(scene, waits[0]!, before(0, 0))
  },

  'what commands and claims left behind is not counted': async (scene) => {
    const [held, lifted, cancelled, claimed, returned] = await scene.enqueueMany(5)
    const id = await scene.enqueue()
    await scene.command({ kind: 'hold' }, held!)
    await scene.command({ kind: 'edit', payload: null, level: 1, runAt: null }, lifted!)
    await scene.cancel(cancelled!)
    await seeBefore(scene, id, before(1, 2))
    await scene.command({ kind: 'release' }, held!)
    await seeBefore(scene, id, before(1, 3))
    const worker = await scene.worker()
    const claims = await worker.claim(4)
    equal(claims.length, 4)
    await seeBefore(scene, id, before(0, 0))
    const back = present(claims.find((claim) => claim.id === returned))
    await worker.end(back, giveBack())
    await seeBefore(scene, id, before(0, 1))
    await scene.see(claimed!, { state: 'running' })
  },

  'no more are counted than is asked for': async (scene) => {
    await scene.enqueueMany(20, { level: 1 })
    await scene.enqueueMany(20)
    const id = await scene.enqueue()
    const counts = async (countMax: number): Promise<Before> =>
      present((await standing(scene, id, countMax)).before)
    equal(await counts(41), before(20, 20))
    const { higher, same, counted } = await counts(30)
    equal([higher + same, counted], [30, 'some'])
    holds(higher <= 20, `${higher} of a higher level were counted`)
    equal(await counts(1), { higher: 1, same: 0, counted: 'some' })
  },
})

const rest = cases('standing', {
  'the first of a series is named, as long as the task lives': async (scene) => {
    const lane = { ...FREE, partition: 'p', fifo: true }
    const [first, second] = await scene.enqueueMany(2, { lane })
    equal((await standing(scene, second!)).first, first)
    equal((await standing(scene, first!)).first, first)
    await seeBefore(scene, second!, null)
    await scene.cancel(first!)
    equal((await standing(scene, first!)).first, null)
    equal((await standing(scene, second!)).first, second)
    await seeBefore(scene, second!, before(0, 0))
    const free = await scene.enqueue({ lane: { ...FREE, partition: 'p' } })
    equal((await standing(scene, free)).first, null)
    await seeBefore(scene, free, before(0, 1))
  },

  'the gate is named until it opens': async (scene) => {
    const spec = scene.spec()
    await scene.addAll([spec], { gate: 'large' })
    equal((await standing(scene, spec.id)).gate, 'large')
    await scene.store.openGate('large')
    await scene.deliver()
    equal((await standing(scene, spec.id)).gate, null)
  },

  'who holds its unique key is named, in the way in which the task would': async (scene) => {
    const keyed = (changes: Partial<TaskSpec> = {}): Promise<TaskId> =>
      scene.enqueue({ unique: { key: 'k', while: 'live', then: 'keep' }, ...changes })
    const first = await keyed()
    equal((await standing(scene, first)).keyHolder, first)
    await scene.cancel(first)
    equal((await standing(scene, first)).keyHolder, null)
    const second = await keyed()
    equal((await standing(scene, first)).keyHolder, second)
    const timed = await keyed({ unique: { key: 'k', while: { withinMs: MINUTE }, then: 'keep' } })
    equal((await standing(scene, timed)).keyHolder, timed)
    equal((await standing(scene, second)).keyHolder, second)
    await scene.pass(MINUTE + 1)
    equal((await standing(scene, timed)).keyHolder, null)
    equal((await standing(scene, await scene.enqueue())).keyHolder, null)
  },

  'one that lost its key while it ran is told who has it': async (scene) => {
    const unique = { key: 'k', while: 'waiting', then: 'keep' } as const
    const id = await scene.enqueue({ unique })
    const worker = await scene.worker()
    const claim = await worker.claimOne()
    equal((await standing(scene, id)).keyHolder, null)
    const other = await scene.enqueue({ unique })
    await worker.end(claim, giveBack())
    equal((await standing(scene, id)).keyHolder, other)
  },

  'since when and by whom a queue is paused stays, until it goes on': async (scene) => {
    const id = await scene.enqueue()
    const pause = async (): Promise<Standing['paused']> => (await standing(scene, id)).paused
    equal(await pause(), null)
    const from = await scene.now()
    await scene.store.configureQueue({ queue: 'default', paused: true, by: 'Ada' })
    const paused = present(await pause())
    equal(paused.by, 'Ada')
    holds(paused.at >= from && paused.at <= (await scene.now()), `paused at ${paused.at}`)
    await scene.pass(MINUTE)
    await scene.store.configureQueue({ queue: 'default', paused: true, by: 'Bob' })
    await scene.store.configureQueue({ queue: 'default', retention: null })
    equal(await pause(), paused)
    await scene.store.configureQueue({ queue: 'default', paused: false })
    equal(await pause(), null)
    await scene.store.configureQueue({ queue: 'default', paused: true })
    equal(present(await pause()).by, null)
    await scene.cancel(id)
    equal(present(await pause()).by, null)
  },

  'of a limit the keys that are asked for are shown, however little they are used': async (scene) => {
    const allowance = { concurrency: 5, rate: null }
    const nonce = scene.nonce()
    const setting = { nonce, name: 'api', version: null, allowance, shutMs: null, by: 'user' } as const
    await scene.store.configureLimit(setting)
    for (const key of ['a', 'b', 'b', 'c', 'c'])
      await scene.enqueue({ lane: { ...FREE, limits: [{ name: 'api', key, cost: 1 }] } })
    const worker = await scene.worker()
    await worker.claim(5)
    const request = { names: ['api'], limit: 1, cursor: null, keysMax: 1 }
    const used = async (keys: readonly string[] | undefined): Promise<unknown> => {
      const { limits } = await scene.store.limits({ ...request, keys })
      return only(limits).keys.map((usage) => [usage.key, usage.used])
    }
    equal(await used(['a', 'x']), [['a', 1]])
    equal(await used(['a', 'b', 'c']), [
      ['b', 2],
      ['c', 2],
      ['a', 1],
    ])
    equal(await used(undefined), [['b', 2]])
  },
})

export const standingCases: readonly ConformanceCase[] = [...places, ...rest]
