/** Claims: what is claimed, by whom, how much at a time. */
import { cases, type ConformanceCase } from './case.ts'
import { equal, holds, matches, only, sameMembers } from './expect.ts'
import { HOUR, MINUTE, NO_COUNTS, SECOND } from './scene.ts'
import { crash, demandOf, giveBack, retry, succeed, idsOf } from './worker.ts'
import type { LevelSlots, QueueDemand } from '../store/port.ts'
import type { Claim, Level } from '../store/records.ts'

const LEVELS = [0, 1, 2, 3, 4] as const satisfies readonly Level[]

function fromQueue(queue: string, tasksMax: number, slots: LevelSlots = [0, 0, 0, 0, 0]): QueueDemand {
  return { queue, slots, tasksMax }
}

/** How many claims there are of each level. */
function perLevel(claims: readonly Claim[]): readonly number[] {
  return LEVELS.map((level) => claims.filter((claim) => claim.level === level).length)
}

const claiming = cases('claims', {
  'a claim carries all that is needed to run the task': async (scene) => {
    const worker = await scene.worker()
    const spec = scene.spec({
      level: 3,
      timeoutMs: 5_000,
      deadlineMs: 60_000,
      tags: ['b', 'a'],
      metadata: { customer: '42' },
      headers: { traceparent: '00-ab' },
      policy: { retry: { kind: 'delays', delaysMs: [1, 2] } },
    })
    await scene.add(spec)
    const claim = await worker.claimOne()
    const record = await scene.look(spec.id)
    const { id, type, queue, level, payload, policy, timeoutMs, tags, metadata, headers } = spec
    matches(claim, {
      id,
      type,
      queue,
      partition: null,
      level,
      payload,
      policy,
      timeoutMs,
      tags,
      metadata,
      headers,
    })
    const { enqueuedAt, epoch } = record
    matches(claim, {
      epoch,
      enqueuedAt,
      runAt: enqueuedAt,
      deadlineAt: enqueuedAt + 60_000,
      after: [],
      checkpoint: null,
    })
    equal(claim.counters, { ...NO_COUNTS, claims: 1 })
    matches(record, {
      state: 'running',
      session: worker.session,
      startedAt: claim.claimedAt,
      counters: claim.counters,
    })
  },

  'a claim raises the epoch and bears the nonce of its exchange': async (scene) => {
    const worker = await scene.worker()
    const id = await scene.enqueue()
    const before = await scene.look(id)
    const nonce = scene.nonce()
    const answer = await worker.ask({}, nonce)
    matches(only(answer.claims), { epoch: before.epoch + 1, nonce, claimedAt: answer.now })
    const entry = (await scene.look(id)).history.at(-1)
    equal(entry, {
      at: answer.now,
      event: 'claimed',
      epoch: before.epoch + 1,
      session: worker.session,
      detail: entry?.detail,
    })
  },

  'every policy comes back as it was given': async (scene) => {
    const worker = await scene.worker()
    const policies = [
      { retry: { kind: 'exponential', attempts: 5, baseMs: 1, maxMs: 2 } },
      { retry: { kind: 'fixed', attempts: 2, baseMs: 30 } },
      { retry: { kind: 'delays', delaysMs: [] } },
      { retry: { kind: 'custom', attempts: 7 } },
    ] as const
    await scene.addAll(policies.map((policy) => scene.spec({ policy })))
    equal(
      (await worker.claim(4)).map((claim) => claim.policy),
      policies,
    )
  },

  'a running task is claimed by nobody else': async (scene) => {
    const [one, other] = [await scene.worker(), await scene.worker()]
    await scene.enqueue()
    await one.claimOne()
    equal(await other.claim(10), [])
    equal(await one.claim(10), [])
  },

  'no demand claims nothing': async (scene) => {
    const worker = await scene.worker()
    await scene.enqueue()
    const answer = await worker.exchange({})
    matches(answer, { claims: [], verdicts: [], session: 'alive' })
    const bare = [{ types: [] }, { queues: [] }, { tasksMax: 0 }, { queues: [fromQueue('default', 0)] }]
    for (const demand of bare) equal((await worker.ask(demand)).claims, [], JSON.stringify(demand))
  },

  'only the named types are claimed, to the letter': async (scene) => {
    const worker = await scene.worker()
    const types = ['work', 'Work', 'work.sub', 'wor']
    const specs = types.map((type) => scene.spec({ type }))
    await scene.addAll(specs)
    equal(idsOf(await worker.claim(10, { types: ['Work', 'unheard-of'] })), [specs[1]!.id])
    sameMembers(idsOf(await worker.claim(10, { types })), [specs[0]!.id, specs[2]!.id, specs[3]!.id])
  },

  'only the named queues are served, to the letter': async (scene) => {
    const worker = await scene.worker()
    await scene.enqueue({ queue: 'Mail' })
    const id = await scene.enqueue({ queue: 'mail' })
    equal(idsOf(await worker.claim(10, { queues: [fromQueue('mail', 10), fromQueue('other', 10)] })), [id])
  },

  'a task is claimed by those who offer all it needs': async (scene) => {
    const worker = await scene.worker()
    const needs = [[], ['gpu'], ['gpu', 'ssd'], ['ssd']]
    const specs = needs.map((of) => scene.spec({ needs: of }))
    await scene.addAll(specs)
    const [plain, gpu, both, ssd] = specs.map((spec) => spec.id)
    equal(idsOf(await worker.claim(10)), [plain])
    equal(idsOf(await worker.claim(10, { offers: ['gpu', 'tape'] })), [gpu])
    equal(idsOf(await worker.claim(10, { offers: ['gp', 'tape'] })), [])
    sameMembers(idsOf(await worker.claim(10, { offers: ['ssd', 'gpu'] })), [both!, ssd!])
  },

  'held tasks are not claimed': async (scene) => {
    const worker = await scene.worker()
    const held = await scene.enqueue({ held: true })
    const free = await scene.enqueue()
    equal(idsOf(await worker.claim(10)), [free])
    await scene.see(held, { state: 'pending', held: true })
  },

  'a paused queue gives nothing until it goes on': async (scene) => {
    const worker = await scene.worker()
    const id = await scene.enqueue()
    const other = await scene.enqueue({ queue: 'other' })
    await scene.store.configureQueue({ queue: 'default', paused: true })
    const queues = [fromQueue('default', 10), fromQueue('other', 10)]
    equal(idsOf(await worker.claim(10, { queues })), [other])
    await scene.store.configureQueue({ queue: 'default', paused: false })
    equal(idsOf(await worker.claim(10, { queues })), [id])
  },

  'a paused queue still takes tasks and settlements': async (scene) => {
    const worker = await scene.worker()
    await scene.enqueue()
    const claim = await worker.claimOne()
    await scene.store.configureQueue({ queue: 'default', paused: true })
    await scene.enqueue()
    await worker.end(claim)
    equal(await worker.claim(10), [])
  },
})

