/** Settlements: every transition, its counters, its fence; notes and checkpoints. */
import { cases, type ConformanceCase } from './case.ts'
import { equal, matches, only } from './expect.ts'
import { MINUTE, NO_COUNTS } from './scene.ts'
import {
  crash,
  ERROR,
  fail,
  fenceOf,
  giveBack,
  giveWay,
  goOn,
  notes,
  retry,
  snooze,
  succeed,
  type Holder,
  type Worker,
} from './worker.ts'
import type { Counters, HistoryEvent, TaskRecord, TaskState } from '../store/records.ts'
import type { Transition } from '../store/settlement.ts'

/** What a transition makes of a task on its first claim. */
const TRANSITIONS: readonly (readonly [string, Transition, TaskState, Partial<Counters>, HistoryEvent])[] = [
  ['success', succeed('{"ok":true}'), 'succeeded', {}, 'succeeded'],
  ['a retryable failure', retry(1_000), 'pending', { failures: 1 }, 'retry'],
  ['a crash', crash(), 'pending', { crashes: 1 }, 'crashed'],
  [
    'an isolated crash',
    crash('isolated-crash', 1_000),
    'pending',
    { crashes: 1, isolatedCrashes: 1 },
    'crashed',
  ],
  ['a return', giveBack(), 'pending', { returns: 1 }, 'returned'],
  ['a snooze', snooze(1_000), 'pending', { snoozes: 1 }, 'snoozed'],
  ['a last failure', fail(), 'failed', { failures: 1 }, 'failed'],
  ['a last crash', fail('crash'), 'failed', { crashes: 1 }, 'failed'],
  ['a last isolated crash', fail('isolated-crash'), 'failed', { crashes: 1, isolatedCrashes: 1 }, 'failed'],
  ['a failure that counts nothing', fail('none'), 'failed', {}, 'failed'],
  ['giving way', giveWay(), 'cancelled', {}, 'cancelled'],
]

const transitions: readonly ConformanceCase[] = TRANSITIONS.flatMap(
  ([name, transition, state, counters, event]) =>
    cases('settle', {
      [`${name} ends the claim, and counts as it says`]: async (scene) => {
        const worker = await scene.worker()
        const id = await scene.enqueue()
        const claim = await worker.claimOne()
        const answer = await worker.exchange({ settlements: [worker.settlement(claim, transition)] })
        equal(answer.verdicts, ['applied'])
        const record = await scene.look(id)
        matches(record, {
          state,
          session: null,
          epoch: claim.epoch,
          counters: { ...NO_COUNTS, claims: 1, ...counters },
        })
        matches(record, {
          finishedAt: state === 'pending' ? null : answer.now,
          startedAt: claim.claimedAt,
          cancel: null,
        })
        const entry = record.history.at(-1)
        equal(entry, {
          at: answer.now,
          event,
          epoch: claim.epoch,
          session: worker.session,
          detail: entry?.detail,
        })
        if (state !== 'pending') equal(await worker.claim(1), [], 'claims after the end')
      },
    }),
)

