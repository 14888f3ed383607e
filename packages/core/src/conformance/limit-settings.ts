/** Limits as they are set, changed, shut and taken away. */
import { cases, type ConformanceCase } from './case.ts'
import { equal, holds, present } from './expect.ts'
import { allow, counted, limitNamed, twoOfThree, under, used } from './limits.ts'
import { laneOf } from './partitions.ts'
import { MINUTE, SECOND } from './scene.ts'
import { demandOf, idsOf, succeed } from './worker.ts'

export const limitSettingCases: readonly ConformanceCase[] = cases('limit-settings', {
  'what runs already counts under a limit that is set later': async (scene) => {
    const worker = await scene.worker()
    await scene.enqueueMany(4, { lane: under('k') })
    const claims = await worker.claim(3)
    await allow(scene, 'api', { concurrency: 3 })
    equal(await used(scene, 'api', 'k'), 3)
    equal(await worker.claim(10), [])
    await worker.end(claims[0]!)
    equal((await worker.claim(10)).length, 1)
    await counted(scene)
  },

  'so it does under one on its queue or type': async (scene) => {
    const worker = await scene.worker()
    await scene.enqueueMany(4)
    const claims = await worker.claim(2)
    await allow(scene, 'queue:default', { concurrency: 2 })
    await allow(scene, 'type:work', { concurrency: 3 })
    equal([await used(scene, 'queue:default', ''), await used(scene, 'type:work', '')], [2, 2])
    for (const claim of claims) await worker.end(claim)
    equal((await worker.claim(10)).length, 2)
    await counted(scene)
  },

  'a limit that is lowered takes nothing away, and one that is raised gives at once': async (scene) => {
    const worker = await scene.worker()
    await allow(scene, 'api', { concurrency: 3 })
    await scene.enqueueMany(6, { lane: under('k') })
    const claims = await worker.claim(10)
    await allow(scene, 'api', { concurrency: 1 })
    equal(await worker.claim(10), [])
    for (const claim of claims.slice(0, 2)) await worker.end(claim)
    equal(await worker.claim(10), [])
    await allow(scene, 'api', { concurrency: 2 })
    equal((await worker.claim(10)).length, 1)
    await counted(scene)
  },

  'without its limit nothing is held back, and it can come back': async (scene) => {
    const [worker] = await twoOfThree(scene)
    const claims = [...(await worker.claim(10))]
    await scene.store.removeLimit('api')
    equal(await limitNamed(scene, 'api'), undefined)
    claims.push(...(await worker.claim(10)))
    equal(claims.length, 3)
    await worker.end(claims[0]!)
    await allow(scene, 'api', { concurrency: 1 })
    equal(await used(scene, 'api', 'k'), 2)
    for (const claim of claims.slice(1)) await worker.end(claim)
    equal(await used(scene, 'api', 'k'), 0)
    await counted(scene)
  },

  'a limit is listed as it was set, with the keys that are used': async (scene) => {
    const [worker] = await twoOfThree(scene)
    await allow(scene, 'db', { rate: { limit: 5, perMs: 1_000, burst: 2 } })
    await worker.claim(10)
    const answer = await scene.store.limits({ names: null, limit: 1, cursor: null, keysMax: 10 })
    const [api] = answer.limits
    equal(api?.name, 'api')
    equal(api?.allowance, { concurrency: 2, rate: null })
    equal(
      api?.keys.map(({ key, used: count }) => [key, count]),
      [['k', 2]],
    )
    const rest = await scene.store.limits({ names: null, limit: 10, cursor: answer.next, keysMax: 10 })
    equal(
      rest.limits.map(({ name, allowance }) => [name, allowance]),
      [['db', { concurrency: null, rate: { limit: 5, perMs: 1_000, burst: 2 } }]],
    )
    equal(rest.next, null)
  },

  'a setting for another version changes nothing, and a repeat changes nothing twice': async (scene) => {
    const setting = {
      name: 'api',
      allowance: { concurrency: 1, rate: null },
      shutMs: null,
      by: 'code',
    } as const
    const first = { ...setting, nonce: scene.nonce(), version: 0 }
    equal(await scene.store.configureLimit(first), 'applied')
    equal(await scene.store.configureLimit(first), 'applied')
    equal((await limitNamed(scene, 'api'))?.version, 1)
    const allowance = { concurrency: 9, rate: null }
    equal(await scene.store.configureLimit({ ...first, nonce: scene.nonce(), allowance }), 'outdated')
    const second = { ...setting, allowance, nonce: scene.nonce(), version: 1 }
    equal(await scene.store.configureLimit(second), 'applied')
    equal((await limitNamed(scene, 'api'))?.allowance, allowance)
    equal(await scene.store.configureLimit(first), 'outdated')
  },

  'a limit that is shut lets nothing start until its time is over': async (scene) => {
    const worker = await scene.worker()
    const id = await scene.enqueue({ lane: under('k') })
    await allow(scene, 'api', { shutMs: MINUTE })
    const answer = await worker.ask()
    equal(answer.claims, [])
    const inMs = present(answer.nextInMs)
    holds(inMs > MINUTE - 10 * SECOND && inMs <= MINUTE, `it opens in ${inMs} ms`)
    equal(await worker.claim(1), [])
    await scene.pass(MINUTE)
    equal(idsOf(await worker.claim(1)), [id])
  },

  'a settlement can shut a key, a queue or a type for a while': async (scene) => {
    const worker = await scene.worker()
    const names = [
      { name: 'api', key: 'k' },
      { name: 'queue:default', key: '' },
      { name: 'type:work', key: '' },
    ]
    for (const { name, key } of names) {
      const id = await scene.enqueue({ lane: under('k') })
      const claim = await worker.claimOne()
      equal(claim.id, id)
      await worker.end(claim, {
        to: 'pending',
        count: 'failure',
        delayMs: 0,
        error: null,
        shut: { name, key, ms: MINUTE },
      })
      equal(await worker.claim(10), [], `what can be claimed while ${name} is shut`)
      const other = await scene.enqueue({ queue: 'elsewhere', type: 'other', lane: under('free') })
      const queues = [{ queue: 'elsewhere', slots: [0, 0, 0, 0, 0] as const, tasksMax: 10 }]
      equal(idsOf(await worker.claim(1, { types: ['other'], queues })), [other])
      await scene.pass(MINUTE)
      await worker.end(await worker.claimOne())
    }
  },

  'so can one that fails the task for good': async (scene) => {
    const worker = await scene.worker()
    await scene.enqueueMany(2, { lane: under('k') })
    const claim = await worker.claimOne()
    const error = { name: 'Error', message: 'too many requests', code: null, stack: null }
    const shut = { name: 'api', key: 'k', ms: MINUTE }
    await worker.end(claim, { to: 'failed', count: 'failure', reason: 'error', error, shut })
    equal(await worker.claim(10), [])
    await scene.pass(MINUTE)
    equal((await worker.claim(10)).length, 1)
  },

  'a key that is shut for less stays shut for as long as it was': async (scene) => {
    const worker = await scene.worker()
    await scene.enqueueMany(2, { lane: under('k') })
    const claims = await worker.claim(2)
    for (const [index, ms] of [MINUTE, SECOND].entries()) {
      const shut = { name: 'api', key: 'k', ms }
      await worker.end(claims[index]!, { to: 'pending', count: 'snooze', delayMs: 0, error: null, shut })
    }
    await scene.pass(30 * SECOND)
    equal(await worker.claim(10), [])
    await scene.pass(30 * SECOND)
    equal((await worker.claim(10)).length, 2)
  },

  'a repeated claim counts once': async (scene) => {
    const [worker] = await twoOfThree(scene)
    const nonce = scene.nonce()
    const first = await worker.exchange({ nonce, demand: demandOf(10) })
    const again = await worker.exchange({ nonce, again: true, demand: demandOf(10) })
    equal(idsOf(again.claims).toSorted(), idsOf(first.claims).toSorted())
    equal(await used(scene, 'api', 'k'), 2)
    await counted(scene)
  },

  'a repeated settlement gives its slot back once': async (scene) => {
    const [worker] = await twoOfThree(scene)
    const [claim] = await worker.claim(10)
    const settlement = worker.settlement(claim!, succeed())
    await worker.apply(settlement)
    await worker.repeat(settlement)
    equal(await used(scene, 'api', 'k'), 1)
    await counted(scene)
  },

  'thousands that a full key holds back are passed over': async (scene) => {
    const worker = await scene.worker()
    await allow(scene, 'api', { concurrency: 1 })
    await scene.enqueueMany(3_000, { lane: under('k') })
    const behind = await scene.enqueue({ lane: laneOf('p') })
    const claims = idsOf(await worker.claim(10))
    equal(claims.length, 2)
    holds(claims.includes(behind), 'what stands behind them was not claimed')
  },
})