const amounts = cases('claims', {
  'queues are served in the order of the demand': async (scene) => {
    const worker = await scene.worker()
    for (const queue of ['a', 'b', 'c']) await scene.enqueueMany(3, { queue })
    const demand = { queues: [fromQueue('c', 2), fromQueue('a', 5), fromQueue('b', 5)] }
    const claims = await worker.claim(6, demand)
    const counts = ['c', 'a', 'b'].map((queue) => claims.filter((claim) => claim.queue === queue).length)
    equal(counts, [2, 3, 1])
  },

  'the slots of each level are given first, then the top levels fill up': async (scene) => {
    const worker = await scene.worker()
    for (const level of LEVELS) await scene.enqueueMany(4, { level })
    const claims = await worker.claim(8, { queues: [fromQueue('default', 8, [0, 1, 0, 1, 1])] })
    equal(perLevel(claims), [4, 2, 0, 1, 1])
  },

  'the slots of an empty level go to the top': async (scene) => {
    const worker = await scene.worker()
    await scene.enqueueMany(2, { level: 1 })
    await scene.enqueueMany(9, { level: 4 })
    const claims = await worker.claim(6, { queues: [fromQueue('default', 6, [2, 1, 1, 1, 1])] })
    equal(perLevel(claims), [0, 2, 0, 0, 4])
  },

  'slots beyond what is asked for are cut from the bottom': async (scene) => {
    const worker = await scene.worker()
    for (const level of LEVELS) await scene.enqueueMany(2, { level })
    const claims = await worker.claim(3, { queues: [fromQueue('default', 3, [2, 2, 2, 2, 2])] })
    equal(perLevel(claims), [2, 1, 0, 0, 0])
  },

  'no more tasks than asked for': async (scene) => {
    const worker = await scene.worker()
    await scene.enqueueMany(5)
    await scene.enqueueMany(5, { queue: 'other' })
    const queues = [fromQueue('default', 2), fromQueue('other', 9)]
    equal((await worker.claim(6, { queues })).length, 6)
    equal((await worker.claim(9, { queues })).length, 3)
    equal((await worker.claim(9, { queues })).length, 1)
    equal((await worker.claim(9, { queues })).length, 0)
  },

  'the first task is given whatever its size': async (scene) => {
    const worker = await scene.worker()
    await scene.enqueueMany(2, { payload: 'x'.repeat(5_000) })
    equal((await worker.claim(10, { bytesMax: 10 })).length, 1)
    equal((await worker.claim(10, { bytesMax: 0 })).length, 1)
  },

  'the first task that would exceed the bytes ends the claim': async (scene) => {
    const worker = await scene.worker()
    const [first, large, small] = [1_000, 5_000, 10].map((length) =>
      scene.spec({ payload: 'x'.repeat(length) }),
    )
    await scene.add(first!, large!, small!)
    const answer = await worker.ask({ bytesMax: 2_000 })
    equal(idsOf(answer.claims), [first!.id])
    equal(answer.nextInMs, 0, 'nextInMs of an answer that was cut short')
    equal(idsOf(await worker.claim(10, { bytesMax: 5_010 })), [large!.id, small!.id])
  },

  'the bytes are counted over all queues': async (scene) => {
    const worker = await scene.worker()
    const payload = new Uint8Array(1_000)
    await scene.enqueueMany(2, { queue: 'a', payload })
    await scene.enqueueMany(2, { queue: 'b', payload })
    const demand = { queues: [fromQueue('a', 5), fromQueue('b', 5)], bytesMax: 3_000 }
    equal(
      (await worker.claim(10, demand)).map((claim) => claim.queue),
      ['a', 'a', 'b'],
    )
  },

  'what a settlement gives back can be claimed by the same exchange': async (scene) => {
    const worker = await scene.worker()
    const id = await scene.enqueue()
    const settlements = [worker.settlement(await worker.claimOne(), giveBack())]
    const answer = await worker.exchange({ settlements, demand: demandOf(1) })
    equal(answer.verdicts, ['applied'])
    equal(idsOf(answer.claims), [id])
  },
})

