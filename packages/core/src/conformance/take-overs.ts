/** What becomes of tasks that were taken over: who may write, who learns of it, and who may take them over again. */
import { cases, type ConformanceCase } from './case.ts'
import { equal, holds, only, sameMembers } from './expect.ts'
import { plot, TTL } from './reclaim.ts'
import { HOUR, MINUTE, NO_COUNTS, SECOND } from './scene.ts'
import { crash, fenceOf, goOn } from './worker.ts'

export const takeOverCases: readonly ConformanceCase[] = cases('reclaim', {
  'a task is not taken over twice while its new owner lives': async (scene) => {
    const { rescuer, second, claim } = await plot(scene, { timeoutMs: SECOND, deadlineMs: MINUTE })
    await scene.cancel(claim.id)
    await scene.pass(HOUR)
    equal((await rescuer.reclaim()).length, 1)
    await scene.pass(HOUR)
    equal([await second.reclaim(), await rescuer.reclaim()], [[], []])
  },

  'a task keeps the cause of its first take-over': async (scene) => {
    const { rescuer, second, claim } = await plot(scene, { deadlineMs: HOUR })
    await scene.pass(MINUTE)
    const first = only(await rescuer.reclaim())
    equal(first.cause, 'lapsed')
    await scene.cancel(claim.id)
    await scene.pass(2 * HOUR)
    await rescuer.close()
    const next = only(await second.reclaim())
    equal([next.cause, next.from, next.fence.epoch], ['lapsed', rescuer.session, first.fence.epoch + 1])
    equal(next.counters, claim.counters, 'the counters')
    equal(await rescuer.settle(first.fence, crash()), 'stale')
  },

  'the next claim starts without the old cause': async (scene) => {
    const { rescuer, second } = await plot(scene, { deadlineMs: 10 * HOUR })
    await scene.pass(MINUTE)
    await rescuer.end(only(await rescuer.reclaim()).fence, crash())
    const claim = await rescuer.claimOne()
    await scene.cancel(claim.id)
    await scene.pass(MINUTE)
    equal(only(await second.reclaim()).cause, 'cancel')
  },

  'a repeated reclaim answers the same tasks, as far as they are not settled': async (scene) => {
    const owner = await scene.worker({ ttlMs: TTL })
    const rescuer = await scene.worker()
    await scene.enqueueMany(5)
    await owner.claim(5)
    await scene.pass(TTL)
    const nonce = scene.nonce()
    const first = await rescuer.reclaim({ nonce, tasksMax: 3 })
    const second = await rescuer.reclaim({ nonce, again: true, tasksMax: 3 })
    const byTask = (tasks: typeof first): unknown =>
      tasks.toSorted((a, b) => (a.fence.task < b.fence.task ? -1 : 1))
    equal(byTask(second), byTask(first))
    await rescuer.end(first[0]!.fence, crash())
    const third = await rescuer.reclaim({ nonce, again: true, tasksMax: 3 })
    sameMembers(
      third.map(({ fence }) => fence.task),
      first.slice(1).map(({ fence }) => fence.task),
    )
    equal((await rescuer.reclaim()).length, 2, 'what was left')
  },

  'a taken-over task that its owner forgets is left to the next reclaim': async (scene) => {
    const { rescuer, second, claim } = await plot(scene)
    await scene.pass(TTL)
    const first = only(await rescuer.reclaim())
    await rescuer.renew()
    equal(await second.reclaim(), [], 'after one renewal')
    await rescuer.renew()
    await scene.see(claim.id, { state: 'running', counters: { ...NO_COUNTS, claims: 1 } })
    const next = only(await second.reclaim())
    equal([next.cause, next.fence.epoch > first.fence.epoch], ['lapsed', true])
    equal(await rescuer.settle(first.fence, crash()), 'stale')
    await second.end(next.fence, crash())
  },

  'a taken-over task that its owner forgets is left to the next reclaim, cancel request or not': async (
    scene,
  ) => {
    const { rescuer, second, claim } = await plot(scene)
    await scene.pass(TTL)
    equal((await rescuer.reclaim()).length, 1)
    await rescuer.renew()
    await rescuer.renew()
    await scene.cancel(claim.id)
    equal(only(await second.reclaim({ graceMs: HOUR })).cause, 'lapsed')
  },

  "a taken-over task that is listed or awaited is nobody else's": async (scene) => {
    const { rescuer, second } = await plot(scene)
    await scene.pass(TTL)
    const nonce = scene.nonce()
    const { fence } = only(await rescuer.reclaim({ nonce }))
    for (let renewals = 0; renewals < 3; renewals++) await rescuer.renew({ awaiting: [nonce] })
    for (let renewals = 0; renewals < 3; renewals++)
      await rescuer.renew({ held: [{ fence, started: false }] })
    equal(await second.reclaim(), [])
    await rescuer.end(fence, crash())
  },

  'a renewal tells the old owner what it lost': async (scene) => {
    const { owner, rescuer, claim } = await plot(scene, { timeoutMs: SECOND }, HOUR)
    await owner.hold(claim)
    await scene.pass(MINUTE)
    const { fence } = only(await rescuer.reclaim())
    equal((await owner.hold(claim)).lost, [fenceOf(claim)])
    equal((await rescuer.hold(fence)).lost, [])
  },

  'a crash may be counted without hiding what the task had done': async (scene) => {
    const { owner, rescuer, claim } = await plot(scene)
    await owner.end(claim, goOn('"step 2"'))
    await scene.pass(TTL)
    await rescuer.end(only(await rescuer.reclaim()).fence, crash('isolated-crash', 0))
    const next = await rescuer.claimOne()
    equal(next.checkpoint, '"step 2"')
    equal(next.counters, { ...NO_COUNTS, claims: 2, crashes: 1, isolatedCrashes: 1 })
    holds(next.epoch > claim.epoch + 1, 'the epoch did not grow with each owner')
  },

  'a taken-over task with a cancel request does not go back to pending': async (scene) => {
    const { rescuer, claim } = await plot(scene)
    await scene.cancel(claim.id, 'enough')
    await scene.pass(TTL)
    const { fence } = only(await rescuer.reclaim())
    equal(await rescuer.settle(fence, crash()), 'cancelled')
    await scene.see(claim.id, { state: 'cancelled', counters: { ...NO_COUNTS, claims: 1 } })
  },
})