const fields = cases('settle', {
  'success keeps the result, and lets the payload go': async (scene) => {
    const worker = await scene.worker()
    const id = await scene.enqueue()
    await worker.end(await worker.claimOne(), succeed('{"ok":true}'))
    await scene.see(id, { result: '{"ok":true}', payload: null, reason: null })
  },

  'success may be without a result': async (scene) => {
    const worker = await scene.worker()
    const id = await scene.enqueue()
    await worker.end(await worker.claimOne(), succeed(null))
    await scene.see(id, { state: 'succeeded', result: null })
  },

  'every reason of a failure is kept with its error': async (scene) => {
    const worker = await scene.worker()
    const error = {
      name: 'TypeError',
      message: 'm'.repeat(8_000),
      code: 'E_CODE',
      stack: 's\n'.repeat(4_000),
    }
    for (const reason of ['error', 'timeout', 'crashed', 'expired', 'invalid', 'dependency'] as const) {
      const id = await scene.enqueue({ payload: `"${reason}"` })
      await worker.end(await worker.claimOne(), { to: 'failed', count: 'failure', reason, error })
      await scene.see(id, { state: 'failed', reason, error, payload: `"${reason}"` })
    }
  },

  'the error of a failed attempt is kept while the task waits for the next': async (scene) => {
    const worker = await scene.worker()
    const id = await scene.enqueue()
    await worker.end(await worker.claimOne(), retry(MINUTE))
    await scene.see(id, { state: 'pending', error: ERROR })
  },

  'giving way may leave an error': async (scene) => {
    const worker = await scene.worker()
    const id = await scene.enqueue()
    await worker.end(await worker.claimOne(), { to: 'cancelled', error: ERROR })
    await scene.see(id, { state: 'cancelled', reason: null, error: ERROR })
  },

  'a checkpoint reaches the next claim': async (scene) => {
    const worker = await scene.worker()
    const id = await scene.enqueue()
    const claim = await worker.claimOne()
    await worker.end(claim, goOn('"one"'))
    await scene.see(id, { state: 'running', checkpoint: '"one"' })
    await worker.end(claim, goOn('"two"'))
    await worker.end(claim, goOn(null))
    await worker.end(claim, retry())
    await scene.see(id, { checkpoint: '"two"' })
    const next = await worker.claimOne()
    equal(next.checkpoint, '"two"')
    await worker.end(next, giveBack())
    equal((await worker.claimOne()).checkpoint, '"two"')
  },

  'settlements of one exchange have fates of their own': async (scene) => {
    const worker = await scene.worker()
    await scene.enqueueMany(4)
    const [first, second, third, fourth] = await worker.claim(4)
    await worker.end(second!)
    const strange = { ...fenceOf(fourth!), nonce: scene.nonce() }
    const answer = await worker.exchange({
      settlements: [
        worker.settlement(first!, succeed()),
        worker.settlement(second!, fail()),
        worker.settlement(third!, retry()),
        worker.settlement(strange, succeed()),
      ],
    })
    equal(answer.verdicts, ['applied', 'stale', 'applied', 'stale'])
    const states: (TaskState | undefined)[] = []
    for (const claim of [first, second, third, fourth]) states.push((await scene.look(claim!.id)).state)
    equal(states, ['succeeded', 'succeeded', 'pending', 'running'])
  },

  'a thousand settlements fit into one exchange': async (scene) => {
    const worker = await scene.worker()
    const ids = await scene.enqueueMany(1_000)
    const claims = await worker.claim(1_000)
    const settlements = claims.map((claim) => worker.settlement(claim, succeed()))
    const { verdicts } = await worker.exchange({ settlements })
    equal(
      verdicts,
      Array.from(ids, () => 'applied'),
    )
    await scene.seeAll(ids, 'succeeded')
  },
})

/** What a worker whose fence is not that of the task may try. */
const WRITES: readonly Transition[] = [
  succeed('"stale"'),
  retry(),
  crash(),
  giveBack(),
  snooze(5),
  fail(),
  giveWay(),
  goOn('"stale"'),
]

async function seeStale(worker: Worker, holder: Holder, look: () => Promise<TaskRecord>): Promise<void> {
  const before = await look()
  for (const transition of WRITES) {
    const verdict = await worker.settle(holder, transition, notes(0.5, 'stale'))
    equal(verdict, 'stale', `the verdict on ${transition.to}`)
  }
  equal(await look(), before, 'the task')
}

const fences = cases('settle', {
  'a stale fence writes nothing': async (scene) => {
    const worker = await scene.worker()
    const id = await scene.enqueue()
    const fence = fenceOf(await worker.claimOne())
    const wrong = [
      { ...fence, epoch: fence.epoch - 1 },
      { ...fence, epoch: fence.epoch + 1 },
      { ...fence, nonce: scene.nonce() },
    ]
    for (const holder of wrong) await seeStale(worker, holder, () => scene.look(id))
    await worker.end(fence)
  },

  'a nonce that differs in one digit is another one': async (scene) => {
    const worker = await scene.worker()
    const id = await scene.enqueue()
    // beyond 2^53, where numbers run out of digits
    const { claims } = await worker.ask({}, 'fffffffffffffff1')
    const fence = fenceOf(only(claims))
    for (const nonce of ['fffffffffffffff0', 'fffffffffffffff2', 'fffffffffffffff']) {
      await seeStale(worker, { ...fence, nonce }, () => scene.look(id))
    }
    await worker.end(fence)
  },

  'the fence of an earlier claim writes nothing': async (scene) => {
    const worker = await scene.worker()
    const id = await scene.enqueue()
    const old = await worker.claimOne()
    await worker.end(old, retry())
    const current = await worker.claimOne()
    await seeStale(worker, old, () => scene.look(id))
    await worker.end(current)
  },

  'a claim that has ended takes no other settlement': async (scene) => {
    const worker = await scene.worker()
    for (const transition of [succeed(), retry(MINUTE), fail(), giveWay(), giveBack()]) {
      const id = await scene.enqueue()
      const claim = await worker.claimOne()
      await worker.end(claim, transition)
      await seeStale(worker, claim, () => scene.look(id))
      await scene.cancel(id)
    }
  },

  'a task that was never claimed or never was cannot be settled': async (scene) => {
    const worker = await scene.worker()
    const id = await scene.enqueue()
    const { epoch } = await scene.look(id)
    await seeStale(worker, { task: id, epoch, nonce: scene.nonce() }, () => scene.look(id))
    equal(await worker.settle({ task: scene.id(), epoch: 1, nonce: scene.nonce() }, succeed()), 'stale')
  },

  'the fence decides, not the session that bears it': async (scene) => {
    const [owner, other] = [await scene.worker(), await scene.worker()]
    const id = await scene.enqueue()
    const claim = await owner.claimOne()
    equal(await other.settle(claim, succeed()), 'applied')
    await scene.see(id, { state: 'succeeded' })
  },
})