const leased = cases('claims', {
  'a session that never was claims nothing': async (scene) => {
    await scene.enqueue()
    const request = {
      session: scene.id(),
      nonce: scene.nonce(),
      again: false,
      settlements: [],
      demand: demandOf(5),
    }
    const answer = await scene.store.exchange(request)
    matches(answer, { session: 'dead', claims: [] })
  },

  'a session claims until its lease lapses, to the millisecond': async (scene) => {
    const worker = await scene.worker({ ttlMs: 15 * SECOND })
    const [record] = await scene.store.sessions()
    const expiresAt = record!.expiresAt
    await scene.enqueueMany(200)
    await scene.approach(expiresAt, async () => {
      const { now, session, claims } = await worker.exchange({ demand: demandOf(1) })
      equal(
        [session, claims.length],
        now < expiresAt ? ['alive', 1] : ['dead', 0],
        `at ${now - expiresAt} ms`,
      )
      return now
    })
  },

  'who was dead claims as before in a new session': async (scene) => {
    const demand = { ...demandOf(5), types: ['work'], offers: [] }
    const dead = await scene.worker()
    await dead.close()
    equal((await dead.exchange({ demand })).session, 'dead')
    const id = await scene.enqueue()
    const worker = await scene.worker()
    equal(idsOf((await worker.exchange({ demand })).claims), [id])
  },

  'a demand that stays the same takes what comes, of types that are new to the store too': async (scene) => {
    const worker = await scene.worker()
    const demand = { ...demandOf(5), types: ['work', 'mail', 'later'], offers: ['gpu'] }
    for (const changes of [
      { type: 'work' },
      { type: 'mail', needs: ['gpu'] },
      { type: 'later' },
      { needs: ['gpu'] },
    ]) {
      equal((await worker.exchange({ demand })).claims, [])
      const id = await scene.enqueue(changes)
      equal(idsOf((await worker.exchange({ demand })).claims), [id])
      const other = { ...demand, types: ['nothing'] }
      equal((await worker.exchange({ demand: other })).claims, [])
    }
  },

  'a closed session claims nothing': async (scene) => {
    const worker = await scene.worker()
    await scene.enqueue()
    await worker.close()
    matches(await worker.ask(), { session: 'dead', claims: [] })
  },

  'the settlements of a dead session count all the same': async (scene) => {
    const worker = await scene.worker({ ttlMs: 15 * SECOND })
    const ids = await scene.enqueueMany(2)
    const [first, second] = await worker.claim(2)
    await scene.pass(HOUR)
    const settlements = [worker.settlement(first!, succeed('"late"')), worker.settlement(second!, retry())]
    const answer = await worker.exchange({ settlements, demand: demandOf(5) })
    matches(answer, { session: 'dead', claims: [], verdicts: ['applied', 'applied'] })
    await scene.see(ids[0]!, { state: 'succeeded', result: '"late"' })
    await scene.see(ids[1]!, { state: 'pending' })
  },
})

