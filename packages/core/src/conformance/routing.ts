/** Routing: what a task prefers of its worker, and when it spills over to others. */
import { cases, type ConformanceCase } from './case.ts'
import { equal, holds, present } from './expect.ts'
import { laneOf } from './partitions.ts'
import { MINUTE, SECOND } from './scene.ts'
import { idsOf } from './worker.ts'

const EU_THEN_US = laneOf(null, { prefers: ['eu', 'us'], spillMs: MINUTE })

export const routingCases: readonly ConformanceCase[] = cases('routing', {
  'who offers what a task prefers most claims it at once': async (scene) => {
    const worker = await scene.worker()
    const id = await scene.enqueue({ lane: EU_THEN_US })
    equal(await worker.claim(1, { offers: ['us'] }), [])
    equal(await worker.claim(1), [])
    equal(idsOf(await worker.claim(1, { offers: ['us', 'eu'] })), [id])
  },

  'who offers the next best claims it after a while, and who offers nothing after that': async (scene) => {
    const worker = await scene.worker()
    const [first, second] = [
      await scene.enqueue({ lane: EU_THEN_US }),
      await scene.enqueue({ lane: EU_THEN_US }),
    ]
    await scene.pass(50 * SECOND)
    equal(await worker.claim(2, { offers: ['us'] }), [])
    await scene.pass(10 * SECOND)
    equal(idsOf(await worker.claim(1, { offers: ['us'] })), [first])
    equal(await worker.claim(2), [])
    await scene.pass(MINUTE)
    equal(idsOf(await worker.claim(2)), [second])
  },

  'what came later spills over later, though it is in one lane with what has': async (scene) => {
    const worker = await scene.worker()
    const first = await scene.enqueue({ lane: EU_THEN_US })
    await scene.pass(50 * SECOND)
    const second = await scene.enqueue({ lane: EU_THEN_US })
    await scene.pass(10 * SECOND)
    const { claims, nextInMs } = await worker.ask({ offers: ['us'] })
    equal(idsOf(claims), [first])
    holds(present(nextInMs) > 30 * SECOND, `it looks again in ${nextInMs} ms`)
    await scene.pass(50 * SECOND)
    equal(idsOf(await worker.claim(5, { offers: ['us'] })), [second])
  },

  'the time counts from when it is due': async (scene) => {
    const worker = await scene.worker()
    const id = await scene.enqueue({ lane: EU_THEN_US, due: { inMs: 10 * MINUTE } })
    await scene.pass(10 * MINUTE)
    equal(await worker.claim(1, { offers: ['us'] }), [])
    await scene.pass(MINUTE)
    equal(idsOf(await worker.claim(1, { offers: ['us'] })), [id])
  },

  'the answer says when it spills over': async (scene) => {
    const worker = await scene.worker()
    await scene.enqueue({ lane: EU_THEN_US })
    const inMs = present((await worker.ask({ offers: ['us'] })).nextInMs)
    holds(inMs > MINUTE - 10 * SECOND && inMs <= MINUTE, `it spills over in ${inMs} ms`)
  },

  'what waits for a better worker holds up nobody else': async (scene) => {
    const worker = await scene.worker()
    await scene.enqueueMany(20, { lane: EU_THEN_US })
    const plain = await scene.enqueue()
    const other = await scene.enqueue({ lane: laneOf('p', { prefers: ['us'], spillMs: MINUTE }) })
    equal(idsOf(await worker.claim(5, { offers: ['us'] })).toSorted(), [plain, other].toSorted())
  },

  'what is due is told by queue, type and needs, with nothing that waits for something else': async (
    scene,
  ) => {
    equal(await scene.store.waitingRoutes(), [])
    const id = await scene.enqueue({ type: 'other', needs: ['gpu'], lane: EU_THEN_US })
    await scene.enqueueMany(3)
    await scene.enqueue({ queue: 'elsewhere' })
    for (const changes of [{ held: true }, { due: { inMs: MINUTE } }] as const)
      await scene.enqueue({ queue: 'nobody', ...changes })
    const routes = [...(await scene.store.waitingRoutes())].toSorted((a, b) =>
      `${a.queue} ${a.type}` < `${b.queue} ${b.type}` ? -1 : 1,
    )
    equal(
      routes.map(({ queue, type, needs }) => [queue, type, needs]),
      [
        ['default', 'other', ['gpu']],
        ['default', 'work', []],
        ['elsewhere', 'work', []],
      ],
    )
    equal(routes[0]?.dueSince, (await scene.look(id)).runAt)
  },

  'needs go before preferences': async (scene) => {
    const worker = await scene.worker()
    const id = await scene.enqueue({ lane: EU_THEN_US, needs: ['gpu'] })
    equal(await worker.claim(1, { offers: ['eu'] }), [])
    equal(idsOf(await worker.claim(1, { offers: ['eu', 'gpu'] })), [id])
  },
})
