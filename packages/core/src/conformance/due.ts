/** When and in which order: due times, order inside a level, the cursor, and when to ask again. */
import { cases, type ConformanceCase } from './case.ts'
import { equal, holds, sameMembers } from './expect.ts'
import { DAY, MINUTE, SECOND, type Scene } from './scene.ts'
import { giveBack, retry, snooze, succeed, idsOf } from './worker.ts'
import type { Claim, TaskId } from '../store/records.ts'

/** Asserts that a task can be claimed at the very millisecond of its due time, and not before. */
async function seeDueAt(scene: Scene, at: number): Promise<Claim> {
  const worker = await scene.worker({ ttlMs: 100 * 365 * DAY })
  const claims: Claim[] = []
  await scene.approach(at, async () => {
    const answer = await worker.ask()
    claims.push(...answer.claims)
    equal(claims.length, answer.now < at ? 0 : 1, `claims at ${answer.now - at} ms`)
    if (answer.now < at) equal(answer.nextInMs, at - answer.now, 'nextInMs')
    return answer.now
  })
  equal(claims[0]!.runAt, at, 'runAt')
  return claims[0]!
}

const punctuality = cases('due', {
  'a task is due at the very millisecond of its time': async (scene) => {
    const { runAt } = await scene.look(await scene.enqueue({ due: { inMs: 5_000 } }))
    await seeDueAt(scene, runAt)
  },

  'an absolute time is judged by store time': async (scene) => {
    const at = (await scene.now()) + 3_333
    await scene.enqueue({ due: { at } })
    await seeDueAt(scene, at)
  },

  'thirty days are kept to the millisecond': async (scene) => {
    const { runAt, enqueuedAt } = await scene.look(await scene.enqueue({ due: { inMs: 30 * DAY + 1 } }))
    equal(runAt - enqueuedAt, 30 * DAY + 1, 'the delay')
    await seeDueAt(scene, runAt)
  },

  'fifty years are kept to the millisecond': async (scene) => {
    const delay = 50 * 365 * DAY + 7
    const { runAt, enqueuedAt } = await scene.look(await scene.enqueue({ due: { inMs: delay } }))
    equal(runAt - enqueuedAt, delay, 'the delay')
    await seeDueAt(scene, runAt)
  },

  'the farthest time is kept, and never comes': async (scene) => {
    const worker = await scene.worker()
    const at = 2 ** 47 - 1
    await scene.see(await scene.enqueue({ due: { at } }), { runAt: at, state: 'pending' })
    const answer = await worker.ask()
    equal(answer.claims, [])
    equal(answer.nextInMs, at - answer.now, 'nextInMs')
  },

  'a retry waits from the store time of its settlement': async (scene) => {
    const worker = await scene.worker()
    const id = await scene.enqueue()
    const claim = await worker.claimOne()
    await scene.pass(MINUTE)
    const { now } = await worker.exchange({ settlements: [worker.settlement(claim, retry(2_000))] })
    await scene.see(id, { state: 'pending', runAt: now + 2_000 })
    await seeDueAt(scene, now + 2_000)
  },

  'a snooze waits from the store time of its settlement': async (scene) => {
    const worker = await scene.worker()
    const id = await scene.enqueue()
    const settlements = [worker.settlement(await worker.claimOne(), snooze(40 * DAY))]
    const { now } = await worker.exchange({ settlements })
    await scene.see(id, { runAt: now + 40 * DAY })
    await seeDueAt(scene, now + 40 * DAY)
  },

  'without a delay the due time stays as it was': async (scene) => {
    const worker = await scene.worker()
    const id = await scene.enqueue({ due: { inMs: SECOND } })
    const { runAt } = await scene.look(id)
    await scene.pass(MINUTE)
    await worker.end(await worker.claimOne(), giveBack())
    await scene.see(id, { runAt, state: 'pending' })
    equal((await worker.claimOne()).runAt, runAt)
  },
})

