/** Two clients of one home at once: whoever comes first, the answers agree with each other and with the store. */
import { cases, type ConformanceCase } from './case.ts'
import { equal, holds, only, sameMembers } from './expect.ts'
import { HOUR, persist, SECOND, type Scene } from './scene.ts'
import { crash, demandOf, fail, retry, succeed, type Worker } from './worker.ts'
import type { AddRequest, AddVerdict, GroupAnswer, Reclaimed, Store } from '../store/port.ts'
import type { Claim, TaskId, TaskSpec } from '../store/records.ts'
import type { Transition, Verdict } from '../store/settlement.ts'

const ROUNDS = 10

/** Exchanges of one worker, with the same nonce again after an error that is no last word. */
async function claim(scene: Scene, worker: Worker, tasksMax: number): Promise<readonly Claim[]> {
  const request = { nonce: scene.nonce(), again: true, demand: demandOf(tasksMax) }
  return (await persist(() => worker.exchange(request))).claims
}

async function settle(worker: Worker, holder: Claim, transition: Transition): Promise<Verdict> {
  const settlement = worker.settlement(holder, transition)
  return persist(() => worker.repeat(settlement))
}

async function reclaim(scene: Scene, worker: Worker): Promise<readonly Reclaimed[]> {
  const nonce = scene.nonce()
  return persist(() => worker.reclaim({ nonce, again: true }))
}

async function add(store: Store, request: AddRequest): Promise<GroupAnswer> {
  for (;;) {
    const answer = only(await persist(() => store.add({ ...request, again: true })))
    if (answer.outcome !== 'busy') return answer
  }
}

function request(...tasks: readonly TaskSpec[]): AddRequest {
  return { groups: [{ tasks, under: null, gate: null }], again: false }
}

/** What two clients were told about the same tasks, by name. */
function outcomes(...answers: readonly GroupAnswer[]): readonly string[] {
  return answers
    .map((answer) => (answer.outcome === 'added' ? answer.tasks[0]!.outcome : answer.outcome))
    .toSorted()
}

function addedOf(answer: GroupAnswer): readonly AddVerdict[] {
  holds(answer.outcome === 'added', `the group was not added: ${JSON.stringify(answer)}`)
  return answer.tasks
}

