/** Reading: tasks, outcomes, queues, sessions, time. */
import { cases, type ConformanceCase } from './case.ts'
import { equal, holds, matches, only, present } from './expect.ts'
import { HOUR, MINUTE, SECOND, type Scene } from './scene.ts'
import { crash, ERROR, fail, giveWay, snooze, succeed, idsOf } from './worker.ts'
import { NO_COUNTS } from '../store/queue-counts.ts'
import type { QueueRecord } from '../store/inspection.ts'

async function queue(scene: Scene, name = 'default'): Promise<QueueRecord> {
  return present(
    (await scene.store.queues()).find((record) => record.queue === name),
    `the queue ${name}`,
  )
}

const tasks = cases('inspect', {
  'tasks are answered in the order of their ids, unknown ones as null': async (scene) => {
    const [first, second] = await scene.enqueueMany(2)
    const unknown = scene.id()
    const records = await scene.store.get([second!, unknown, first!])
    equal(
      records.map((record) => record?.id ?? null),
      [second, null, first],
    )
    equal(await scene.store.get([]), [])
    equal(await scene.store.outcomes({ ids: [], bytesMax: 100 }), [])
  },

  'a thousand tasks are read at once': async (scene) => {
    const ids = await scene.enqueueMany(1_000)
    equal(
      (await scene.store.get(ids)).map((record) => record?.id),
      ids,
    )
    const outcomes = await scene.store.outcomes({ ids, bytesMax: 0 })
    equal(outcomes.length, 1_000)
  },

  'reading changes nothing': async (scene) => {
    const worker = await scene.worker()
    const ids = await scene.enqueueMany(3, { due: { inMs: MINUTE } })
    await scene.pass(MINUTE)
    const read = async (): Promise<unknown> => [await scene.store.get(ids), await scene.store.queues()]
    const before = await read()
    await scene.store.list({ filter: {}, limit: 10, cursor: null })
    await scene.store.outcomes({ ids, bytesMax: 10 })
    equal(await read(), before)
    equal(idsOf(await worker.claim(5)), ids)
  },

  'an outcome says what became of a task': async (scene) => {
    const worker = await scene.worker()
    await scene.enqueueMany(4)
    const [running, succeeded, failed, stopped] = await worker.claim(4)
    await worker.end(succeeded!, succeed('{"r":1}'))
    await worker.end(failed!, fail())
    await worker.end(stopped!, giveWay())
    const cancelled = await scene.enqueue()
    await scene.cancel(cancelled, 'enough')
    const ids = [running!.id, succeeded!.id, failed!.id, stopped!.id, cancelled, scene.id()]
    const outcomes = await scene.store.outcomes({ ids, bytesMax: 1_000_000 })
    const none = { type: 'work', reason: null, result: null, error: null, cancel: null }
    const cancel = { reason: 'enough', at: (await scene.look(cancelled)).finishedAt }
    equal(outcomes, [
      { ...none, state: 'running' },
      { ...none, state: 'succeeded', result: '{"r":1}' },
      { ...none, state: 'failed', reason: 'error', error: ERROR },
      { ...none, state: 'cancelled' },
      { ...none, state: 'cancelled', cancel },
      null,
    ])
  },

  'the first outcome is answered whatever its size': async (scene) => {
    const worker = await scene.worker()
    const ids = await scene.enqueueMany(2)
    for (const claim of await worker.claim(2)) await worker.end(claim, succeed('x'.repeat(1_000)))
    const outcomes = await scene.store.outcomes({ ids, bytesMax: 10 })
    equal(
      outcomes.map((outcome) => (outcome === 'later' ? outcome : outcome?.state)),
      ['succeeded', 'later'],
    )
  },

  'outcomes whose results are too many come later': async (scene) => {
    const worker = await scene.worker()
    const ids = await scene.enqueueMany(5)
    for (const claim of await worker.claim(5)) await worker.end(claim, succeed('x'.repeat(1_000)))
    const first = await scene.store.outcomes({ ids, bytesMax: 2_500 })
    equal(
      first.map((outcome) => (outcome === 'later' ? outcome : outcome?.state)),
      ['succeeded', 'succeeded', 'later', 'later', 'later'],
    )
    const exact = await scene.store.outcomes({ ids: ids.slice(0, 2), bytesMax: 2_000 })
    equal(exact.includes('later'), false, 'results that just fit')
    const second = await scene.store.outcomes({ ids: ids.slice(2), bytesMax: 1_000_000 })
    equal(
      second.map((outcome) => (outcome === 'later' ? outcome : outcome?.result?.length)),
      [1_000, 1_000, 1_000],
    )
  },
})

