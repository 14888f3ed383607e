/** `startBy` and deadline: what waited too long ends, by the sweep or by the exchange that meets it. */
import { cases, type ConformanceCase } from './case.ts'
import { equal, holds, matches, only, sameMembers } from './expect.ts'
import { HOUR, MINUTE, NO_COUNTS, SECOND, type Scene } from './scene.ts'
import { crash, ERROR, giveBack, retry, snooze, succeed, idsOf } from './worker.ts'
import type { TaskId, TaskOutcome, TaskSpec } from '../store/records.ts'

/** Asserts that a task ended by its time alone, and still shows the error of its last attempt. */
async function seeLastError(scene: Scene, id: TaskId, reason: 'expired' | 'timeout'): Promise<void> {
  await scene.see(id, { state: 'failed', reason, error: ERROR })
  const outcome = only(await scene.store.outcomes({ ids: [id], bytesMax: 1_000 }))
  matches(outcome as TaskOutcome, { state: 'failed', reason, error: ERROR }, 'the outcome')
}

/** What the two limits make of a task that waits. */
const LIMITS: readonly (readonly [string, Partial<TaskSpec>, 'expired' | 'timeout'])[] = [
  ['startBy', { startByMs: MINUTE }, 'expired'],
  ['the deadline', { deadlineMs: MINUTE }, 'timeout'],
]

const met: readonly ConformanceCase[] = LIMITS.flatMap(([name, limit, reason]) =>
  cases('deadlines', {
    [`the sweep ends what waited beyond ${name}`]: async (scene) => {
      const parent = await scene.enqueue({ held: true })
      const ids = [
        await scene.enqueue(limit),
        await scene.enqueue({ ...limit, held: true }),
        await scene.enqueue({ ...limit, due: { inMs: HOUR } }),
        await scene.enqueue({ ...limit, after: [{ parent, ifFailed: 'run' }] }),
        await scene.enqueue({ ...limit, type: 'unknown', queue: 'unserved' }),
      ]
      const [other] = await scene.enqueueMany(1)
      // what is above has taken time of its own
      await scene.pass(MINUTE - 10 * SECOND)
      equal(await scene.sweep(), 0, 'what was swept too early')
      await scene.pass(10 * SECOND)
      equal(await scene.sweep(), ids.length, 'what was swept')
      for (const id of ids) await scene.see(id, { state: 'failed', reason, counters: NO_COUNTS, blockers: 0 })
      await scene.seeAll([parent, other!], 'pending')
      equal(await scene.sweep(), 0, 'what was swept twice')
    },

    [`a task at ${name} is not claimed, but ends: to the millisecond`]: async (scene) => {
      const worker = await scene.worker()
      const ids = await scene.enqueueMany(200, limit)
      const end = (await scene.look(ids[0]!)).enqueuedAt + MINUTE
      const claimed: TaskId[] = []
      await scene.approach(end, async () => {
        const { now, claims } = await worker.ask({
          queues: [{ queue: 'default', slots: [0, 0, 0, 0, 0], tasksMax: 1 }],
        })
        equal(claims.length, now < end ? 1 : 0, `claims at ${now - end} ms`)
        claimed.push(...idsOf(claims))
        return now
      })
      const left = ids.filter((id) => !claimed.includes(id))
      await scene.sweep()
      for (const id of left.slice(0, 3)) await scene.see(id, { state: 'failed', reason, counters: NO_COUNTS })
      for (const id of claimed) await scene.see(id, { state: 'running' })
    },

    [`an exchange that meets a task beyond ${name} ends it, and goes on behind it`]: async (scene) => {
      const worker = await scene.worker()
      const [late] = await scene.enqueueMany(1, limit)
      const child = await scene.enqueue({ after: [{ parent: late!, ifFailed: 'fail' }], queue: 'unserved' })
      await scene.pass(MINUTE)
      const id = await scene.enqueue()
      const answer = await worker.ask()
      equal(idsOf(answer.claims), [id])
      const record = await scene.look(late!)
      matches(record, { state: 'failed', reason, counters: NO_COUNTS, finishedAt: answer.now })
      equal(record.history.at(-1)?.event, 'failed')
      await scene.deliver()
      await scene.see(child, { state: 'failed', reason: 'dependency' })
    },
  }),
)