const noting = cases('settle', {
  'progress and logs are kept with the task': async (scene) => {
    const worker = await scene.worker()
    const id = await scene.enqueue()
    const claim = await worker.claimOne()
    const log = { at: 5, level: 'warn', message: 'odd', data: '{"a":1}' } as const
    const progress = { fraction: 0.25, message: 'a quarter' }
    equal(await worker.settle(claim, goOn(), { progress, logs: [log] }), 'applied')
    await scene.see(id, { state: 'running', progress, logs: [log] })
    equal(await worker.settle(claim, goOn(), notes(null, 'two', 'three')), 'applied')
    const record = await scene.look(id)
    equal(record.progress, progress, 'progress')
    equal(
      record.logs.map((entry) => entry.message),
      ['odd', 'two', 'three'],
    )
  },

  'the notes of the last settlement are kept too': async (scene) => {
    const worker = await scene.worker()
    for (const transition of [succeed(), fail(), giveWay(), retry(MINUTE)]) {
      const id = await scene.enqueue()
      await worker.settle(await worker.claimOne(), transition, notes(1, 'done'))
      const record = await scene.look(id)
      equal(
        record.logs.map((entry) => entry.message),
        ['done'],
        `the logs of a ${record.state} task`,
      )
    }
  },

  'logs of several attempts follow each other': async (scene) => {
    const worker = await scene.worker()
    const id = await scene.enqueue()
    await worker.settle(await worker.claimOne(), retry(), notes(null, 'first'))
    await worker.settle(await worker.claimOne(), succeed(), notes(null, 'second'))
    equal(
      (await scene.look(id)).logs.map((entry) => entry.message),
      ['first', 'second'],
    )
  },

  'the newest hundred log entries are kept': async (scene) => {
    const worker = await scene.worker()
    const id = await scene.enqueue()
    const claim = await worker.claimOne()
    const messages = Array.from({ length: 250 }, (_, n) => `line ${n}`)
    await worker.settle(claim, goOn(), notes(null, ...messages.slice(0, 130)))
    equal(
      (await scene.look(id)).logs.map((entry) => entry.message),
      messages.slice(30, 130),
    )
    await worker.settle(claim, goOn(), notes(null, ...messages.slice(130)))
    equal(
      (await scene.look(id)).logs.map((entry) => entry.message),
      messages.slice(150),
    )
  },

  'the newest hundred history entries are kept': async (scene) => {
    const worker = await scene.worker()
    const id = await scene.enqueue()
    for (let claims = 0; claims < 60; claims++) await worker.end(await worker.claimOne(), retry())
    const { history, counters } = await scene.look(id)
    equal(history.length, 100, 'the length of the history')
    equal([history.at(-2)?.event, history.at(-1)?.event], ['claimed', 'retry'])
    equal([history[0]?.event, counters.claims, counters.failures], ['claimed', 60, 60])
  },

  'checkpoints and notes make no history': async (scene) => {
    const worker = await scene.worker()
    const id = await scene.enqueue()
    const claim = await worker.claimOne()
    await worker.settle(claim, goOn('"c"'), notes(0.1, 'l'))
    equal(
      (await scene.look(id)).history.map((entry) => entry.event),
      ['enqueued', 'claimed'],
    )
  },
})

export const settleCases: readonly ConformanceCase[] = [...transitions, ...fields, ...fences, ...noting]
