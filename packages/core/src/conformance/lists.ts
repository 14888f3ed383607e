/** Lists: filters, order, cursors. */
import { codeOf } from '../task/errors.ts'
import { cases, type ConformanceCase } from './case.ts'
import { equal, holds, matches, only, sameMembers } from './expect.ts'
import { DAY, SECOND, type Scene } from './scene.ts'
import { fail, giveWay, notes, goOn, retry, succeed } from './worker.ts'
import type { TaskFilter } from '../store/control.ts'
import type { TaskId, TaskSummary } from '../store/records.ts'

interface Pages {
  readonly filter: TaskFilter
  readonly limit: number
  readonly endedSince?: number
  /** Called between pages. */
  readonly meanwhile?: () => Promise<void>
}

/** Reads a list to its end. */
async function readAll(
  scene: Scene,
  { filter, limit, endedSince, meanwhile }: Pages,
): Promise<readonly TaskSummary[]> {
  const tasks: TaskSummary[] = []
  let cursor: string | null = null
  for (let pages = 0; pages < 10_000; pages++) {
    const answer = await scene.store.list({ filter, limit, cursor, endedSince })
    holds(answer.tasks.length <= limit, `a page of ${answer.tasks.length} tasks, ${limit} were allowed`)
    tasks.push(...answer.tasks)
    if (answer.next === null) return tasks
    cursor = answer.next
    await meanwhile?.()
  }
  throw new Error('the list never comes to an end')
}

async function idsOf(scene: Scene, filter: TaskFilter, limit = 100): Promise<readonly TaskId[]> {
  return (await readAll(scene, { filter, limit })).map((task) => task.id)
}

/** Asserts that a call rejects for what it asks for. */
async function refused(call: () => Promise<unknown>, what: string): Promise<void> {
  const code = await call().then(() => undefined, codeOf)
  equal(code, 'invalid-argument', what)
}

/** One task of every state that this port can reach. */
async function everyState(
  scene: Scene,
): Promise<
  Readonly<Record<'blocked' | 'pending' | 'running' | 'succeeded' | 'failed' | 'cancelled', TaskId>>
> {
  const worker = await scene.worker()
  await scene.enqueueMany(4)
  const [running, succeeded, failed, cancelled] = await worker.claim(4)
  await worker.end(succeeded!, succeed())
  await scene.pass(SECOND)
  await worker.end(failed!, fail())
  await scene.pass(SECOND)
  await worker.end(cancelled!, giveWay())
  const pending = await scene.enqueue()
  const blocked = await scene.enqueue({ after: [{ parent: pending, ifFailed: 'run' }] })
  return {
    blocked,
    pending,
    running: running!.id,
    succeeded: succeeded!.id,
    failed: failed!.id,
    cancelled: cancelled!.id,
  }
}