const ordered = cases('due', {
  'tasks of a group come in its order': async (scene) => {
    const worker = await scene.worker()
    const ids = await scene.enqueueMany(300)
    const claims = [...(await worker.claim(100)), ...(await worker.claim(200))]
    equal(idsOf(claims), ids)
  },

  'what arrives first comes first': async (scene) => {
    const worker = await scene.worker()
    const ids: TaskId[] = []
    for (let n = 0; n < 20; n++) ids.push(await scene.enqueue())
    equal(idsOf(await worker.claim(20)), ids)
  },

  'what fell due first comes first, whenever it arrived': async (scene) => {
    const worker = await scene.worker()
    const delays = [50, 20, 40, 10, 30]
    const specs = delays.map((seconds) => scene.spec({ due: { inMs: seconds * SECOND } }))
    await scene.addAll(specs)
    await scene.pass(45 * SECOND)
    const now = await scene.enqueue()
    await scene.pass(15 * SECOND)
    const [d50, d20, d40, d10, d30] = specs.map((spec) => spec.id)
    equal(idsOf(await worker.claim(10)), [d10, d20, d30, d40, now, d50])
  },

  'tasks of one due time come in the order of their arrival': async (scene) => {
    const worker = await scene.worker()
    const at = (await scene.now()) + MINUTE
    const ids: TaskId[] = []
    for (let n = 0; n < 10; n++) ids.push(...(await scene.enqueueMany(3, { due: { at } })))
    await scene.passTo(at)
    equal(idsOf(await worker.claim(30)), ids)
  },

  'levels do not mix their orders': async (scene) => {
    const worker = await scene.worker()
    const specs = Array.from({ length: 20 }, (_, n) => scene.spec({ level: n % 2 === 0 ? 3 : 1 }))
    await scene.addAll(specs)
    const expected = specs.filter((spec) => spec.level === 1).concat(specs.filter((spec) => spec.level === 3))
    const claims = [...(await worker.claim(7)), ...(await worker.claim(13))]
    equal(
      idsOf(claims),
      expected.map((spec) => spec.id),
    )
  },

  'claims go on behind the cursor in order': async (scene) => {
    const worker = await scene.worker()
    const ids = await scene.enqueueMany(40)
    const claimed: TaskId[] = []
    let cursor: string | null = null
    for (let rounds = 0; rounds < 5; rounds++) {
      const answer = await worker.ask({
        cursor,
        queues: [{ queue: 'default', slots: [0, 0, 1, 0, 0], tasksMax: 10 }],
      })
      claimed.push(...idsOf(answer.claims))
      cursor = answer.cursor
    }
    equal(claimed, ids)
  },

  'no type waits for ever': async (scene) => {
    const worker = await scene.worker()
    const ids = await scene.enqueueMany(3, { type: 'mail' })
    await scene.enqueueMany(100)
    const left = new Set(ids)
    let cursor: string | null = null
    for (let rounds = 0; rounds < 300 && left.size > 0; rounds++) {
      await scene.enqueue()
      const queues = [{ queue: 'default', slots: [0, 0, 0, 0, 0], tasksMax: 1 }] as const
      const answer = await worker.ask({
        types: ['work', 'mail'],
        queues,
        cursor: rounds % 10 === 0 ? null : cursor,
      })
      for (const claim of answer.claims) left.delete(claim.id)
      cursor = answer.cursor
    }
    equal(left.size, 0, 'how many were never claimed')
  },

  'any text is a cursor': async (scene) => {
    const worker = await scene.worker()
    for (const cursor of [
      '',
      '0',
      'nonsense',
      '{"a":1}',
      '☃\u0001',
      '-1',
      '99999999999999999999',
      'null',
      ',,,',
      '__proto__',
    ]) {
      const id = await scene.enqueue()
      const claims = [...(await worker.claim(5, { cursor })), ...(await worker.claim(5))]
      equal(idsOf(claims), [id], `claims behind the cursor ${JSON.stringify(cursor)}`)
    }
  },

  'from the front everything that is ready is found': async (scene) => {
    const worker = await scene.worker()
    const ids = await scene.enqueueMany(10)
    const first = await worker.ask({ queues: [{ queue: 'default', slots: [0, 0, 0, 0, 0], tasksMax: 6 }] })
    for (const claim of first.claims.slice(0, 3)) await worker.end(claim, giveBack())
    await worker.ask({
      cursor: first.cursor,
      queues: [{ queue: 'default', slots: [0, 0, 0, 0, 0], tasksMax: 1 }],
    })
    await worker.claim(10)
    for (const id of ids) await scene.see(id, { state: 'running' })
  },
})