const swept: readonly ConformanceCase[] = LIMITS.flatMap(([name, limit]) =>
  cases('deadlines', {
    [`the sweep beyond ${name} goes on in steps`]: async (scene) => {
      const ids = await scene.enqueueMany(25, limit)
      await scene.pass(MINUTE)
      const first = await scene.store.sweep({ tasksMax: 10 })
      equal(first, { changed: 10, more: true })
      equal(await scene.sweep(10), 15)
      await scene.seeAll(ids, 'failed')
    },

    [`a running task is not swept beyond ${name}`]: async (scene) => {
      const worker = await scene.worker()
      const id = await scene.enqueue(limit)
      const claim = await worker.claimOne()
      await scene.pass(HOUR / 2)
      equal(await scene.sweep(), 0)
      await worker.end(claim, succeed())
      await scene.see(id, { state: 'succeeded' })
    },

    [`a retry counts ${name} from now`]: async (scene) => {
      const id = await scene.enqueue(limit)
      await scene.pass(MINUTE)
      await scene.sweep()
      equal(await scene.restart(id), 'changed')
      const { startBy, deadlineAt, runAt, state } = await scene.look(id)
      equal([state, startBy ?? deadlineAt], ['pending', runAt + MINUTE])
      await scene.pass(MINUTE - SECOND)
      equal(await scene.sweep(), 0)
      await scene.pass(SECOND)
      equal(await scene.sweep(), 1)
    },
  }),
)

async function seeExpired(scene: Scene, id: TaskId): Promise<void> {
  await scene.pass(MINUTE)
  await scene.sweep()
  await scene.see(id, { state: 'failed', reason: 'expired' })
}