export const listCases: readonly ConformanceCase[] = cases('lists', {
  'an empty home lists nothing': async (scene) => {
    equal(await scene.store.list({ filter: {}, limit: 10, cursor: null }), { tasks: [], next: null })
  },

  'an empty filter lists everything': async (scene) => {
    const ids = await everyState(scene)
    sameMembers(await idsOf(scene, {}), Object.values(ids))
    sameMembers(
      await idsOf(scene, { states: undefined, queue: undefined, type: undefined, tag: undefined }),
      Object.values(ids),
    )
  },

  'states are filtered': async (scene) => {
    const ids = await everyState(scene)
    for (const [state, id] of Object.entries(ids)) {
      equal(await idsOf(scene, { states: [state as keyof typeof ids] }), [id], state)
    }
    sameMembers(await idsOf(scene, { states: ['running', 'failed'] }), [ids.running, ids.failed])
    equal(await idsOf(scene, { states: ['waiting'] }), [])
    equal(await idsOf(scene, { states: [] }), [])
  },

  'final tasks come newest first, by their end': async (scene) => {
    const { succeeded, failed, cancelled } = await everyState(scene)
    equal(await idsOf(scene, { states: ['failed', 'succeeded', 'cancelled'] }), [
      cancelled,
      failed,
      succeeded,
    ])
    equal(await idsOf(scene, { states: ['succeeded', 'failed'] }, 1), [failed, succeeded])
  },

  'final tasks of one state come newest first across pages': async (scene) => {
    const worker = await scene.worker()
    const ids: TaskId[] = []
    for (let n = 0; n < 10; n++) {
      ids.unshift(await scene.enqueue())
      await worker.end(await worker.claimOne())
      await scene.pass(SECOND)
    }
    for (const limit of [1, 3, 10, 100])
      equal(await idsOf(scene, { states: ['succeeded'] }, limit), ids, `limit ${limit}`)
  },

  'a list of what ended since a time ends there': async (scene) => {
    const worker = await scene.worker()
    const ids: TaskId[] = []
    for (let n = 0; n < 6; n++) {
      ids.unshift(await scene.enqueue({ queue: n % 2 === 0 ? 'a' : 'default' }))
      if (n % 2 === 0) await scene.cancel(ids[0]!)
      else await worker.end(await worker.claimOne(), fail())
      await scene.pass(SECOND)
    }
    const endedSince = (await scene.look(ids[2]!)).finishedAt!
    const states = ['failed', 'cancelled'] as const
    for (const limit of [1, 2, 10]) {
      equal(
        (await readAll(scene, { filter: { states }, limit, endedSince })).map(({ id }) => id),
        ids.slice(0, 3),
      )
      const failed = await readAll(scene, { filter: { states: ['failed'] }, limit, endedSince })
      equal(
        failed.map(({ id }) => id),
        [ids[0], ids[2]],
      )
    }
    equal(await readAll(scene, { filter: { states }, limit: 5, endedSince: endedSince + DAY }), [])
  },

  'tasks that ended at one moment appear once each': async (scene) => {
    const worker = await scene.worker()
    const ids = await scene.enqueueMany(50)
    const claims = await worker.claim(50)
    await worker.exchange({ settlements: claims.map((claim) => worker.settlement(claim, succeed())) })
    for (const limit of [1, 7, 50]) sameMembers(await idsOf(scene, { states: ['succeeded'] }, limit), ids)
  },

  'queue, type and tag are filtered, to the letter, and combined with and': async (scene) => {
    const specs = [
      scene.spec({ queue: 'q', type: 't', tags: ['a', 'b'] }),
      scene.spec({ queue: 'Q', type: 't', tags: ['a'] }),
      scene.spec({ queue: 'q', type: 'T', tags: ['b'] }),
      scene.spec({ queue: 'q', type: 't', tags: ['ab', 'A'] }),
    ]
    await scene.addAll(specs)
    const [first, second, third, fourth] = specs.map((spec) => spec.id)
    sameMembers(await idsOf(scene, { queue: 'q' }), [first!, third!, fourth!])
    sameMembers(await idsOf(scene, { type: 't' }), [first!, second!, fourth!])
    sameMembers(await idsOf(scene, { tag: 'a' }), [first!, second!])
    sameMembers(await idsOf(scene, { queue: 'q', tag: 'b', type: 't', states: ['pending'] }), [first!])
    equal(await idsOf(scene, { queue: 'q', tag: 'c' }), [])
  },

  'metadata is filtered to the letter': async (scene) => {
    const specs = [
      scene.spec({ metadata: { tenant: 'a', by: 'me' } }),
      scene.spec({ metadata: { tenant: 'A' } }),
      scene.spec({ metadata: { tenant: 'ab', owner: 'a' } }),
      scene.spec({ tags: ['tenant', 'a'] }),
      scene.spec({ metadata: { 'odd "key"': 'ü\\ \n' } }),
    ]
    await scene.addAll(specs)
    const [first, , third, , fifth] = specs.map((spec) => spec.id)
    sameMembers(await idsOf(scene, { metadata: { tenant: 'a' } }), [first!])
    sameMembers(await idsOf(scene, { metadata: { tenant: 'a', by: 'me' } }), [first!])
    equal(await idsOf(scene, { metadata: { tenant: 'a', by: 'you' } }), [])
    equal(await idsOf(scene, { metadata: { toString: 'a' } }), [])
    sameMembers(await idsOf(scene, { metadata: { owner: 'a' }, states: ['pending'] }), [third!])
    sameMembers(await idsOf(scene, { metadata: { 'odd "key"': 'ü\\ \n' } }), [fifth!])
  },

  'a text is found in type, tags, metadata and error, in upper or lower case': async (scene) => {
    const worker = await scene.worker()
    const failing = await scene.enqueue({ level: 0 })
    const error = { name: 'Odd', message: 'The NEEDLE broke', code: 'hay', stack: 'hay' }
    await worker.end(await worker.claimOne(), { to: 'failed', count: 'failure', reason: 'error', error })
    const specs = [
      scene.spec({ type: 'a.Needle.b' }),
      scene.spec({ tags: ['x', 'needles'] }),
      scene.spec({ metadata: { k: 'my nEEdle, and Ä' } }),
      scene.spec({
        metadata: { needle: 'a key is not looked at' },
        queue: 'needle',
        headers: { h: 'needle' },
      }),
      scene.spec({ payload: '"needle"' }),
    ]
    await scene.addAll(specs)
    const [typed, tagged, described] = specs.map((spec) => spec.id)
    sameMembers(await idsOf(scene, { text: 'needle' }), [failing, typed!, tagged!, described!])
    sameMembers(await idsOf(scene, { text: 'NEEDLE' }, 1), [failing, typed!, tagged!, described!])
    sameMembers(await idsOf(scene, { text: 'needle', states: ['failed', 'succeeded'] }), [failing])
    sameMembers(await idsOf(scene, { text: 'needle', tag: 'x' }), [tagged!])
    sameMembers(await idsOf(scene, { text: 'ä' }), [described!])
    equal(await idsOf(scene, { text: 'hay' }), [])
    equal(await idsOf(scene, { text: '%' }), [])
  },

  'a rare text is found among final tasks behind many others': async (scene) => {
    const worker = await scene.worker()
    const rare = await scene.enqueue({ metadata: { k: 'rare' } })
    await worker.end(await worker.claimOne())
    await scene.enqueueMany(2_500)
    for (let left = 2_500; left > 0; left -= 500) {
      const claims = await worker.claim(500)
      await worker.exchange({ settlements: claims.map((claim) => worker.settlement(claim, succeed())) })
    }
    equal(await idsOf(scene, { text: 'RARE', states: ['succeeded'] }, 5), [rare])
    equal(await idsOf(scene, { metadata: { k: 'rare' } }, 5), [rare])
  },

  'a rare match is found behind many others': async (scene) => {
    const rare = [await scene.enqueue({ tags: ['rare'] })]
    await scene.enqueueMany(3_000)
    rare.push(await scene.enqueue({ tags: ['rare'] }))
    sameMembers(await idsOf(scene, { tag: 'rare' }, 5), rare)
  },

  'live tasks appear once each, in pages of any size': async (scene) => {
    const ids = await scene.enqueueMany(60)
    const later = await scene.enqueueMany(10, { due: { inMs: SECOND } })
    for (const limit of [1, 7, 1_000])
      sameMembers(await idsOf(scene, { states: ['pending'] }, limit), [...ids, ...later])
  },

  'a task that matches throughout appears exactly once while others come and go': async (scene) => {
    const worker = await scene.worker()
    const stays = await scene.enqueueMany(20, { queue: 'stays' })
    await scene.enqueueMany(20)
    const meanwhile = async (): Promise<void> => {
      await scene.enqueueMany(2, { queue: 'new' })
      for (const claim of await worker.claim(1)) await worker.end(claim)
    }
    for (const filter of [{}, { states: ['pending'] }] as const) {
      const tasks = await readAll(scene, { filter, limit: 4, meanwhile })
      const ids = tasks.map((task) => task.id).filter((id) => stays.includes(id))
      sameMembers(ids, stays)
    }
  },

  'a cursor that no store gave is refused': async (scene) => {
    await scene.enqueue()
    for (const cursor of ['nonsense', '', '{}', '☃']) {
      await refused(() => scene.store.list({ filter: {}, limit: 5, cursor }), `a list from ${cursor}`)
      const target = { filter: { states: ['pending'] }, cursor } as const
      const command = { nonce: scene.nonce(), command: { kind: 'hold' }, target, tasksMax: 5 } as const
      await refused(() => scene.store.command(command), `a command from ${cursor}`)
    }
    equal(
      (await readAll(scene, { filter: {}, limit: 5 })).map(({ held }) => held),
      [false],
    )
  },

  'a list is read to its end while final tasks are added': async (scene) => {
    const worker = await scene.worker()
    const ids: TaskId[] = []
    const endOne = async (): Promise<void> => {
      ids.push(await scene.enqueue())
      await worker.end(await worker.claimOne())
      await scene.pass(SECOND)
    }
    for (let n = 0; n < 12; n++) await endOne()
    const before = [...ids].toReversed()
    const tasks = await readAll(scene, { filter: { states: ['succeeded'] }, limit: 5, meanwhile: endOne })
    equal(
      tasks.map((task) => task.id).filter((id) => before.includes(id)),
      before,
    )
  },

  'a list shows what the task shows': async (scene) => {
    const worker = await scene.worker()
    const unique = { key: 'k', while: 'live', then: 'keep' } as const
    const id = await scene.enqueue({
      needs: ['gpu'],
      tags: ['a'],
      metadata: { m: '1' },
      unique,
      timeoutMs: 9,
      startByMs: 7_000,
      deadlineMs: 9_000,
    })
    const check = async (): Promise<void> => {
      const summary = only((await scene.store.list({ filter: {}, limit: 5, cursor: null })).tasks)
      matches(await scene.look(id), summary, 'the task of the list')
    }
    await check()
    const claim = await worker.claimOne({ offers: ['gpu'] })
    await worker.settle(claim, goOn('"c"'), notes(0.5))
    await scene.cancel(id, 'r')
    await check()
    await worker.settle(claim, retry())
    await check()
  },
})
