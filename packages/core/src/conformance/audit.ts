/** A store looks itself over: page by page, and without a trace. What it finds where something is wrong only its own tests can plant. */
import { InvalidArgumentError } from '../task/errors.ts'
import { cases, type ConformanceCase } from './case.ts'
import { equal, holds } from './expect.ts'
import { HOUR, SECOND, type Scene } from './scene.ts'
import { defectsOf } from './soundness.ts'
import { fail, retry, succeed } from './worker.ts'
import type { TaskId } from '../store/records.ts'

const LANE = {
  partition: 'p',
  fifo: false,
  limits: [{ name: 'api', key: 'k', cost: 1 }],
  prefers: [],
  spillMs: 0,
} as const

export interface Shop {
  readonly ids: readonly TaskId[]
  readonly running: TaskId
  readonly succeeded: TaskId
}

/**
 * A little of everything that a store keeps beside its tasks: what runs, has ended or came back; what waits for time, for
 * another task, for a gate, behind others; keys, limits, large payloads. Nothing of it changes by itself within the hour.
 */
export async function shop(scene: Scene): Promise<Shop> {
  await scene.store.configureLimit({
    nonce: scene.nonce(),
    name: 'api',
    version: null,
    allowance: { concurrency: 3, rate: null },
    shutMs: null,
    by: 'user',
  })
  const waiting = { key: 'waiting', while: 'waiting', then: 'keep' } as const
  const claimed = [
    await scene.enqueue({ lane: LANE }),
    await scene.enqueue({ unique: waiting }),
    await scene.enqueue(),
    await scene.enqueue({ lane: LANE }),
    await scene.enqueue({ unique: { ...waiting, key: 'let go' } }),
  ]
  const worker = await scene.worker()
  const claims = new Map((await worker.claim(5)).map((one) => [one.id, one]))
  const [succeeded, back, failed, running, started] = claimed as [TaskId, TaskId, TaskId, TaskId, TaskId]
  await worker.end(claims.get(succeeded)!, succeed('1'))
  await worker.end(claims.get(back)!, retry(HOUR))
  await worker.end(claims.get(failed)!, fail())
  await worker.hold(claims.get(running)!, claims.get(started)!)
  const behind = scene.spec({ queue: 'gated' })
  await scene.addAll([behind], { gate: 'gate' })
  return { ids: [...claimed, ...(await standing(scene, running)), behind.id], running, succeeded }
}

/** Of the tasks that nobody claims. */
async function standing(scene: Scene, parent: TaskId): Promise<readonly TaskId[]> {
  const inOrder = { lane: { ...LANE, fifo: true }, queue: 'series' }
  return [
    await scene.enqueue({
      unique: { key: 'living', while: 'live', then: 'keep' },
      payload: 'x'.repeat(20_000),
    }),
    await scene.enqueue({ unique: { key: 'window', while: { withinMs: HOUR }, then: 'keep' } }),
    await scene.enqueue({ lane: LANE, level: 1 }),
    await scene.enqueue({ dueByMs: SECOND }),
    await scene.enqueue({ after: [{ parent, ifFailed: 'run' }], queue: 'blocked' }),
    await scene.enqueue({ after: [{ parent, ifFailed: 'trigger' }], queue: 'blocked', dueByMs: HOUR }),
    await scene.enqueue({ held: true, queue: 'held' }),
    await scene.enqueue({ due: { inMs: HOUR }, lane: LANE, dueByMs: 2 * HOUR, deadlineMs: 3 * HOUR }),
    await scene.enqueue(inOrder),
    await scene.enqueue({ ...inOrder, dueByMs: SECOND }),
    await scene.enqueue({ ...inOrder, due: { inMs: HOUR } }),
  ]
}

export const auditCases: readonly ConformanceCase[] = cases('audit', {
  'each page goes on where the last one ended, and the last one says so': async (scene) => {
    await shop(scene)
    equal(await defectsOf(scene.store, 1), [], 'the defects, one by one')
    equal(await defectsOf(scene.store, 3), [], 'the defects, three by three')
  },

  'a repair of what is right changes nothing': async (scene) => {
    const { ids } = await shop(scene)
    const before = await scene.store.get(ids)
    equal(await defectsOf(scene.store, 2, true), [], 'the defects')
    equal(await scene.store.get(ids), before, 'the tasks')
    equal((await scene.store.recount()).mended, [], 'what was counted wrongly')
  },

  'another client finds nothing either': async (scene) => {
    await shop(scene)
    equal(await defectsOf(await scene.other()), [], 'the defects')
  },

  'a cursor of nobody is refused': async (scene) => {
    try {
      await scene.store.audit({ cursor: 'of nobody', limit: 10, repair: false })
    } catch (error) {
      if (error instanceof InvalidArgumentError) return
      throw error
    }
    holds(false, 'the cursor was taken')
  },
})
