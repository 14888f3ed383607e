/** Commands of operators: cancel, retry, hold, release, set the level; by id and by filter. */
import { cases, type ConformanceCase } from './case.ts'
import { equal, holds, matches, sameMembers } from './expect.ts'
import { HOUR, MINUTE, NO_COUNTS, type Scene } from './scene.ts'
import { ERROR, fail, fenceOf, giveWay, goOn, retry, succeed } from './worker.ts'
import type { Command } from '../store/control.ts'
import type { TaskId } from '../store/records.ts'

const EVERY: readonly Command[] = [
  { kind: 'cancel', reason: null },
  { kind: 'retry', payload: null },
  { kind: 'remove' },
  { kind: 'hold' },
  { kind: 'release' },
  { kind: 'edit', payload: null, level: 0, runAt: null },
]

/** Asserts that exactly these commands are refused, and that a refused command changes nothing. */
async function seeRefused(scene: Scene, id: TaskId, kinds: readonly Command['kind'][]): Promise<void> {
  const before = await scene.look(id)
  for (const command of EVERY.filter(({ kind }) => kinds.includes(kind))) {
    equal(await scene.command(command, id), 'refused', `${command.kind} of a ${before.state} task`)
  }
  equal(await scene.look(id), before, 'the task')
}

const allowed = cases('control', {
  'a task that waits cannot start over': async (scene) => {
    const pending = await scene.enqueue()
    await seeRefused(scene, pending, ['retry'])
    await seeRefused(scene, await scene.enqueue({ after: [{ parent: pending, ifFailed: 'run' }] }), ['retry'])
  },

  'a running task can only be asked to stop': async (scene) => {
    const worker = await scene.worker()
    const id = await scene.enqueue()
    await worker.claimOne()
    await seeRefused(scene, id, ['retry', 'remove', 'hold', 'release', 'edit'])
  },

  'a succeeded task can only be removed': async (scene) => {
    const worker = await scene.worker()
    const id = await scene.enqueue()
    await worker.end(await worker.claimOne())
    await seeRefused(scene, id, ['cancel', 'retry', 'hold', 'release', 'edit'])
  },

  'a failed or cancelled task can only be removed or start over': async (scene) => {
    const worker = await scene.worker()
    for (const transition of [fail(), giveWay()]) {
      const id = await scene.enqueue()
      await worker.end(await worker.claimOne(), transition)
      await seeRefused(scene, id, ['cancel', 'hold', 'release', 'edit'])
    }
  },

  'an unknown id is answered as such': async (scene) => {
    for (const command of EVERY) equal(await scene.command(command, scene.id()), 'unknown', command.kind)
  },

  'a command answers id by id': async (scene) => {
    const worker = await scene.worker()
    const running = await scene.enqueue()
    await worker.claimOne()
    const waiting = await scene.enqueue()
    const ended = await scene.enqueue()
    await scene.cancel(ended)
    const ids = [ended, scene.id(), waiting, running]
    const command = { kind: 'cancel', reason: null } as const
    const answer = await scene.store.command({ nonce: scene.nonce(), command, target: { ids }, tasksMax: 10 })
    equal(answer, {
      matched: 3,
      changed: 2,
      outcomes: ['refused', 'unknown', 'changed', 'requested'],
      cursor: null,
    })
  },

  'no ids are answered': async (scene) => {
    for (const command of EVERY) {
      const answer = await scene.store.command({
        nonce: scene.nonce(),
        command,
        target: { ids: [] },
        tasksMax: 10,
      })
      equal(answer, { matched: 0, changed: 0, outcomes: [], cursor: null })
    }
  },
})