const untakeable = cases('claims', {
  "a crowd of unknown tasks stands in nobody's way": async (scene) => {
    const worker = await scene.worker()
    await scene.enqueueMany(2_500, { type: 'unknown' })
    await scene.enqueueMany(1_500, { held: true })
    await scene.enqueueMany(1_500, { needs: ['gpu'] })
    const id = await scene.enqueue()
    equal(idsOf(await worker.claim(5)), [id])
  },

  'a crowd that was put on hold is met once': async (scene) => {
    const worker = await scene.worker()
    await scene.enqueueMany(1_500)
    const filter = { states: ['pending'] } as const
    const command = {
      nonce: scene.nonce(),
      command: { kind: 'hold' },
      target: { filter, cursor: null },
    } as const
    const held = await scene.store.command({ ...command, tasksMax: 1_000 })
    holds(held.cursor !== null, 'the command looked at more than it was allowed')
    await scene.store.command({ ...command, target: { filter, cursor: held.cursor }, tasksMax: 1_000 })
    const id = await scene.enqueue()
    const claims: Claim[] = []
    for (let rounds = 0; rounds < 3; rounds++) claims.push(...(await worker.claim(5)))
    equal(idsOf(claims), [id])
  },

  'a crowd that fell due ahead of a task only delays it while answers are cut short': async (scene) => {
    const worker = await scene.worker()
    await scene.enqueueMany(2_500, { type: 'unknown', due: { inMs: MINUTE } })
    const id = await scene.enqueue({ due: { inMs: MINUTE } })
    await scene.pass(MINUTE)
    const claims: Claim[] = []
    for (let rounds = 0; rounds < 5; rounds++) {
      const answer = await worker.ask()
      claims.push(...answer.claims)
      if (answer.nextInMs !== 0) break
    }
    equal(idsOf(claims), [id])
  },

  'thousands that fell due at once are claimed, each once': async (scene) => {
    const worker = await scene.worker()
    const ids = await scene.enqueueMany(2_500, { due: { inMs: MINUTE } })
    await scene.pass(MINUTE)
    const claims: Claim[] = []
    for (let rounds = 0; rounds < 10; rounds++) claims.push(...(await worker.claim(1_000)))
    sameMembers(idsOf(claims), ids)
  },

  'counters add up over many claims': async (scene) => {
    const worker = await scene.worker()
    const id = await scene.enqueue()
    for (const transition of [retry(), crash(), giveBack(), crash('isolated-crash', 0), retry()]) {
      await worker.end(await worker.claimOne(), transition)
      await scene.look(id)
    }
    const counters = { ...NO_COUNTS, claims: 6, failures: 2, crashes: 2, isolatedCrashes: 1, returns: 1 }
    equal((await worker.claimOne()).counters, counters)
  },
})

export const claimCases: readonly ConformanceCase[] = [...claiming, ...amounts, ...leased, ...untakeable]