const askingAgain = cases('due', {
  'with nothing in sight there is no time to ask again': async (scene) => {
    const worker = await scene.worker()
    equal((await worker.ask()).nextInMs, null, 'on an empty home')
    await scene.enqueue()
    await worker.end(await worker.claimOne())
    equal((await worker.ask()).nextInMs, null, 'after the last task')
  },

  'the nearest due time of the demanded queues is the time to ask again': async (scene) => {
    const worker = await scene.worker()
    await scene.enqueue({ due: { inMs: 50_000 } })
    const { runAt } = await scene.look(await scene.enqueue({ due: { inMs: 30_000 }, queue: 'other' }))
    await scene.enqueue({ due: { inMs: 10_000 }, queue: 'third' })
    const slots = [0, 0, 0, 0, 0] as const
    const queues = ['default', 'other'].map((queue) => ({ queue, slots, tasksMax: 5 }))
    const answer = await worker.ask({ queues })
    equal([answer.claims.length, answer.nextInMs], [0, runAt - answer.now])
  },

  'claims in the answer do not hide the next due time': async (scene) => {
    const worker = await scene.worker()
    const { runAt } = await scene.look(await scene.enqueue({ due: { inMs: 20_000 } }))
    await scene.enqueue()
    const answer = await worker.ask()
    equal([answer.claims.length, answer.nextInMs], [1, runAt - answer.now])
  },

  'an answer that was cut short asks at once for the rest': async (scene) => {
    const worker = await scene.worker()
    await scene.enqueueMany(5)
    const queues = [{ queue: 'default', slots: [0, 0, 0, 0, 0], tasksMax: 3 }] as const
    const answer = await worker.ask({ queues, tasksMax: 3 })
    equal([answer.claims.length, answer.nextInMs], [3, 0])
  },

  'tasks that cannot be taken never ask for attention': async (scene) => {
    const worker = await scene.worker()
    await scene.enqueueMany(3, { type: 'unknown' })
    await scene.enqueueMany(3, { needs: ['gpu'] })
    await scene.enqueueMany(3, { held: true })
    await scene.enqueueMany(3, { queue: 'other' })
    const paused = await scene.enqueue({ queue: 'paused' })
    await scene.enqueueMany(2, { after: [{ parent: paused, ifFailed: 'run' }] })
    await scene.enqueue({ type: 'unknown', due: { inMs: MINUTE } })
    await scene.store.configureQueue({ queue: 'paused', paused: true })
    const slots = [1, 1, 1, 1, 1] as const
    const queues = ['default', 'paused'].map((queue) => ({ queue, slots, tasksMax: 5 }))
    for (const passed of [0, 0, MINUTE, 0, MINUTE]) {
      await scene.pass(passed)
      const { claims, nextInMs } = await worker.ask({ queues })
      equal(claims, [])
      holds(nextInMs === null || nextInMs > 0, 'nextInMs is 0 for tasks that cannot be taken')
    }
  },

  'asking when told brings the task, and not sooner': async (scene) => {
    const worker = await scene.worker()
    const ids = [
      await scene.enqueue({ due: { inMs: 40_000 } }),
      await scene.enqueue({ due: { inMs: 10 * DAY } }),
    ]
    const claimed: TaskId[] = []
    for (let rounds = 0; rounds < 20 && claimed.length < 2; rounds++) {
      await worker.renew({ ttlMs: 20 * DAY })
      const answer = await worker.ask()
      claimed.push(...idsOf(answer.claims))
      if (answer.nextInMs !== null) await scene.pass(answer.nextInMs)
    }
    sameMembers(claimed, ids)
  },

  'a settlement alone does not claim': async (scene) => {
    const worker = await scene.worker()
    await scene.enqueueMany(2)
    const answer = await worker.exchange({
      settlements: [worker.settlement(await worker.claimOne(), succeed())],
    })
    equal(answer.claims, [])
  },
})

export const dueCases: readonly ConformanceCase[] = [...punctuality, ...ordered, ...askingAgain]
