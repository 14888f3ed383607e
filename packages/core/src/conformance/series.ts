/** Strict order: of the live tasks of a queue and a partition only the first can be claimed. */
import { cases, type ConformanceCase } from './case.ts'
import { equal } from './expect.ts'
import { laneOf } from './partitions.ts'
import { MINUTE, SECOND, type Scene } from './scene.ts'
import { fail, giveBack, idsOf, retry, snooze, succeed, type Worker } from './worker.ts'
import type { TaskId, TaskSpec } from '../store/records.ts'
import type { Transition } from '../store/settlement.ts'

const FIFO = laneOf('s', { fifo: true })

async function series(
  scene: Scene,
  count: number,
  changes: Partial<TaskSpec> = {},
): Promise<readonly TaskId[]> {
  const specs = scene.specs(count, { lane: FIFO, ...changes })
  await scene.addAll(specs)
  return specs.map(({ id }) => id)
}

/** Asserts that exactly this one can be claimed, and ends it. */
async function next(worker: Worker, id: TaskId, transition: Transition = succeed()): Promise<void> {
  const claims = await worker.claim(10)
  equal(idsOf(claims), [id], 'what can be claimed')
  await worker.end(claims[0]!, transition)
}

const ordered = cases('series', {
  'only the first is claimed, and the next once that has ended': async (scene) => {
    const worker = await scene.worker()
    const [first, second, third] = await series(scene, 3)
    const [claim] = await worker.claim(10)
    equal(claim?.id, first)
    equal(await worker.claim(10), [])
    await worker.end(claim!)
    await next(worker, second!)
    await next(worker, third!)
    equal(await worker.claim(10), [])
  },

  'the next is claimed by the very exchange that ends the one before it': async (scene) => {
    const worker = await scene.worker()
    const [, second] = await series(scene, 2)
    const claim = await worker.claimOne()
    const settlements = [worker.settlement(claim, succeed())]
    const answer = await worker.exchange({
      settlements,
      demand: {
        types: ['work'],
        offers: [],
        queues: [{ queue: 'default', slots: [0, 0, 0, 0, 0], tasksMax: 5 }],
        tasksMax: 5,
        quantum: 1,
        bytesMax: 1_000_000,
        cursor: null,
        turn: null,
      },
    })
    equal(idsOf(answer.claims), [second])
  },

  'a claim that ends in anything but an end keeps its place': async (scene) => {
    const worker = await scene.worker()
    const [first, second] = await series(scene, 2)
    for (const transition of [retry(MINUTE), snooze(MINUTE), giveBack()]) {
      await next(worker, first!, transition)
      if (transition.to === 'pending' && transition.delayMs !== null) {
        equal(await worker.claim(10), [], 'what can be claimed while the first waits')
        await scene.pass(MINUTE)
      }
    }
    await next(worker, first!)
    await next(worker, second!)
  },

  'a failure lets the next one go on': async (scene) => {
    const worker = await scene.worker()
    const [first, second] = await series(scene, 2)
    await next(worker, first!, fail())
    await next(worker, second!)
  },

  'so does a cancel, a removal and the end of its time, of the first or of one between': async (scene) => {
    const worker = await scene.worker()
    const [first, second, third, fourth] = await series(scene, 4)
    await scene.cancel(second!)
    await scene.cancel(first!)
    const limited = await scene.enqueue({ lane: FIFO, startByMs: SECOND })
    const last = await scene.enqueue({ lane: FIFO })
    await scene.remove(third!)
    await next(worker, fourth!)
    await scene.pass(SECOND)
    await scene.sweep()
    await scene.see(limited, { state: 'failed', reason: 'expired' })
    await next(worker, last)
  },

  'the others wait whatever the first waits for': async (scene) => {
    const worker = await scene.worker()
    const parent = await scene.enqueue({ queue: 'elsewhere' })
    const blocked = await scene.enqueue({ lane: FIFO, after: [{ parent, ifFailed: 'run' }] })
    const scheduled = await scene.enqueue({ lane: FIFO, due: { inMs: MINUTE } })
    const held = await scene.enqueue({ lane: FIFO, held: true })
    const last = await scene.enqueue({ lane: FIFO })
    equal(await worker.claim(10), [])
    await scene.cancel(parent)
    await next(worker, blocked)
    equal(await worker.claim(10), [])
    await scene.pass(MINUTE)
    await next(worker, scheduled)
    equal(await worker.claim(10), [])
    await scene.command({ kind: 'release' }, held)
    await next(worker, held)
    await next(worker, last)
  },

  'one that waits behind others is scheduled, held and moved as any other': async (scene) => {
    const worker = await scene.worker()
    const [first, second] = await series(scene, 2)
    await scene.command({ kind: 'hold' }, second!)
    await scene.command({ kind: 'edit', payload: null, level: 0, runAt: null }, second!)
    await next(worker, first!)
    equal(await worker.claim(10), [])
    await scene.command({ kind: 'release' }, second!)
    await next(worker, second!)
  },

  'what an operator starts over comes last': async (scene) => {
    const worker = await scene.worker()
    const [first, second, third] = await series(scene, 3)
    await next(worker, first!, fail())
    await scene.restart(first!)
    await next(worker, second!)
    await next(worker, third!)
    await next(worker, first!)
  },

  'each queue and each partition has an order of its own': async (scene) => {
    const worker = await scene.worker()
    const [first] = await series(scene, 2)
    const [other] = await series(scene, 2, { lane: laneOf('t', { fifo: true }) })
    await series(scene, 2, { queue: 'elsewhere' })
    const unordered = await scene.enqueue({ lane: laneOf('s') })
    equal(idsOf(await worker.claim(10)).toSorted(), [first!, other!, unordered].toSorted())
  },

  'types, levels and keys share the order': async (scene) => {
    const worker = await scene.worker()
    const first = await scene.enqueue({ lane: FIFO, level: 4 })
    const second = await scene.enqueue({ lane: FIFO, type: 'other', level: 0 })
    const limits = [{ name: 'api', key: 'k', cost: 1 }]
    const third = await scene.enqueue({ lane: { ...FIFO, limits } })
    const types = ['work', 'other']
    for (const id of [first, second, third]) {
      const claims = await worker.claim(10, { types })
      equal(idsOf(claims), [id])
      await worker.end(claims[0]!)
    }
  },

  'a thousand in a row come one by one': async (scene) => {
    const worker = await scene.worker()
    const ids = await series(scene, 100)
    for (const id of ids) await next(worker, id)
  },
})

const lost = cases('series', {
  'a lapsed lease keeps the place: nobody else starts before its task is settled': async (scene) => {
    const [gone, worker] = [await scene.worker({ ttlMs: SECOND }), await scene.worker()]
    const [first, second] = await series(scene, 2)
    await gone.claimOne()
    await scene.pass(2 * SECOND)
    equal(await worker.claim(10), [])
    const [taken] = await worker.reclaim()
    equal(taken?.fence.task, first)
    equal(await worker.claim(10), [])
    await worker.end(taken!.fence, fail('crash'))
    await next(worker, second!)
  },
})

export const seriesCases: readonly ConformanceCase[] = [...ordered, ...lost]
