/** The earliest deadline first. */
import { cases, type ConformanceCase } from './case.ts'
import { equal } from './expect.ts'
import { MINUTE, SECOND } from './scene.ts'
import { idsOf } from './worker.ts'

export const dueByCases: readonly ConformanceCase[] = cases('due-by', {
  'the earliest comes first, whatever came first': async (scene) => {
    const worker = await scene.worker()
    const late = await scene.enqueue({ dueByMs: 30 * MINUTE })
    const soon = await scene.enqueue({ dueByMs: 1 * MINUTE })
    const between = await scene.enqueue({ dueByMs: 10 * MINUTE })
    equal(idsOf(await worker.claim(2)), [soon, between])
    equal(idsOf(await worker.claim(2)), [late])
  },

  'a task without one stands where its due time is': async (scene) => {
    const worker = await scene.worker()
    const later = await scene.enqueue({ dueByMs: MINUTE })
    const plain = await scene.enqueue()
    equal(idsOf(await worker.claim(1)), [plain])
    await scene.pass(2 * MINUTE)
    const young = await scene.enqueue()
    equal(idsOf(await worker.claim(2)), [later, young])
  },

  'nothing starts before it is due': async (scene) => {
    const worker = await scene.worker()
    const scheduled = await scene.enqueue({ dueByMs: 30 * SECOND, due: { inMs: 20 * SECOND } })
    const other = await scene.enqueue({ dueByMs: MINUTE })
    equal(idsOf(await worker.claim(1)), [other])
    await scene.enqueue({ dueByMs: MINUTE })
    await scene.pass(20 * SECOND)
    equal(idsOf(await worker.claim(1)), [scheduled])
  },

  'it is shown, and lasts through retries': async (scene) => {
    const worker = await scene.worker()
    const id = await scene.enqueue({ dueByMs: MINUTE })
    const { enqueuedAt } = await scene.look(id)
    const dueBy = enqueuedAt + MINUTE
    await scene.see(id, { dueBy })
    await worker.end(await worker.claimOne(), { to: 'pending', count: 'failure', delayMs: 0, error: null })
    await scene.see(id, { dueBy })
    await scene.see(await scene.enqueue(), { dueBy: null })
  },
})
