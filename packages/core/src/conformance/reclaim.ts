/** Taking over tasks that nobody looks after: causes, re-checks, and who may write. */
import { cases, type ConformanceCase } from './case.ts'
import { equal, holds, matches, only, sameMembers } from './expect.ts'
import { HOUR, MINUTE, NO_COUNTS, SECOND, type Scene } from './scene.ts'
import { crash, ERROR, fenceOf, giveBack, giveWay, goOn, retry, succeed, type Worker } from './worker.ts'
import type { Reclaimed } from '../store/port.ts'
import type { Claim, Fence, TaskSpec } from '../store/records.ts'

export const TTL: number = 15 * SECOND
const GRACE = 10 * SECOND

export interface Plot {
  /** Claimed the task; its lease is short. */
  readonly owner: Worker
  /** Two others, whose leases are long. */
  readonly rescuer: Worker
  readonly second: Worker
  readonly claim: Claim
}

export async function plot(
  scene: Scene,
  changes: Partial<TaskSpec> = {},
  ttlMs: number = TTL,
): Promise<Plot> {
  const owner = await scene.worker({ ttlMs })
  const [rescuer, second] = [
    await scene.worker({ ttlMs: 24 * HOUR }),
    await scene.worker({ ttlMs: 24 * HOUR }),
  ]
  await scene.enqueue(changes)
  return { owner, rescuer, second, claim: await owner.claimOne() }
}

/** Asserts that a task is taken over from a certain time on, and no moment before. */
async function takenAt(
  scene: Scene,
  rescuer: Worker,
  { at, cause }: { readonly at: number; readonly cause: Reclaimed['cause'] },
): Promise<Fence> {
  const taken: Reclaimed[] = []
  await scene.approach(at, async () => {
    const before = await scene.now()
    taken.push(...(await rescuer.reclaim({ graceMs: GRACE })))
    const after = await scene.now()
    if (taken.length === 0) holds(before < at, `by ${cause} it was not taken over ${before - at} ms late`)
    else holds(after >= at, `by ${cause} it was taken over ${at - after} ms early`)
    return taken.length === 0 ? before : at
  })
  const { fence, cause: found } = only(taken, 'what was taken over')
  equal(found, cause)
  return fence
}

