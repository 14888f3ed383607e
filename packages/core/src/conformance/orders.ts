/** What operators want of a worker: told to its session, answered with its renewals. */
import { cases, type ConformanceCase } from './case.ts'
import { equal, matches, only } from './expect.ts'
import { SECOND } from './scene.ts'
import type { RenewAnswer } from '../store/port.ts'

export const orderCases: readonly ConformanceCase[] = cases('leases', {
  'every renewal says what was ordered': async (scene) => {
    const [worker, other] = [await scene.worker(), await scene.worker()]
    equal((await worker.renew()).order, null)
    equal(await scene.store.orderSession({ session: worker.session, end: 'drain' }), { session: 'alive' })
    const order = { end: 'drain', concurrency: null }
    for (let renewals = 0; renewals < 2; renewals++) equal((await worker.renew()).order, order)
    equal((await worker.renew({ seq: 1 })).order, order)
    equal((await other.renew()).order, null)
    const shown = await scene.store.sessions()
    equal(shown.find(({ session }) => session === worker.session)?.order, order)
  },

  'of an order the last word on each matter stands': async (scene) => {
    const worker = await scene.worker()
    const { session } = worker
    const words: readonly (readonly [
      Parameters<typeof scene.store.orderSession>[0],
      RenewAnswer['order'],
    ])[] = [
      [{ session }, null],
      [
        { session, concurrency: 3 },
        { end: null, concurrency: 3 },
      ],
      [
        { session, concurrency: 10_000 },
        { end: null, concurrency: 10_000 },
      ],
      [
        { session, end: 'stop' },
        { end: 'stop', concurrency: 10_000 },
      ],
      [
        { session, end: 'drain', concurrency: 1 },
        { end: 'drain', concurrency: 1 },
      ],
      [
        { session, end: 'drain', concurrency: 1 },
        { end: 'drain', concurrency: 1 },
      ],
    ]
    for (const [request, order] of words) {
      await scene.store.orderSession(request)
      equal((await worker.renew()).order, order)
    }
  },

  'an order outlives that the session is opened again': async (scene) => {
    const worker = await scene.worker()
    await scene.store.orderSession({ session: worker.session, concurrency: 2 })
    await worker.reopen()
    equal((await worker.renew()).order, { end: null, concurrency: 2 })
  },

  'nobody is there to order in a session that has ended, or never was': async (scene) => {
    const watcher = await scene.worker()
    const [closed, lapsed] = [await scene.worker(), await scene.worker({ ttlMs: 15 * SECOND })]
    await closed.close()
    await scene.pass(15 * SECOND)
    for (const session of [closed.session, lapsed.session, scene.id()])
      equal(await scene.store.orderSession({ session, end: 'stop' }), { session: 'dead' })
    equal((await lapsed.renew()).order, null)
    equal((await watcher.renew()).order, null)
  },

  'an order changes nothing but the answers to renewals': async (scene) => {
    const worker = await scene.worker()
    await scene.enqueue()
    const claim = await worker.claimOne()
    await scene.store.orderSession({ session: worker.session, end: 'stop', concurrency: 1 })
    await scene.enqueue()
    equal((await worker.claim(5)).length, 1)
    matches(only(await scene.store.sessions()), { concurrency: 10, state: 'running', running: 2 })
    await worker.end(claim)
  },
})