const queues = cases('inspect', {
  'an empty home has no queues': async (scene) => {
    equal(await scene.store.queues(), [])
  },

  'the counts of a queue are exact': async (scene) => {
    const worker = await scene.worker()
    await scene.enqueueMany(10)
    const claims = await worker.claim(9)
    await worker.end(claims[0]!)
    await worker.end(claims[1]!)
    await worker.end(claims[2]!, fail())
    await worker.end(claims[3]!, giveWay())
    await worker.end(claims[4]!, snooze(HOUR))
    await worker.end(claims[5]!, crash('crash', 0))
    const held = await scene.enqueue({ held: true })
    await scene.enqueue({ held: true, due: { inMs: HOUR } })
    await scene.enqueueMany(3, { after: [{ parent: held, ifFailed: 'run' }] })
    await scene.enqueue({ queue: 'other' })
    const counts = {
      ...NO_COUNTS,
      running: 3,
      succeeded: 2,
      failed: 1,
      cancelled: 1,
      scheduled: 1,
      ready: 2,
      held: 2,
      blocked: 3,
    }
    matches(await queue(scene), { paused: false, retention: null, counts })
    matches(await queue(scene, 'other'), { counts: { ...NO_COUNTS, ready: 1 } })
  },

  'scheduled tasks become ready by the time alone': async (scene) => {
    const id = await scene.enqueue({ due: { inMs: MINUTE } })
    matches(await queue(scene), { counts: { ...NO_COUNTS, scheduled: 1 }, oldestReadyAt: null })
    await scene.pass(MINUTE)
    const { runAt } = await scene.look(id)
    matches(await queue(scene), { counts: { ...NO_COUNTS, ready: 1 }, oldestReadyAt: runAt })
  },

  'the oldest ready task is the one that fell due first': async (scene) => {
    const worker = await scene.worker()
    const early = await scene.enqueue({ due: { inMs: 10_000 } })
    const late = await scene.enqueue({ due: { inMs: 20_000 } })
    await scene.enqueue({ held: true })
    await scene.pass(MINUTE)
    equal((await queue(scene)).oldestReadyAt, (await scene.look(early)).runAt)
    await worker.claimOne()
    equal((await queue(scene)).oldestReadyAt, (await scene.look(late)).runAt)
    await worker.claimOne()
    equal((await queue(scene)).oldestReadyAt, null)
  },

  'queues are shown in the order of their names': async (scene) => {
    const names = ['b', 'a.b', 'B', 'a', 'a_b', 'a-b', '1']
    for (const name of names) await scene.enqueue({ queue: name })
    const shown = (await scene.store.queues()).map((record) => record.queue)
    equal(shown, ['1', 'B', 'a', 'a-b', 'a.b', 'a_b', 'b'])
  },

  'a queue is shown as it is configured, and what is left out stays': async (scene) => {
    await scene.enqueue()
    const retention = { succeededMs: 1, cancelledMs: null, failedMs: 3, count: 4, bytes: 5 }
    await scene.store.configureQueue({ queue: 'default', paused: true })
    matches(await queue(scene), { paused: true, retention: null })
    await scene.store.configureQueue({ queue: 'default', retention })
    matches(await queue(scene), { paused: true, retention })
    await scene.store.configureQueue({ queue: 'default' })
    await scene.store.configureQueue({ queue: 'default', paused: undefined, retention: undefined })
    matches(await queue(scene), { paused: true, retention })
    await scene.store.configureQueue({ queue: 'default', paused: false })
    await scene.store.configureQueue({ queue: 'default', paused: false })
    matches(await queue(scene), { paused: false, retention })
    await scene.store.configureQueue({ queue: 'default', retention: null })
    matches(await queue(scene), { paused: false, retention: null })
  },

  'a queue may be paused before its first task': async (scene) => {
    const worker = await scene.worker()
    await scene.store.configureQueue({ queue: 'default', paused: true })
    await scene.enqueue()
    equal(await worker.claim(5), [])
    matches(await queue(scene), { paused: true, counts: { ...NO_COUNTS, ready: 1 } })
  },

  'pausing holds no task': async (scene) => {
    const id = await scene.enqueue()
    await scene.store.configureQueue({ queue: 'default', paused: true })
    await scene.see(id, { state: 'pending', held: false })
  },
})

const rest = cases('inspect', {
  'a home without workers has no sessions and no definitions': async (scene) => {
    equal([await scene.store.sessions(), await scene.store.definitions()], [[], []])
  },

  'store time goes on, and is shared by all answers': async (scene) => {
    const worker = await scene.worker()
    const times = [
      await scene.now(),
      (await worker.ask()).now,
      (await worker.renew()).now,
      (await worker.reopen()).now,
      await scene.now(),
    ]
    equal(
      times,
      times.toSorted((a, b) => a - b),
      'the order of the times',
    )
    const before = await scene.now()
    await scene.pass(HOUR)
    holds((await scene.now()) >= before + HOUR, 'the clock was not shifted')
  },

  'a store says what it is': async (scene) => {
    holds(/^[a-z]+$/.test(scene.store.kind), 'the kind is no name of a backend')
    holds(
      Number.isSafeInteger(scene.store.retentionBytes) && scene.store.retentionBytes > 0,
      'retentionBytes is no size',
    )
  },

  'times are whole milliseconds': async (scene) => {
    const worker = await scene.worker()
    const id = await scene.enqueue({ deadlineMs: 5_000, startByMs: 4_000 })
    await worker.end(await worker.claimOne(), succeed())
    const { enqueuedAt, runAt, startedAt, finishedAt, startBy, deadlineAt } = await scene.look(id)
    const session = only(await scene.store.sessions())
    const times = [
      enqueuedAt,
      runAt,
      startedAt,
      finishedAt,
      startBy,
      deadlineAt,
      session.openedAt,
      session.expiresAt,
    ]
    for (const time of times) holds(Number.isSafeInteger(time) && time! > SECOND, `${time} is no time`)
  },
})

export const inspectCases: readonly ConformanceCase[] = [...tasks, ...queues, ...rest]
