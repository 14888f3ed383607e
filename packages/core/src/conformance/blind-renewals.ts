/** Renewals by who cannot ask the worker what it holds: they keep the lease, and count nothing. */
import { cases, type ConformanceCase } from './case.ts'
import { equal, matches, only } from './expect.ts'
import { HOUR, MINUTE, NO_COUNTS, SECOND } from './scene.ts'
import { fenceOf, giveWay } from './worker.ts'

export const blindRenewalCases: readonly ConformanceCase[] = cases('leases', {
  'a blind renewal extends the lease, and loses nothing': async (scene) => {
    const worker = await scene.worker({ ttlMs: 15 * SECOND })
    await scene.enqueue()
    const claim = await worker.claimOne()
    for (let renewals = 0; renewals < 4; renewals++) {
      await scene.pass(14 * SECOND)
      const { session, lost, cancelled } = await worker.renew({ held: null })
      equal({ session, lost, cancelled }, { session: 'alive', lost: [], cancelled: [] })
    }
    await scene.see(claim.id, { state: 'running', session: worker.session })
    await worker.end(claim)
  },

  'a blind renewal counts nothing: neither misses, nor its number, nor the time of an attempt': async (
    scene,
  ) => {
    const worker = await scene.worker({ ttlMs: HOUR })
    await scene.enqueue({ timeoutMs: MINUTE })
    const claim = await worker.claimOne()
    await worker.renew({ seq: 1 })
    for (let renewals = 0; renewals < 3; renewals++) await worker.renew({ seq: 100, held: null })
    await scene.see(claim.id, { state: 'running' })
    await scene.pass(2 * MINUTE)
    equal(await (await scene.worker()).reclaim(), [])
    const next = await scene.worker()
    await scene.enqueue()
    const stray = await next.claimOne()
    await next.renew({ seq: 50, held: null })
    await next.renew({ seq: 1 })
    await next.renew({ seq: 51, held: null })
    await next.renew({ seq: 2 })
    await scene.see(stray.id, { state: 'pending', counters: { ...NO_COUNTS, claims: 1, returns: 1 } })
  },

  'a blind renewal names all that the session runs and is asked to stop': async (scene) => {
    const [worker, other] = [await scene.worker(), await scene.worker()]
    await scene.enqueueMany(4)
    const [first, second, third] = await worker.claim(3)
    const foreign = await other.claimOne()
    for (const { id } of [third!, foreign]) await scene.cancel(id, 'enough')
    await scene.cancel(second!.id)
    const { lost, cancelled } = await worker.renew({ held: null })
    equal(lost, [])
    const reasons = new Map(cancelled.map(({ fence, reason }) => [fence.task, { fence, reason }]))
    equal(
      [first!, second!, third!].map(({ id }) => reasons.get(id) ?? null),
      [null, { fence: fenceOf(second!), reason: null }, { fence: fenceOf(third!), reason: 'enough' }],
    )
    equal(cancelled.length, 2)
    await worker.end(third!, giveWay())
    equal(only((await worker.renew({ held: null })).cancelled).fence, fenceOf(second!))
  },

  'a blind renewal names what was taken over under its new fence': async (scene) => {
    const [lost, worker] = [await scene.worker({ ttlMs: 15 * SECOND }), await scene.worker({ ttlMs: HOUR })]
    await scene.enqueue()
    const claim = await lost.claimOne()
    await scene.pass(15 * SECOND)
    const { fence } = only(await worker.reclaim())
    await scene.cancel(claim.id)
    equal(only((await worker.renew({ held: null })).cancelled), { fence, reason: null })
  },

  'a blind renewal revives nothing': async (scene) => {
    const worker = await scene.worker({ ttlMs: 15 * SECOND })
    await scene.pass(15 * SECOND)
    matches(await worker.renew({ held: null }), { session: 'dead', lost: [], cancelled: [] })
    equal(
      await scene.store
        .renew({ session: scene.id(), ttlMs: MINUTE, seq: 1, held: null, awaiting: [] })
        .then(({ session }) => session),
      'dead',
    )
  },
})