const enqueuing = cases('races', {
  'what one client wrote the other sees': async (scene) => {
    const other = await scene.other()
    const id = await scene.enqueue()
    equal(only(await other.get([id]))?.id, id)
    const worker = await scene.worker({}, other)
    const next = await worker.claimOne()
    equal(next.id, id)
    await scene.see(id, { state: 'running', session: worker.session })
    equal(await (await scene.worker()).settle(next, succeed()), 'applied')
    equal(only(await other.get([id]))?.state, 'succeeded')
    await other.configureQueue({ queue: 'default', paused: true })
    await scene.enqueue()
    equal(await (await scene.worker()).claim(5), [])
  },

  'one id enqueued by two clients at once is one task': async (scene) => {
    const other = await scene.other()
    for (let round = 0; round < ROUNDS; round++) {
      const spec = scene.spec()
      const answers = await Promise.all([add(scene.store, request(spec)), add(other, request(spec))])
      equal(outcomes(...answers), ['created', 'duplicate'])
    }
    equal((await (await scene.worker()).claim(100)).length, ROUNDS)
  },

  'one key wanted by two clients at once has one holder': async (scene) => {
    const other = await scene.other()
    for (let round = 0; round < ROUNDS; round++) {
      const unique = { key: `k${round}`, while: 'live', then: 'reject' } as const
      const [one, two] = scene.specs(2, { unique })
      const answers = await Promise.all([add(scene.store, request(one!)), add(other, request(two!))])
      equal(outcomes(...answers), ['created', 'rejected'])
    }
  },

  '64 producers at once of one key have one holder, and are told of it': async (scene) => {
    const other = await scene.other()
    for (const held of ['live', 'waiting', { withinMs: HOUR }] as const) {
      const unique = { key: `${JSON.stringify(held)}`, while: held, then: 'keep' } as const
      const specs = scene.specs(64, { unique })
      const answers = await Promise.all(
        specs.map((spec, n) => add(n % 2 === 0 ? scene.store : other, request(spec))),
      )
      const created = specs.filter((_, n) => only(addedOf(answers[n]!)).outcome === 'created')
      const holder = only(created).id
      for (const [n, { id }] of specs.entries()) {
        if (id === holder) continue
        const duplicate = { outcome: 'duplicate', by: { id: holder, state: 'pending' } }
        equal(only(addedOf(answers[n]!)), duplicate)
      }
    }
  },

  '64 producers at once that replace leave one, and each is replaced by one': async (scene) => {
    const other = await scene.other()
    for (const held of ['live', 'waiting', { withinMs: HOUR }] as const) {
      const unique = { key: `${JSON.stringify(held)}`, while: held, then: 'replace' } as const
      const specs = scene.specs(64, { unique, type: 'replacing' })
      const answers = await Promise.all(
        specs.map((spec, n) => add(n % 2 === 0 ? scene.store : other, request(spec))),
      )
      const verdicts = answers.map((answer) => only(addedOf(answer)))
      const previous = verdicts.flatMap((verdict) =>
        verdict.outcome === 'replaced' ? [verdict.previous] : [],
      )
      equal(verdicts.filter(({ outcome }) => outcome === 'created').length, 1, 'created')
      equal(new Set(previous).size, 63, 'replaced')
      const records = await scene.store.get(specs.map(({ id }) => id))
      const left = records.filter((record) => record?.state === 'pending').map((record) => record!.id)
      equal(previous.includes(only(left)), false, 'who is left was replaced')
    }
  },

  'a replacement against a claim: it is replaced, or it runs': async (scene) => {
    const other = await scene.other()
    const worker = await scene.worker()
    const unique = { key: 'k', while: 'live', then: 'replace' } as const
    for (let round = 0; round < ROUNDS; round++) {
      const first = await scene.enqueue({ unique })
      const second = scene.spec({ unique })
      const [claims, answer] = await Promise.all([claim(scene, worker, 1), add(other, request(second))])
      const runs = claims.some(({ id }) => id === first)
      equal(answer.outcome, runs ? 'rejected' : 'added')
      if (!runs) equal(only(addedOf(answer)), { outcome: 'replaced', previous: first })
      const mine = claims.length > 0 ? only(claims) : await worker.claimOne()
      equal(mine.id, runs ? first : second.id)
      await worker.end(mine)
    }
  },

  'a task that comes back against a newcomer: one of them holds the key': async (scene) => {
    const other = await scene.other()
    const worker = await scene.worker()
    const unique = { key: 'k', while: 'waiting', then: 'reject' } as const
    for (let round = 0; round < ROUNDS; round++) {
      const first = await scene.enqueue({ unique })
      const owned = await worker.claimOne()
      const second = scene.spec({ unique })
      const [answer] = await Promise.all([add(other, request(second)), settle(worker, owned, retry())])
      const rejected = await add(other, request(scene.spec({ unique })))
      const by = { id: answer.outcome === 'added' ? second.id : first, state: 'pending' }
      equal(rejected, { outcome: 'rejected', index: 0, rejection: { code: 'unique', key: 'k', by } })
      for (const left of await worker.claim(10)) await worker.end(left)
    }
  },

  'a dependent added while its parent ends does not wait for ever': async (scene) => {
    const other = await scene.other()
    const worker = await scene.worker()
    for (let round = 0; round < ROUNDS; round++) {
      const parent = await scene.enqueue()
      const owned = await worker.claimOne()
      equal(owned.id, parent)
      const child = scene.spec({ after: [{ parent, ifFailed: 'cancel' }] })
      const [answer] = await Promise.all([add(other, request(child)), settle(worker, owned, succeed())])
      equal(answer.outcome, 'added')
      await scene.deliver()
      await worker.end(await worker.claimOne())
      await scene.see(child.id, { state: 'succeeded' })
    }
  },
})

const claiming = cases('races', {
  'two claimers never share a task': async (scene) => {
    const workers = [await scene.worker(), await scene.worker({}, await scene.other())]
    const ids = await scene.enqueueMany(300)
    const claimed: TaskId[] = []
    await Promise.all(
      workers.map(async (worker) => {
        for (
          let claims = await claim(scene, worker, 7);
          claims.length > 0;
          claims = await claim(scene, worker, 7)
        ) {
          claimed.push(...claims.map(({ id }) => id))
        }
      }),
    )
    sameMembers(claimed, ids)
  },

  'two parents settled by two clients at once unblock their dependent once': async (scene) => {
    const [one, two] = [await scene.worker(), await scene.worker({}, await scene.other())]
    for (let round = 0; round < ROUNDS; round++) {
      const parents = await scene.enqueueMany(2)
      const child = await scene.enqueue({ after: parents.map((parent) => ({ parent, ifFailed: 'cancel' })) })
      const [first, second] = [await one.claimOne(), await two.claimOne()]
      const verdicts = await Promise.all([settle(one, first, succeed()), settle(two, second, succeed())])
      equal(verdicts, ['applied', 'applied'])
      await scene.see(child, { state: 'pending', blockers: 0 })
      const unblocked = (await scene.look(child)).history.filter(({ event }) => event === 'unblocked')
      equal(unblocked.length, 1, 'how often it was unblocked')
      await one.end(await one.claimOne())
    }
  },

  'a parent that fails while another succeeds decides its dependent': async (scene) => {
    const [one, two] = [await scene.worker(), await scene.worker({}, await scene.other())]
    for (let round = 0; round < ROUNDS; round++) {
      const parents = await scene.enqueueMany(2)
      const child = await scene.enqueue({ after: parents.map((parent) => ({ parent, ifFailed: 'fail' })) })
      const [first, second] = [await one.claimOne(), await two.claimOne()]
      await Promise.all([settle(one, first, succeed()), settle(two, second, fail())])
      await scene.deliver()
      await scene.see(child, { state: 'failed', reason: 'dependency', blockers: 0 })
    }
  },
})

