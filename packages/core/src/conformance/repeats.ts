/** Requests whose answer never came are repeated: nothing happens twice. */
import { cases, type ConformanceCase } from './case.ts'
import { equal, matches, only, sameMembers } from './expect.ts'
import { NO_COUNTS } from './scene.ts'
import {
  crash,
  demandOf,
  fail,
  fenceOf,
  giveBack,
  giveWay,
  goOn,
  idsOf,
  notes,
  retry,
  snooze,
  succeed,
} from './worker.ts'
import type { Transition } from '../store/settlement.ts'

const enqueues = cases('repeats', {
  'a first request that comes after its own repeat finds what that did': async (scene) => {
    const worker = await scene.worker()
    const [spec, other] = scene.specs(2)
    await scene.addGroups([{ tasks: [spec!] }], true)
    await worker.end(await worker.claimOne())
    await scene.addGroups([{ tasks: [other!] }], true)
    await scene.cancel(other!.id)
    const verdicts = await scene.add(spec!, other!)
    const by = [
      { id: spec!.id, state: 'succeeded' },
      { id: other!.id, state: 'cancelled' },
    ]
    equal(
      verdicts,
      by.map((task) => ({ outcome: 'duplicate', by: task })),
    )
    equal(await worker.claim(5), [])
  },
})

const claims = cases('repeats', {
  'a repeated exchange answers the same claims': async (scene) => {
    const worker = await scene.worker()
    await scene.enqueueMany(10, { payload: '"p"', headers: { h: '1' } })
    const nonce = scene.nonce()
    const demand = demandOf(4)
    const first = await worker.exchange({ nonce, demand })
    const second = await worker.exchange({ nonce, demand, again: true })
    const inOrder = (answer: typeof first): unknown =>
      answer.claims.toSorted((a, b) => (a.id < b.id ? -1 : 1))
    equal(first.claims.length, 4)
    equal(inOrder(second), inOrder(first))
    equal((await worker.claim(10)).length, 6, 'what was left')
  },

  'a repeated exchange answers what still runs of its claims': async (scene) => {
    const worker = await scene.worker()
    await scene.enqueueMany(10)
    const nonce = scene.nonce()
    const { claims: first } = await worker.ask({ tasksMax: 3 }, nonce)
    equal(first.length, 3)
    await worker.end(first[0]!)
    await worker.end(first[1]!, retry())
    const { claims: second } = await worker.exchange({ nonce, demand: demandOf(3), again: true })
    equal(second.map(fenceOf), [fenceOf(first[2]!)])
  },

  'a repeated exchange whose claims have all ended claims anew': async (scene) => {
    const worker = await scene.worker()
    await scene.enqueueMany(2)
    const nonce = scene.nonce()
    const demand = demandOf(1)
    const first = only((await worker.exchange({ nonce, demand })).claims)
    await worker.end(first)
    const second = only((await worker.exchange({ nonce, demand, again: true })).claims)
    equal(second.nonce, nonce)
    equal(first.id === second.id, false, 'the same task')
  },

  'a repeated exchange that claimed nothing may claim': async (scene) => {
    const worker = await scene.worker()
    const nonce = scene.nonce()
    const demand = demandOf(1)
    equal((await worker.exchange({ nonce, demand })).claims, [])
    const id = await scene.enqueue()
    equal(idsOf((await worker.exchange({ nonce, demand, again: true })).claims), [id])
  },

  'a repeated exchange settles once and answers its claims': async (scene) => {
    const worker = await scene.worker()
    await scene.enqueueMany(2)
    const claim = await worker.claimOne()
    const request = {
      nonce: scene.nonce(),
      settlements: [worker.settlement(claim, succeed('1'))],
      demand: demandOf(1),
    }
    const first = await worker.exchange(request)
    const second = await worker.exchange({ ...request, again: true })
    equal([first.verdicts, second.verdicts], [['applied'], ['applied']])
    equal(second.claims, first.claims)
    equal(first.claims.length, 1)
  },

  'a task that an exchange gave back and claimed again counts once': async (scene) => {
    const worker = await scene.worker()
    const id = await scene.enqueue()
    let latest = await worker.claimOne()
    for (const transition of [giveBack(), retry(), crash('crash', 0)]) {
      const settlements = [worker.settlement(latest, transition)]
      const request = { nonce: scene.nonce(), settlements, demand: demandOf(1) }
      const first = await worker.exchange(request)
      const second = await worker.exchange({ ...request, again: true })
      equal([first.verdicts, second.verdicts], [['applied'], ['applied']])
      equal(second.claims, first.claims)
      latest = only(first.claims)
    }
    await scene.see(id, { counters: { ...NO_COUNTS, claims: 4, returns: 1, failures: 1, crashes: 1 } })
  },

  'a reply that is lost for good frees its tasks within two renewals': async (scene) => {
    const [unlucky, other] = [await scene.worker(), await scene.worker()]
    const ids = await scene.enqueueMany(3)
    await unlucky.ask()
    await unlucky.renew()
    equal(await other.claim(5), [], 'claims after one renewal')
    await unlucky.renew()
    sameMembers(
      (await other.claim(5)).map((claim) => claim.id),
      ids,
    )
    for (const id of ids) await scene.see(id, { counters: { ...NO_COUNTS, claims: 2, returns: 1 } })
  },
})

