/** Limits on rates: how much may start in a time under a key. */
import { cases, type ConformanceCase } from './case.ts'
import { equal, holds, present } from './expect.ts'
import { laneOf } from './partitions.ts'
import { DAY, MINUTE, SECOND, type Scene } from './scene.ts'
import { allow, under } from './limits.ts'
import { retry, type Worker } from './worker.ts'
import type { Rate } from '../store/flow.ts'

/** One a minute, three at once at most. */
const SLOW: Rate = { limit: 1, perMs: MINUTE, burst: 3 }

async function starts(worker: Worker, most = 100): Promise<number> {
  return (await worker.claim(most)).length
}

async function waiting(scene: Scene, rate: Rate, count = 50): Promise<Worker> {
  await allow(scene, 'api', { rate })
  await scene.enqueueMany(count, { lane: under('k') })
  return scene.worker()
}

export const rateCases: readonly ConformanceCase[] = cases('rates', {
  'a burst starts at once, then so many in each time': async (scene) => {
    const worker = await waiting(scene, SLOW)
    equal(await starts(worker), 3)
    equal(await starts(worker), 0)
    await scene.pass(MINUTE)
    equal(await starts(worker), 1)
    await scene.pass(2 * MINUTE)
    equal(await starts(worker), 2)
    await scene.pass(30 * MINUTE)
    equal(await starts(worker), 3)
  },

  'the answer says when the next may start': async (scene) => {
    const worker = await waiting(scene, SLOW)
    await starts(worker)
    const { nextInMs } = await worker.ask()
    const inMs = present(nextInMs)
    holds(inMs > MINUTE - 10 * SECOND && inMs <= MINUTE, `the next may start in ${inMs} ms`)
    await scene.pass(inMs)
    equal(await starts(worker), 1)
  },

  'each key has a rate of its own, and so has each name': async (scene) => {
    const worker = await waiting(scene, SLOW)
    await allow(scene, 'db', { rate: { ...SLOW, burst: 2 } })
    await scene.enqueueMany(9, { lane: under('other') })
    const limits = [
      { name: 'api', key: 'third', cost: 1 },
      { name: 'db', key: 'k', cost: 1 },
    ]
    await scene.enqueueMany(9, { lane: laneOf(null, { limits }) })
    equal(await starts(worker), 8)
    equal(await starts(worker), 0)
  },

  'what ends early does not start others sooner, and retries count as starts': async (scene) => {
    await allow(scene, 'api', { rate: SLOW })
    await scene.enqueueMany(3, { lane: under('k') })
    const worker = await scene.worker()
    for (const claim of await worker.claim(10)) await worker.end(claim, retry(0))
    equal(await starts(worker), 0)
    await scene.pass(MINUTE)
    equal(await starts(worker), 1)
  },

  'a task takes as much of the rate as it costs': async (scene) => {
    const worker = await scene.worker()
    await allow(scene, 'api', { rate: { limit: 10, perMs: MINUTE, burst: 10 } })
    const costing = (cost: number): ReturnType<typeof laneOf> =>
      laneOf(null, { limits: [{ name: 'api', key: 'k', cost }] })
    for (const cost of [6, 4, 5]) await scene.enqueue({ lane: costing(cost) })
    equal(await starts(worker), 2)
    await scene.pass(24 * SECOND)
    equal(await starts(worker), 0)
    await scene.pass(6 * SECOND)
    equal(await starts(worker), 1)
  },

  'what costs more than the burst takes all of it': async (scene) => {
    const worker = await scene.worker()
    await allow(scene, 'api', { rate: { limit: 10, perMs: MINUTE, burst: 10 } })
    const limits = [{ name: 'api', key: 'k', cost: 1_000 }]
    await scene.enqueueMany(2, { lane: laneOf(null, { limits }) })
    equal(await starts(worker), 1)
    await scene.pass(59 * SECOND)
    equal(await starts(worker), 0)
    await scene.pass(SECOND)
    equal(await starts(worker), 1)
  },

  'rates and slots go together': async (scene) => {
    const worker = await scene.worker()
    await allow(scene, 'api', { concurrency: 2, rate: SLOW })
    await scene.enqueueMany(10, { lane: under('k') })
    const claims = await worker.claim(10)
    equal(claims.length, 2)
    await scene.pass(2 * MINUTE)
    equal(await starts(worker), 0)
    for (const claim of claims) await worker.end(claim)
    equal(await starts(worker), 2)
  },

  'a queue and a type have rates as well': async (scene) => {
    const worker = await scene.worker()
    await allow(scene, 'queue:default', { rate: { ...SLOW, burst: 5 } })
    await allow(scene, 'type:work', { rate: { ...SLOW, burst: 2 } })
    await scene.enqueueMany(9)
    await scene.enqueueMany(9, { type: 'other' })
    equal((await worker.claim(100, { types: ['work', 'other'] })).length, 5)
    equal((await worker.claim(100)).length, 0)
  },

  'uneven rates lose nothing over a long time': async (scene) => {
    const worker = await waiting(scene, { limit: 7, perMs: SECOND, burst: 2 }, 120)
    let sum = 0
    const from = await scene.now()
    for (let n = 0; n < 100; n++) {
      sum += await starts(worker)
      await scene.pass(100)
    }
    const seconds = ((await scene.now()) - from) / SECOND
    const most = 2 + Math.ceil(7 * seconds)
    holds(sum >= 68 && sum <= most, `${sum} started in ${seconds} s, 7 a second are allowed`)
  },

  'a rate that becomes faster holds for keys that were used up under the old one, too': async (scene) => {
    const worker = await scene.worker()
    await allow(scene, 'api', { rate: { limit: 1, perMs: DAY, burst: 1 } })
    await scene.enqueueMany(30, { lane: under('k') })
    equal((await worker.claim(10)).length, 1)
    equal((await worker.claim(10)).length, 0)
    await allow(scene, 'api', { rate: { limit: 10, perMs: SECOND, burst: 5 } })
    await scene.pass(SECOND)
    equal((await worker.claim(10)).length, 5)
  },
})