interface Contest {
  readonly owner: Worker
  readonly rescuer: Worker
  readonly claim: Claim
}

/** A task whose lease has lapsed, and somebody on another client who may take it over. */
async function contest(scene: Scene, other: Store): Promise<Contest> {
  const owner = await scene.worker({ ttlMs: 15 * SECOND })
  await scene.enqueue()
  const owned = await owner.claimOne()
  await scene.pass(15 * SECOND)
  return { owner, rescuer: await scene.worker({ ttlMs: 10 * HOUR }, other), claim: owned }
}

const reclaiming = cases('races', {
  'a settlement against a take-over: one of them wins': async (scene) => {
    const other = await scene.other()
    for (const transition of [succeed(), fail(), retry(HOUR)]) {
      for (let round = 0; round < ROUNDS; round++) {
        const { owner, rescuer, claim: owned } = await contest(scene, other)
        const [verdict, taken] = await Promise.all([
          settle(owner, owned, transition),
          reclaim(scene, rescuer),
        ])
        equal(taken.length, verdict === 'applied' ? 0 : 1, `tasks taken over after ${verdict}`)
        const { state, counters } = await scene.look(owned.id)
        equal(state, verdict === 'applied' ? transition.to : 'running')
        equal(counters.crashes, 0, 'crashes')
        if (taken.length > 0) await rescuer.end(only(taken).fence, fail('crash'))
      }
    }
  },

  'a renewal against a take-over: the lease stays lapsed': async (scene) => {
    const other = await scene.other()
    for (let round = 0; round < ROUNDS; round++) {
      const { owner, rescuer, claim: owned } = await contest(scene, other)
      const [answer, taken] = await Promise.all([persist(() => owner.hold(owned)), reclaim(scene, rescuer)])
      equal([answer.session, taken.length], ['dead', 1])
      await rescuer.end(only(taken).fence, fail('crash'))
    }
  },

  'two take over at once: each task goes to one of them': async (scene) => {
    const other = await scene.other()
    const owner = await scene.worker({ ttlMs: 15 * SECOND })
    const ids = await scene.enqueueMany(50)
    await owner.claim(50)
    await scene.pass(15 * SECOND)
    const [one, two] = [await scene.worker(), await scene.worker({}, other)]
    const taken = (await Promise.all([reclaim(scene, one), reclaim(scene, two)])).flat()
    sameMembers(
      taken.map(({ fence }) => fence.task),
      ids,
    )
    for (const { fence } of taken) await one.end(fence, crash())
  },

  'a cancel against a claim: it is cancelled, or asked to stop': async (scene) => {
    const worker = await scene.worker({}, await scene.other())
    for (let round = 0; round < ROUNDS; round++) {
      const id = await scene.enqueue()
      const nonce = scene.nonce()
      const command = (): Promise<string> =>
        persist(() => scene.command({ kind: 'cancel', reason: null }, id, nonce))
      const [outcome, claims] = await Promise.all([command(), claim(scene, worker, 1)])
      const { state, cancel } = await scene.look(id)
      holds(cancel !== null, 'there is no request')
      equal(
        [outcome, state, claims.length],
        claims.length === 0 ? ['changed', 'cancelled', 0] : ['requested', 'running', 1],
      )
      for (const owned of claims) equal(await settle(worker, owned, retry()), 'cancelled')
    }
  },

  'a settlement sent by two ways at once is applied once': async (scene) => {
    const other = await scene.other()
    const worker = await scene.worker()
    const twin = await scene.worker({}, other)
    for (let round = 0; round < ROUNDS; round++) {
      const id = await scene.enqueue()
      const settlement = worker.settlement(await worker.claimOne(), retry(HOUR))
      const verdicts = await Promise.all([
        persist(() => worker.repeat(settlement)),
        persist(() => twin.repeat(settlement)),
      ])
      equal(verdicts, ['applied', 'applied'])
      equal((await scene.look(id)).counters.failures, 1, 'failures')
    }
  },
})

export const raceCases: readonly ConformanceCase[] = [...enqueuing, ...claiming, ...reclaiming]