const cancelling = cases('control', {
  'a waiting task is cancelled at once': async (scene) => {
    const worker = await scene.worker()
    const parent = await scene.enqueue({ due: { inMs: HOUR } })
    const blocked = await scene.enqueue({ after: [{ parent, ifFailed: 'run' }] })
    const held = await scene.enqueue({ held: true })
    for (const id of [blocked, held, parent]) {
      const before = await scene.look(id)
      equal(await scene.cancel(id, 'not needed'), 'changed')
      const record = await scene.look(id)
      matches(record, {
        state: 'cancelled',
        reason: null,
        epoch: before.epoch + 1,
        counters: NO_COUNTS,
        blockers: 0,
      })
      equal(record.cancel, { reason: 'not needed', at: record.finishedAt }, 'the request')
      equal(record.history.at(-1)?.event, 'cancelled')
    }
    await scene.pass(HOUR)
    equal(await worker.claim(5), [])
  },

  'a running task goes on until it ends': async (scene) => {
    const worker = await scene.worker()
    const id = await scene.enqueue()
    const claim = await worker.claimOne()
    equal(await scene.cancel(id, 'enough'), 'requested')
    const record = await scene.look(id)
    matches(record, { state: 'running', epoch: claim.epoch, session: worker.session })
    equal(record.cancel?.reason, 'enough')
    equal(record.history.at(-1)?.event, 'cancel-requested')
    equal(await worker.settle(claim, goOn('"c"')), 'applied')
    equal((await scene.group([scene.spec()], { under: fenceOf(claim) })).outcome, 'added')
  },

  'the first request stands': async (scene) => {
    const worker = await scene.worker()
    const id = await scene.enqueue()
    await worker.claimOne()
    await scene.cancel(id, 'first')
    const { cancel } = await scene.look(id)
    await scene.pass(MINUTE)
    equal(await scene.cancel(id, 'second'), 'requested')
    equal((await scene.look(id)).cancel, cancel)
  },

  'success after a request is success': async (scene) => {
    const worker = await scene.worker()
    const id = await scene.enqueue()
    const claim = await worker.claimOne()
    await scene.cancel(id)
    equal(await worker.settle(claim, succeed('1')), 'applied')
    await scene.see(id, { state: 'succeeded', result: '1', counters: { ...NO_COUNTS, claims: 1 } })
  },

  'a last failure after a request is cancelled, counts nothing, and keeps its error': async (scene) => {
    const worker = await scene.worker()
    for (const [count, reason] of [
      ['failure', 'error'],
      ['failure', 'timeout'],
      ['none', 'invalid'],
    ] as const) {
      const id = await scene.enqueue()
      const claim = await worker.claimOne()
      await scene.cancel(id, 'enough')
      const settlement = worker.settlement(claim, { to: 'failed', count, reason, error: ERROR })
      equal([await worker.apply(settlement), await worker.repeat(settlement)], ['cancelled', 'cancelled'])
      const record = await scene.look(id)
      matches(record, {
        state: 'cancelled',
        reason: null,
        error: ERROR,
        counters: { ...NO_COUNTS, claims: 1 },
        session: null,
      })
      equal([record.history.at(-1)?.event, record.history.at(-1)?.detail], ['cancelled', 'enough'])
    }
  },

  'a last crash after a request is a failure': async (scene) => {
    const worker = await scene.worker()
    for (const [count, isolatedCrashes] of [
      ['crash', 0],
      ['isolated-crash', 1],
    ] as const) {
      const id = await scene.enqueue()
      const claim = await worker.claimOne()
      await scene.cancel(id)
      equal(await worker.settle(claim, { to: 'failed', count, reason: 'crashed', error: ERROR }), 'applied')
      await scene.see(id, {
        state: 'failed',
        reason: 'crashed',
        counters: { ...NO_COUNTS, claims: 1, crashes: 1, isolatedCrashes },
      })
    }
  },

  'every way back to pending ends in cancelled after a request, and counts nothing': async (scene) => {
    const worker = await scene.worker()
    for (const count of ['failure', 'crash', 'isolated-crash', 'return', 'snooze'] as const) {
      const id = await scene.enqueue()
      const claim = await worker.claimOne()
      await scene.cancel(id, 'enough')
      equal(await worker.settle(claim, { to: 'pending', count, delayMs: 5_000, error: null }), 'cancelled')
      const record = await scene.look(id)
      matches(record, {
        state: 'cancelled',
        reason: null,
        counters: { ...NO_COUNTS, claims: 1 },
        session: null,
      })
      equal(record.cancel?.reason, 'enough')
      equal(record.history.at(-1)?.event, 'cancelled')
    }
  },

  'a long reason is kept whole, and cut in the history': async (scene) => {
    const worker = await scene.worker()
    const [waiting, running] = [await scene.enqueue(), await scene.enqueue({ level: 0 })]
    await worker.claimOne()
    const reason = 'r'.repeat(500)
    await scene.cancel(waiting, reason)
    await scene.cancel(running, reason)
    for (const id of [waiting, running]) equal((await scene.look(id)).cancel?.reason, reason)
  },
})