const lapsed = cases('reclaim', {
  'a task whose lease lapsed is taken over, under a new fence': async (scene) => {
    const { owner, rescuer, claim } = await plot(scene)
    await scene.pass(TTL)
    const nonce = scene.nonce()
    const taken = only(await rescuer.reclaim({ nonce, graceMs: HOUR }))
    const { id, type, policy, counters } = claim
    const fence = { task: id, epoch: claim.epoch + 1, nonce }
    equal(taken, { fence, type, policy, counters, cause: 'lapsed', from: owner.session })
    const record = await scene.look(id)
    matches(record, {
      state: 'running',
      epoch: fence.epoch,
      session: rescuer.session,
      counters,
      startedAt: claim.claimedAt,
    })
    matches(record.history.at(-1)!, { event: 'reclaimed', epoch: fence.epoch })
  },

  'the old fence is void after a take-over': async (scene) => {
    const { owner, rescuer, claim } = await plot(scene)
    await scene.pass(TTL)
    const taken = only(await rescuer.reclaim())
    const before = await scene.look(claim.id)
    for (const transition of [succeed('"late"'), retry(), goOn('"late"'), giveBack()]) {
      equal(await owner.settle(claim, transition), 'stale')
    }
    equal(await scene.group([scene.spec()], { under: fenceOf(claim) }), { outcome: 'stale' })
    equal(await scene.look(claim.id), before)
    await rescuer.end(taken.fence, crash())
    await scene.see(claim.id, { state: 'pending', counters: { ...NO_COUNTS, claims: 1, crashes: 1 } })
  },

  'a lease is not lapsed a moment before its end': async (scene) => {
    const { rescuer, claim } = await plot(scene)
    await scene.pass(TTL - SECOND)
    equal(await rescuer.reclaim(), [])
    await scene.pass(SECOND)
    equal(only(await rescuer.reclaim()).fence.task, claim.id)
  },

  'what a closed session held lapses at once': async (scene) => {
    const { owner, rescuer, claim } = await plot(scene)
    await owner.close()
    const taken = only(await rescuer.reclaim({ graceMs: HOUR }))
    equal([taken.fence.task, taken.cause, taken.from], [claim.id, 'lapsed', owner.session])
  },

  'a renewed lease protects its tasks': async (scene) => {
    const { owner, rescuer, claim } = await plot(scene)
    await scene.pass(TTL - SECOND)
    await owner.hold(claim)
    await scene.pass(TTL - SECOND)
    equal(await rescuer.reclaim(), [])
    await owner.end(claim)
  },

  'a settled task is not taken over': async (scene) => {
    const { owner, rescuer, claim } = await plot(scene)
    await scene.pass(TTL)
    await owner.end(claim)
    equal(await rescuer.reclaim(), [])
    await scene.see(claim.id, { state: 'succeeded' })
  },

  'a task that went back and was claimed by a living session is not taken over': async (scene) => {
    const { owner, rescuer, second, claim } = await plot(scene)
    await owner.end(claim, retry())
    const next = await second.claimOne()
    await scene.pass(TTL)
    equal(await rescuer.reclaim(), [])
    await second.end(next)
  },

  'no more tasks are taken over than asked for': async (scene) => {
    const owner = await scene.worker({ ttlMs: TTL })
    const rescuer = await scene.worker()
    const ids = await scene.enqueueMany(5)
    await owner.claim(5)
    await scene.pass(TTL)
    const [first, second, third] = [
      await rescuer.reclaim({ tasksMax: 2 }),
      await rescuer.reclaim({ tasksMax: 2 }),
      await rescuer.reclaim({ tasksMax: 2 }),
    ]
    equal([first.length, second.length, third.length], [2, 2, 1])
    sameMembers(
      [...first, ...second, ...third].map(({ fence }) => fence.task),
      ids,
    )
  },

  'a dead session takes nothing over': async (scene) => {
    const { owner, second } = await plot(scene)
    await scene.pass(TTL)
    await second.close()
    const request = { nonce: scene.nonce(), again: false, tasksMax: 10, graceMs: 0 }
    const dead = { session: 'dead', tasks: [] }
    for (const session of [owner.session, second.session, scene.id()]) {
      equal(await scene.store.reclaim({ ...request, session }), dead)
    }
  },

  'with nothing to take over the answer is empty': async (scene) => {
    const worker = await scene.worker()
    await scene.enqueueMany(3)
    equal(await worker.reclaim(), [])
  },
})

