/** The earliest deadline first. */
import { cases, type ConformanceCase } from './case.ts'
import { equal } from './expect.ts'
import { HOUR, MINUTE, SECOND } from './scene.ts'
import { idsOf, retry } from './worker.ts'

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

  'what waits and is due soon is told, the earliest first': async (scene) => {
    const { store } = scene
    const worker = await scene.worker()
    const soon = (sinceMs: number, withinMs: number, limit = 10): Promise<readonly string[]> =>
      store.dueSoon({ sinceMs, withinMs, limit }).then((tasks) => tasks.map(({ id }) => id))
    const started = await scene.enqueue({ dueByMs: SECOND })
    const claim = await worker.claimOne()
    const parent = await scene.enqueue()
    const blocked = await scene.enqueue({ dueByMs: 20 * SECOND, after: [{ parent, ifFailed: 'run' }] })
    const held = await scene.enqueue({ dueByMs: 10 * SECOND, held: true })
    const scheduled = await scene.enqueue({ dueByMs: 30 * SECOND, due: { inMs: HOUR } })
    const ready = await scene.enqueue({ dueByMs: 15 * SECOND, queue: 'other', type: 'else' })
    const cancelled = await scene.enqueue({ dueByMs: 5 * SECOND })
    await scene.enqueue({ dueByMs: HOUR })
    await scene.cancel(cancelled)
    equal(await soon(HOUR, 40 * SECOND), [held, ready, blocked, scheduled])
    equal(await soon(HOUR, 40 * SECOND, 2), [held, ready])
    const { dueBy } = await scene.look(ready)
    equal((await store.dueSoon({ sinceMs: 0, withinMs: 16 * SECOND, limit: 10 }))[1], {
      id: ready,
      queue: 'other',
      type: 'else',
      dueBy,
    })
    await scene.pass(25 * SECOND)
    equal(await soon(0, 10 * SECOND), [scheduled])
    equal(await soon(12 * SECOND, 0), [ready, blocked])
    await worker.end(claim, retry())
    equal((await soon(HOUR, 0))[0], started)
  },
})