const started = cases('deadlines', {
  'a task that has started once does not expire': async (scene) => {
    const worker = await scene.worker()
    for (const transition of [retry(), crash(), snooze(0)]) {
      const id = await scene.enqueue({ startByMs: MINUTE })
      await worker.end(await worker.claimOne(), transition)
      await scene.pass(HOUR / 10)
      equal(await scene.sweep(), 0)
      const claim = await worker.claimOne()
      equal(claim.id, id)
      await worker.end(claim)
    }
  },

  'claims that were returned do not count as a start': async (scene) => {
    const worker = await scene.worker()
    const id = await scene.enqueue({ startByMs: MINUTE })
    for (let n = 0; n < 2; n++) await worker.end(await worker.claimOne(), giveBack())
    await seeExpired(scene, id)
  },

  'a return after a start does not undo the start': async (scene) => {
    const worker = await scene.worker()
    const id = await scene.enqueue({ startByMs: MINUTE })
    await worker.end(await worker.claimOne(), retry())
    await worker.end(await worker.claimOne(), giveBack())
    await scene.pass(MINUTE)
    equal(await scene.sweep(), 0)
    equal((await worker.claimOne()).id, id)
  },

  'a task that was returned beyond its time ends with the next exchange': async (scene) => {
    const worker = await scene.worker()
    const id = await scene.enqueue({ startByMs: MINUTE })
    const claim = await worker.claimOne()
    await scene.pass(MINUTE)
    await worker.end(claim, giveBack())
    equal(await worker.claim(5), [])
    await scene.see(id, {
      state: 'failed',
      reason: 'expired',
      counters: { ...NO_COUNTS, claims: 1, returns: 1 },
    })
  },

  'a retry after the deadline ends with the sweep': async (scene) => {
    const worker = await scene.worker()
    const id = await scene.enqueue({ deadlineMs: MINUTE })
    const claim = await worker.claimOne()
    await scene.pass(MINUTE)
    await worker.end(claim, retry(HOUR))
    equal(await scene.sweep(), 1)
    await scene.see(id, {
      state: 'failed',
      reason: 'timeout',
      counters: { ...NO_COUNTS, claims: 1, failures: 1 },
    })
  },

  'the deadline counts for tasks that have started, too': async (scene) => {
    const worker = await scene.worker()
    const id = await scene.enqueue({ deadlineMs: MINUTE, startByMs: SECOND })
    await worker.end(await worker.claimOne(), snooze(0))
    await scene.pass(MINUTE)
    equal(await worker.claim(5), [])
    await scene.sweep()
    await scene.see(id, { state: 'failed', reason: 'timeout' })
  },

  'those that end and those that do not are told apart': async (scene) => {
    const worker = await scene.worker()
    const short = await scene.enqueueMany(3, { startByMs: MINUTE })
    const long = await scene.enqueueMany(3, { startByMs: HOUR })
    await scene.pass(10 * MINUTE)
    sameMembers(idsOf(await worker.claim(10)), long)
    await scene.sweep()
    await scene.seeAll(short, 'failed')
  },

  'with nothing to sweep or deliver the answers say so': async (scene) => {
    const worker = await scene.worker()
    const [parent] = await scene.enqueueMany(3)
    await scene.enqueue({ after: [{ parent: parent!, ifFailed: 'cancel' }] })
    await worker.claimOne()
    equal(await scene.store.sweep({ tasksMax: 10 }), { changed: 0, more: false })
    equal(await scene.store.deliver({ tasksMax: 10 }), { changed: 0, more: false })
  },

  'a crowd beyond its time does not hide what can be claimed': async (scene) => {
    const worker = await scene.worker()
    const late = await scene.enqueueMany(1_500, { startByMs: MINUTE })
    await scene.pass(MINUTE)
    const id = await scene.enqueue()
    const claims: TaskId[] = []
    for (let rounds = 0; rounds < 5; rounds++) {
      const answer = await worker.ask()
      claims.push(...idsOf(answer.claims))
      if (answer.nextInMs !== 0) break
    }
    holds(claims.length === 1 && claims[0] === id, 'the task behind the crowd was not claimed')
    await scene.sweep()
    await scene.seeAll(late, 'failed')
  },
})

const errors = cases('deadlines', {
  'the error of an earlier attempt outlasts an end by the sweep': async (scene) => {
    const worker = await scene.worker()
    const outlived = await scene.enqueue({ deadlineMs: MINUTE })
    await worker.end(await worker.claimOne(), retry(HOUR))
    const expired = await scene.enqueue({ startByMs: MINUTE })
    await worker.end(await worker.claimOne(), { to: 'pending', count: 'return', delayMs: null, error: ERROR })
    await scene.pass(MINUTE)
    equal(await scene.sweep(), 2)
    await seeLastError(scene, outlived, 'timeout')
    await seeLastError(scene, expired, 'expired')
  },

  'the error of an earlier attempt outlasts an end by the exchange that meets it': async (scene) => {
    const worker = await scene.worker()
    const outlived = await scene.enqueue({ deadlineMs: MINUTE })
    await worker.end(await worker.claimOne(), retry())
    await scene.pass(MINUTE)
    equal(await worker.claim(5), [])
    await seeLastError(scene, outlived, 'timeout')
    equal(await scene.restart(outlived), 'changed')
    await scene.see(outlived, { error: null })
  },

  'the error of an earlier attempt outlasts a cancel, and no success': async (scene) => {
    const worker = await scene.worker()
    const [cancelled, succeeded] = await scene.enqueueMany(2)
    for (const claim of await worker.claim(2)) await worker.end(claim, retry())
    equal(await scene.cancel(cancelled!), 'changed')
    await worker.end(await worker.claimOne())
    await scene.see(cancelled!, { state: 'cancelled', error: ERROR })
    await scene.see(succeeded!, { state: 'succeeded', error: null })
  },
})

export const deadlineCases: readonly ConformanceCase[] = [...met, ...swept, ...started, ...errors]