const retrying = cases('control', {
  'a failed task starts over as if it were new': async (scene) => {
    const worker = await scene.worker()
    const id = await scene.enqueue({ payload: '"p"' })
    await worker.end(await worker.claimOne(), retry())
    const claim = await worker.claimOne()
    await worker.end(claim, goOn('"c"'))
    await worker.end(claim, fail())
    await scene.pass(MINUTE)
    const before = await scene.look(id)
    equal(await scene.restart(id), 'changed')
    const record = await scene.look(id)
    matches(record, {
      state: 'pending',
      held: false,
      reason: null,
      error: null,
      cancel: null,
      finishedAt: null,
    })
    matches(record, {
      counters: { ...NO_COUNTS, generation: 1 },
      epoch: before.epoch + 1,
      checkpoint: '"c"',
      payload: '"p"',
    })
    holds(record.runAt >= before.finishedAt! + MINUTE, 'the task is not due now')
    equal(record.history.slice(0, -1), before.history, 'the history so far')
    equal(record.history.at(-1)?.event, 'restarted')
    const next = await worker.claimOne()
    equal(
      [next.epoch, next.checkpoint, next.counters],
      [record.epoch + 1, '"c"', { ...NO_COUNTS, claims: 1, generation: 1 }],
    )
    await worker.end(next)
  },

  'a cancelled task starts over without its hold and its request': async (scene) => {
    const worker = await scene.worker()
    const id = await scene.enqueue({ held: true, due: { inMs: HOUR } })
    await scene.cancel(id, 'mistake')
    equal(await scene.restart(id), 'changed')
    await scene.see(id, { state: 'pending', held: false, cancel: null })
    const claim = await worker.claimOne()
    equal(claim.id, id)
    equal(await worker.settle(claim, retry()), 'applied')
  },

  'a retry without end raises the generation each time': async (scene) => {
    const id = await scene.enqueue()
    for (let generation = 1; generation <= 3; generation++) {
      await scene.cancel(id)
      equal(await scene.restart(id), 'changed')
      equal((await scene.look(id)).counters, { ...NO_COUNTS, generation })
    }
  },

  'another payload takes the place of the first, and of the checkpoint': async (scene) => {
    const worker = await scene.worker()
    const spec = scene.spec({ idMadeBy: 'user', payload: '"old"' })
    await scene.add(spec)
    const claim = await worker.claimOne()
    await worker.end(claim, goOn('"c"'))
    await worker.end(claim, fail())
    equal(await scene.command({ kind: 'retry', payload: '"new"' }, spec.id), 'changed')
    await scene.see(spec.id, { payload: '"new"', checkpoint: null })
    const next = await worker.claimOne()
    equal([next.payload, next.checkpoint], ['"new"', null])
    equal((await scene.group([spec])).outcome, 'added', 'a repeat with the digest of the enqueue')
    equal((await scene.group([{ ...spec, digest: 'another-digest-1' }])).outcome, 'rejected')
  },

  'the fence of the failed attempt is void after a retry': async (scene) => {
    const worker = await scene.worker()
    const id = await scene.enqueue()
    const claim = await worker.claimOne()
    await worker.end(claim, fail())
    await scene.restart(id)
    const before = await scene.look(id)
    equal(await worker.settle(claim, succeed()), 'stale')
    equal(await scene.look(id), before)
  },
})

const many = cases('control', {
  'two cancels of one task agree': async (scene) => {
    const id = await scene.enqueue()
    equal([await scene.cancel(id, 'first'), await scene.cancel(id, 'second')], ['changed', 'refused'])
    equal((await scene.look(id)).cancel?.reason, 'first')
  },

  'a command over ids does what it does to many': async (scene) => {
    const ids = await scene.enqueueMany(1_000)
    const command = { kind: 'cancel', reason: null } as const
    const answer = await scene.store.command({
      nonce: scene.nonce(),
      command,
      target: { ids },
      tasksMax: 1_000,
    })
    equal([answer.matched, answer.changed, answer.cursor], [1_000, 1_000, null])
    sameMembers([...new Set(answer.outcomes)], ['changed'])
    await scene.seeAll(ids, 'cancelled')
  },
})

export const controlCases: readonly ConformanceCase[] = [...allowed, ...cancelling, ...retrying, ...many]
