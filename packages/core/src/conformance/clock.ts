/** The clock of the store: it may stand still, but never goes back; and it may jump ahead. */
import { cases, type ConformanceCase } from './case.ts'
import { equal, holds, only } from './expect.ts'
import { DAY, HOUR, MINUTE, SECOND } from './scene.ts'
import { retry } from './worker.ts'

const YEARS = 50 * 365 * DAY

export const clockCases: readonly ConformanceCase[] = cases('clock', {
  'a clock that jumps back stands still at the last renewal': async (scene) => {
    const worker = await scene.worker()
    const { now } = await worker.renew()
    await scene.pass(-HOUR)
    holds((await scene.now()) >= now, 'store time went back')
    holds((await worker.ask()).now >= now, 'the time of an exchange went back')
    const { enqueuedAt } = await scene.look(await scene.enqueue())
    holds(enqueuedAt >= now, 'the time of an enqueue went back')
    holds((await worker.renew()).now >= now, 'the time of a renewal went back')
  },

  'a clock that stands still goes on when it has caught up': async (scene) => {
    const worker = await scene.worker()
    const { now } = await worker.renew()
    await scene.pass(-HOUR)
    await scene.enqueue()
    await scene.pass(HOUR + MINUTE)
    holds((await scene.now()) >= now + MINUTE, 'store time does not go on')
  },

  'nothing is early and nothing is revived when the clock jumps back': async (scene) => {
    const [worker, watcher] = [await scene.worker({ ttlMs: 15 * SECOND }), await scene.worker()]
    await scene.enqueue()
    const claim = await worker.claimOne()
    await scene.pass(15 * SECOND)
    await watcher.renew()
    equal((await worker.hold(claim)).session, 'dead')
    await scene.pass(-HOUR)
    equal((await worker.hold(claim)).session, 'dead')
    const scheduled = await scene.enqueue({ due: { inMs: SECOND } })
    equal(await watcher.claim(5), [])
    await scene.see(scheduled, { state: 'pending' })
    equal(only(await watcher.reclaim()).cause, 'lapsed')
  },

  'a clock that jumps ahead loses leases, and no task': async (scene) => {
    const [worker, other] = [await scene.worker(), await scene.worker()]
    const [first, second] = await scene.enqueueMany(2)
    const claim = await worker.claimOne()
    await scene.pass(YEARS)
    equal([(await worker.hold(claim)).session, (await other.renew()).session], ['dead', 'dead'])
    const fresh = await scene.worker()
    const { fence } = only(await fresh.reclaim())
    equal(fence.task, first)
    await fresh.end(fence, retry())
    equal((await fresh.claim(5)).map(({ id }) => id).toSorted(), [first!, second!].toSorted())
  },

  'fifty years from now a task is as exact as today': async (scene) => {
    await scene.pass(YEARS + 1)
    const worker = await scene.worker()
    const before = await scene.now()
    const id = await scene.enqueue({ due: { inMs: 1_001 }, startByMs: DAY, deadlineMs: DAY + 1 })
    const { enqueuedAt, runAt, startBy, deadlineAt } = await scene.look(id)
    holds(enqueuedAt >= before, 'it was enqueued before its time')
    equal([runAt - enqueuedAt, startBy! - enqueuedAt, deadlineAt! - enqueuedAt], [1_001, DAY, DAY + 1])
    await scene.approach(runAt, async () => {
      const { now, claims } = await worker.ask()
      equal(claims.length, now < runAt ? 0 : 1, `claims at ${now - runAt} ms`)
      return now
    })
  },

  'thirty days pass while a task runs': async (scene) => {
    const worker = await scene.worker({ ttlMs: 40 * DAY })
    const id = await scene.enqueue({ timeoutMs: 35 * DAY })
    const claim = await worker.claimOne()
    await worker.hold(claim)
    await scene.pass(30 * DAY)
    const { session, now } = await worker.hold(claim)
    equal([session, now >= claim.claimedAt + 30 * DAY], ['alive', true])
    const other = await scene.worker({ ttlMs: 40 * DAY })
    equal(await other.reclaim(), [])
    await worker.end(claim)
    holds((await scene.look(id)).finishedAt! >= claim.claimedAt + 30 * DAY, 'it ended before its time')
  },
})