/** Transitions, and the verdict on their repeat. */
const SETTLEMENTS: readonly (readonly [string, Transition])[] = [
  ['success', succeed('"r"')],
  ['failure', fail()],
  ['giving way', giveWay()],
  ['a retry', retry(60_000)],
  ['a retry that is due at once', retry(0)],
  ['a crash', crash()],
  ['a snooze', snooze(60_000)],
  ['a return', giveBack()],
  ['going on', goOn('"c"')],
]

const settlements: readonly ConformanceCase[] = SETTLEMENTS.flatMap(([name, transition]) =>
  cases('repeats', {
    [`the repeat of ${name} is applied, and writes nothing`]: async (scene) => {
      const worker = await scene.worker()
      const id = await scene.enqueue()
      const settlement = worker.settlement(await worker.claimOne(), transition, notes(0.5, 'once'))
      equal(await worker.apply(settlement), 'applied')
      const before = await scene.look(id)
      await scene.pass(1_000)
      equal(await worker.repeat(settlement), 'applied', 'the verdict on the repeat')
      equal(await scene.look(id), before, 'the task')
      equal(before.logs.length, 1, 'log entries')
    },
  }),
)

const verdicts = cases('repeats', {
  'a settlement that a cancel request turned answers so again': async (scene) => {
    const worker = await scene.worker()
    const id = await scene.enqueue()
    const claim = await worker.claimOne()
    await scene.cancel(id)
    const settlement = worker.settlement(claim, retry())
    equal([await worker.apply(settlement), await worker.repeat(settlement)], ['cancelled', 'cancelled'])
    await scene.see(id, { state: 'cancelled', counters: { ...NO_COUNTS, claims: 1 } })
  },

  'notes are numbered: the next ones count, the same ones do not': async (scene) => {
    const worker = await scene.worker()
    const id = await scene.enqueue()
    const claim = await worker.claimOne()
    for (const line of ['one', 'two', 'three']) {
      const settlement = worker.settlement(claim, goOn(), notes(null, line))
      for (let sent = 0; sent < 3; sent++) equal(await worker.repeat(settlement), 'applied')
    }
    equal(
      (await scene.look(id)).logs.map((entry) => entry.message),
      ['one', 'two', 'three'],
    )
    await worker.end(claim)
  },

  'the first settlement of the next claim is no repeat': async (scene) => {
    const worker = await scene.worker()
    const id = await scene.enqueue()
    await worker.end(await worker.claimOne(), retry())
    const next = worker.settlement(await worker.claimOne(), retry())
    equal(next.seq, 1)
    equal(await worker.apply(next), 'applied')
    matches((await scene.look(id)).counters, { claims: 2, failures: 2 })
  },

  'the repeat of an old settlement never touches the next claim': async (scene) => {
    const worker = await scene.worker()
    const id = await scene.enqueue()
    const old = worker.settlement(await worker.claimOne(), retry())
    await worker.apply(old)
    const claim = await worker.claimOne()
    const before = await scene.look(id)
    await worker.repeat(old)
    equal(await scene.look(id), before, 'the task')
    await worker.end(claim)
    const ended = await scene.look(id)
    equal(await worker.repeat(old), 'stale', 'the verdict after another outcome')
    equal(await scene.look(id), ended, 'the task')
  },

  'a late copy of a settlement before the last writes nothing, and is stale once the claim has ended': async (
    scene,
  ) => {
    const worker = await scene.worker()
    for (const transition of [succeed('1'), retry(60_000), fail(), giveWay()]) {
      const id = await scene.enqueue()
      const claim = await worker.claimOne()
      const early = worker.settlement(claim, goOn('"one"'))
      await worker.apply(early)
      await worker.end(claim, goOn('"two"'))
      const before = await scene.look(id)
      equal(await worker.repeat(early), 'applied', 'the verdict while the claim runs')
      equal(await scene.look(id), before, 'the task')
      await worker.end(claim, transition)
      const ended = await scene.look(id)
      equal(await worker.repeat(early), 'stale', `the verdict after ${transition.to}`)
      equal(await scene.look(id), ended, 'the task')
    }
  },

  'the repeat of a settlement of a task that started over writes nothing': async (scene) => {
    const worker = await scene.worker()
    const id = await scene.enqueue()
    const settlement = worker.settlement(await worker.claimOne(), fail())
    await worker.apply(settlement)
    await scene.restart(id)
    const before = await scene.look(id)
    await worker.repeat(settlement)
    equal(await scene.look(id), before, 'the task')
  },

  'the repeat of a settlement of a removed task is stale': async (scene) => {
    const worker = await scene.worker()
    const id = await scene.enqueue()
    const claim = await worker.claimOne()
    await worker.end(claim)
    await scene.remove(id)
    equal(await worker.settle(claim, fail()), 'stale')
    await scene.gone(id)
  },

  'a session that opens twice begins its lease anew': async (scene) => {
    const worker = await scene.worker({ ttlMs: 15_000 })
    const id = await scene.enqueue()
    await worker.claimOne()
    await scene.pass(10_000)
    const { session, now } = await worker.reopen()
    equal(session, 'alive')
    equal(only(await scene.store.sessions()).expiresAt, now + 15_000)
    await scene.see(id, { state: 'running', session: worker.session })
  },
})

export const repeatCases: readonly ConformanceCase[] = [...enqueues, ...claims, ...settlements, ...verdicts]