const causes = cases('reclaim', {
  'a time limit counts from the first renewal that says started': async (scene) => {
    const { owner, rescuer, claim } = await plot(scene, { timeoutMs: MINUTE }, 24 * HOUR)
    const fence = fenceOf(claim)
    await owner.renew({ held: [{ fence, started: false }] })
    await scene.pass(HOUR)
    await owner.renew({ held: [{ fence, started: false }] })
    equal(await rescuer.reclaim({ graceMs: GRACE }), [], 'before it started')
    await owner.renew({ held: [{ fence, started: true }] })
    await scene.pass(MINUTE)
    await owner.renew({ held: [{ fence, started: true }] })
    equal(await rescuer.reclaim({ graceMs: GRACE }), [], 'within the grace')
    await scene.pass(GRACE - SECOND)
    equal(await rescuer.reclaim({ graceMs: GRACE }), [], 'at the end of the grace')
    await scene.pass(2 * SECOND)
    matches(only(await rescuer.reclaim({ graceMs: GRACE })), { cause: 'timeout', from: owner.session })
  },

  'each attempt has its own time': async (scene) => {
    const { owner, rescuer, claim } = await plot(scene, { timeoutMs: MINUTE }, 24 * HOUR)
    await owner.hold(claim)
    await scene.pass(MINUTE - SECOND)
    await owner.end(claim, retry())
    const next = await owner.claimOne()
    await scene.pass(HOUR)
    equal(await rescuer.reclaim(), [], 'before the second attempt started')
    await owner.hold(next)
    await scene.pass(MINUTE + SECOND)
    equal(only(await rescuer.reclaim()).cause, 'timeout')
  },

  'a task without a time limit runs as long as it likes': async (scene) => {
    const { owner, rescuer, claim } = await plot(scene, {}, 24 * HOUR)
    await owner.hold(claim)
    await scene.pass(20 * HOUR)
    equal(await rescuer.reclaim(), [])
  },

  'a cancel request is given its grace': async (scene) => {
    const { owner, rescuer, claim } = await plot(scene, {}, 24 * HOUR)
    await scene.cancel(claim.id)
    await scene.pass(GRACE - SECOND)
    equal(await rescuer.reclaim({ graceMs: GRACE }), [])
    await scene.pass(2 * SECOND)
    const taken = only(await rescuer.reclaim({ graceMs: GRACE }))
    equal([taken.cause, taken.from], ['cancel', owner.session])
    equal(await owner.settle(claim, succeed()), 'stale')
    await rescuer.end(taken.fence, giveWay())
    await scene.see(claim.id, { state: 'cancelled', counters: { ...NO_COUNTS, claims: 1 } })
  },

  'the deadline is given its grace': async (scene) => {
    const { owner, rescuer, claim } = await plot(scene, { deadlineMs: HOUR }, 24 * HOUR)
    await scene.passTo(claim.deadlineAt! + GRACE - SECOND)
    equal(await rescuer.reclaim({ graceMs: GRACE }), [])
    await scene.pass(2 * SECOND)
    const taken = only(await rescuer.reclaim({ graceMs: GRACE }))
    equal([taken.cause, taken.from], ['deadline', owner.session])
    await rescuer.end(taken.fence, { to: 'failed', count: 'none', reason: 'timeout', error: ERROR })
    await scene.see(claim.id, { state: 'failed', reason: 'timeout', counters: { ...NO_COUNTS, claims: 1 } })
  },

  'the grace is over at the very millisecond of its end': async (scene) => {
    const limits: readonly (readonly [Reclaimed['cause'], Partial<TaskSpec>])[] = [
      ['deadline', { deadlineMs: MINUTE }],
      ['timeout', { timeoutMs: MINUTE }],
      ['cancel', {}],
    ]
    for (const [cause, changes] of limits) {
      const { owner, rescuer, claim } = await plot(scene, changes, 24 * HOUR)
      const { now } = await owner.hold(claim)
      if (cause === 'cancel') await scene.cancel(claim.id)
      const { deadlineAt, cancel } = await scene.look(claim.id)
      const over = deadlineAt ?? cancel?.at ?? now + MINUTE
      const fence = await takenAt(scene, rescuer, { at: over + GRACE, cause })
      await rescuer.end(fence, giveWay())
    }
  },

  'of several causes the first counts: deadline, cancel, lapsed, timeout': async (scene) => {
    const owner = await scene.worker({ ttlMs: 2 * HOUR })
    const rescuer = await scene.worker({ ttlMs: 24 * HOUR })
    const limits = { timeoutMs: SECOND, deadlineMs: HOUR }
    await scene.addAll([
      scene.spec({ tags: ['deadline'], ...limits }),
      scene.spec({ tags: ['cancel'], timeoutMs: SECOND }),
      scene.spec({ tags: ['lapsed'], timeoutMs: SECOND }),
    ])
    const claims = await owner.claim(3)
    await owner.hold(...claims)
    await scene.cancel(claims[0]!.id)
    await scene.cancel(claims[1]!.id)
    await scene.pass(HOUR + SECOND)
    await owner.close()
    const taken = await rescuer.reclaim({ graceMs: 0 })
    equal(taken.length, 3)
    for (const { id, tags } of claims) {
      equal(taken.find(({ fence }) => fence.task === id)?.cause, tags[0], 'the cause')
    }
  },

  'a cause that is still within its grace gives way to the next': async (scene) => {
    const { owner, rescuer, claim } = await plot(scene, { deadlineMs: MINUTE })
    await scene.cancel(claim.id)
    await scene.pass(2 * MINUTE)
    equal(await rescuer.reclaim({ graceMs: HOUR }).then((taken) => only(taken).cause), 'lapsed')
    equal(await owner.settle(claim, succeed()), 'stale')
  },

  'a cancel request does not put off a take-over that is due': async (scene) => {
    const { owner, rescuer, claim } = await plot(scene, { timeoutMs: MINUTE }, 24 * HOUR)
    await owner.hold(claim)
    await scene.pass(HOUR)
    await scene.cancel(claim.id)
    equal(only(await rescuer.reclaim({ graceMs: GRACE })).cause, 'timeout')
  },
})

export const reclaimCases: readonly ConformanceCase[] = [...lapsed, ...causes]
