/** Sessions and their renewals: leases, what is lost, what is asked to stop, what went astray. */
import { cases, type ConformanceCase } from './case.ts'
import { equal, holds, matches, only, present, sameMembers } from './expect.ts'
import { HOUR, MINUTE, NO_COUNTS, SECOND, type Scene } from './scene.ts'
import { demandOf, fenceOf, giveWay, goOn, retry, succeed, type Holder, type Worker } from './worker.ts'
import type { Claim } from '../store/records.ts'

/** A worker with one claim, made by an exchange of a known nonce. */
async function claimed(scene: Scene): Promise<{ readonly worker: Worker; readonly claim: Claim }> {
  const worker = await scene.worker()
  await scene.enqueue()
  return { worker, claim: await worker.claimOne() }
}

const held = (holder: Holder): { readonly fence: ReturnType<typeof fenceOf>; readonly started: boolean } => ({
  fence: fenceOf(holder),
  started: true,
})

const lives = cases('leases', {
  'a session is shown as it was opened': async (scene) => {
    const request = scene.session({
      session: scene.id(),
      ttlMs: 20 * SECOND,
      host: 'Werkstatt ☃',
      pid: 4_242,
      queues: ['a', 'b'],
      types: ['x', 'y'],
      offers: ['gpu'],
      concurrency: 7,
    })
    const { now, session } = await scene.store.openSession(request)
    equal(session, 'alive')
    const { ttlMs, definitions, ...shown } = request
    equal(definitions, [])
    const times = { openedAt: now, since: now, expiresAt: now + ttlMs }
    equal(only(await scene.store.sessions()), { ...shown, ...times, running: 0, order: null })
  },

  'a session shows how many tasks it runs': async (scene) => {
    const [one, other] = [await scene.worker(), await scene.worker()]
    await scene.enqueueMany(5)
    const claims = await one.claim(3)
    await other.claim(2)
    await one.end(claims[0]!)
    const sessions = await scene.store.sessions()
    const running = (of: Worker): number | undefined =>
      sessions.find(({ session }) => session === of.session)?.running
    equal([running(one), running(other)], [2, 2])
  },

  'a session that opens again is shown as it is now': async (scene) => {
    const request = scene.session({ concurrency: 1, types: ['x'], offers: ['gpu'] })
    const { now: openedAt } = await scene.store.openSession(request)
    await scene.pass(SECOND)
    const changed = {
      concurrency: 20,
      state: 'draining',
      types: ['x', 'y'],
      offers: [],
      queues: ['other'],
    } as const
    const { now: since } = await scene.store.openSession({ ...request, ...changed })
    matches(only(await scene.store.sessions()), { ...changed, openedAt, since })
  },

  'a renewal extends the lease by its own time': async (scene) => {
    const worker = await scene.worker({ ttlMs: 15 * SECOND })
    await scene.pass(10 * SECOND)
    const { now, session, lost, cancelled } = await worker.renew({ ttlMs: 40 * SECOND })
    equal({ session, lost, cancelled }, { session: 'alive', lost: [], cancelled: [] })
    equal(only(await scene.store.sessions()).expiresAt, now + 40 * SECOND)
  },

  'a lease lapses at the very millisecond of its end': async (scene) => {
    const watcher = await scene.worker({ ttlMs: HOUR })
    const worker = await scene.worker({ ttlMs: 15 * SECOND })
    const sessions = await scene.store.sessions()
    const { expiresAt } = present(sessions.find(({ session }) => session === worker.session))
    await scene.passTo(expiresAt - 2)
    const { now } = await watcher.renew()
    await scene.pass(Math.max(expiresAt - now, 0))
    const late = await worker.renew()
    holds(late.now >= expiresAt, 'the clock did not come to the end of the lease')
    equal(late.session, 'dead')
  },

  'a renewal just before the end keeps the lease': async (scene) => {
    const worker = await scene.worker({ ttlMs: 15 * SECOND })
    for (let renewals = 0; renewals < 10; renewals++) {
      await scene.pass(14 * SECOND)
      equal((await worker.renew()).session, 'alive')
    }
  },

  'a lapsed lease is never revived': async (scene) => {
    const worker = await scene.worker({ ttlMs: 15 * SECOND })
    await scene.enqueue()
    const claim = await worker.claimOne()
    await scene.pass(15 * SECOND)
    equal((await worker.hold(claim)).session, 'dead')
    equal((await worker.reopen()).session, 'dead')
    equal((await worker.hold(claim)).session, 'dead')
    matches(await worker.ask(), { session: 'dead', claims: [] })
  },

  'a closed session is dead for good': async (scene) => {
    const worker = await scene.worker()
    await worker.close()
    await worker.close()
    equal([(await worker.renew()).session, (await worker.reopen()).session], ['dead', 'dead'])
  },

  'a session that never was is dead': async (scene) => {
    const { session } = await scene.store.renew({
      session: scene.id(),
      ttlMs: MINUTE,
      seq: 1,
      held: [],
      awaiting: [],
    })
    equal(session, 'dead')
    await scene.store.closeSession(scene.id())
  },

  'a dead session still settles what nobody took': async (scene) => {
    const { worker, claim } = await claimed(scene)
    await worker.close()
    await worker.end(claim)
    await scene.see(claim.id, { state: 'succeeded' })
  },

  'definitions are published with their sessions, the newest of each type': async (scene) => {
    const definition = { type: 'work', queue: 'default', level: 2, options: '{"a":1}', schema: null }
    const other = { type: 'mail', queue: 'mail', level: 0, options: '{}', schema: '{"type":"object"}' }
    await scene.worker({ definitions: [definition, other] })
    await scene.pass(SECOND)
    const changed = { ...definition, options: '{"a":2}', queue: 'elsewhere' }
    await scene.worker({ definitions: [changed] })
    const published = (await scene.store.definitions()).toSorted((a, b) => (a.type < b.type ? -1 : 1))
    equal(published, [other, changed])
  },
})

const losses = cases('leases', {
  'a renewal names the fences that are lost': async (scene) => {
    const worker = await scene.worker()
    await scene.enqueueMany(3)
    const [kept, ended, again] = await worker.claim(3)
    await worker.end(ended!)
    await worker.end(again!, retry())
    const unknown = { task: scene.id(), epoch: 1, nonce: scene.nonce() }
    const { lost } = await worker.hold(kept!, ended!, again!, unknown)
    sameMembers(
      lost.map((fence) => fence.task),
      [ended!.id, again!.id, unknown.task],
    )
    equal(present(lost.find(({ task }) => task === ended!.id)), fenceOf(ended!), 'the lost fence')
  },

  'epoch and nonce both decide whether a fence is lost': async (scene) => {
    const { worker, claim } = await claimed(scene)
    const fence = fenceOf(claim)
    const wrong = { ...fence, nonce: scene.nonce() }
    equal((await worker.hold(wrong)).lost, [wrong])
    const old = { ...fence, epoch: fence.epoch - 1 }
    equal((await worker.renew({ held: [held(old), held(fence)] })).lost, [old])
  },

  'a renewal names the tasks that are asked to stop, each time': async (scene) => {
    const worker = await scene.worker()
    await scene.enqueueMany(3)
    const [first, second, third] = await worker.claim(3)
    equal(
      [await scene.cancel(first!.id, 'enough'), await scene.cancel(second!.id)],
      ['requested', 'requested'],
    )
    for (let renewals = 0; renewals < 2; renewals++) {
      const { cancelled, lost } = await worker.hold(first!, second!, third!)
      equal(lost, [])
      sameMembers(
        cancelled.map(({ fence }) => fence.task),
        [first!.id, second!.id],
      )
      const one = present(cancelled.find(({ fence }) => fence.task === first!.id))
      equal(one, { fence: fenceOf(first!), reason: 'enough' })
      equal(cancelled.find(({ fence }) => fence.task === second!.id)?.reason, null)
    }
    await worker.end(first!, giveWay())
    equal((await worker.hold(second!, third!)).cancelled.length, 1)
  },

  'a renewal of a thousand tasks is answered': async (scene) => {
    const worker = await scene.worker()
    await scene.enqueueMany(1_000)
    const claims = await worker.claim(1_000)
    equal(claims.length, 1_000)
    equal((await worker.hold(...claims)).lost, [])
    await worker.renew({ held: claims.slice(1).map(held) })
    await worker.renew({ held: claims.slice(1).map(held) })
    await scene.see(claims[0]!.id, { state: 'pending' })
    await scene.see(claims[1]!.id, { state: 'running' })
  },
})

const strays = cases('leases', {
  'what two renewals do not list is a stray, and goes back': async (scene) => {
    const { worker, claim } = await claimed(scene)
    const { runAt } = await scene.look(claim.id)
    await worker.renew()
    await scene.see(claim.id, { state: 'running', session: worker.session })
    await worker.renew()
    await scene.see(claim.id, { state: 'pending', runAt, counters: { ...NO_COUNTS, claims: 1, returns: 1 } })
    equal((await scene.look(claim.id)).history.at(-1)?.event, 'returned')
  },

  'nobody holds the fence of a stray': async (scene) => {
    const { worker, claim } = await claimed(scene)
    await worker.renew()
    await worker.renew()
    const before = await scene.look(claim.id)
    equal(
      [await worker.settle(claim, succeed()), await worker.settle(claim, goOn('"x"'))],
      ['stale', 'stale'],
    )
    equal(await scene.look(claim.id), before)
    equal((await worker.hold(claim)).lost, [fenceOf(claim)])
  },

  'the repeat of the exchange of a stray claims anew': async (scene) => {
    const worker = await scene.worker()
    const id = await scene.enqueue()
    const nonce = scene.nonce()
    const first = only((await worker.ask({}, nonce)).claims)
    await worker.renew()
    await worker.renew()
    const second = only((await worker.exchange({ nonce, demand: demandOf(1), again: true })).claims)
    equal([second.id, second.epoch > first.epoch], [id, true])
    equal(await worker.settle(first, succeed()), 'stale')
    await worker.end(second)
  },

  'two renewals that do not list a task count only when they follow each other': async (scene) => {
    const { worker, claim } = await claimed(scene)
    for (let rounds = 0; rounds < 3; rounds++) {
      await worker.renew()
      await worker.hold(claim)
    }
    await worker.renew()
    await scene.see(claim.id, { state: 'running' })
    await worker.end(claim)
  },

  'a nonce that may still arrive protects its claims': async (scene) => {
    const { worker, claim } = await claimed(scene)
    for (let rounds = 0; rounds < 4; rounds++) await worker.renew({ awaiting: [scene.nonce(), claim.nonce] })
    await scene.see(claim.id, { state: 'running' })
    await worker.renew()
    await worker.renew({ awaiting: [claim.nonce] })
    await worker.renew()
    await scene.see(claim.id, { state: 'running' })
    await worker.renew()
    await scene.see(claim.id, { state: 'pending' })
  },

  'a claim made between two renewals was seen by one of them only': async (scene) => {
    const worker = await scene.worker()
    await worker.renew()
    await scene.enqueue()
    const claim = await worker.claimOne()
    await worker.renew()
    await scene.see(claim.id, { state: 'running' })
    await worker.renew()
    await scene.see(claim.id, { state: 'pending' })
  },

  'the repeat of a renewal extends, and counts nothing': async (scene) => {
    const { worker, claim } = await claimed(scene)
    for (let sent = 0; sent < 4; sent++) {
      const { session, now } = await worker.renew({ seq: 7, ttlMs: 2 * HOUR + sent })
      equal(session, 'alive')
      equal(only(await scene.store.sessions()).expiresAt, now + 2 * HOUR + sent)
    }
    equal((await worker.renew({ seq: 6 })).session, 'alive')
    await scene.see(claim.id, { state: 'running' })
    await worker.renew({ seq: 8 })
    await scene.see(claim.id, { state: 'pending' })
  },

  'a stray that was asked to stop is cancelled, and counts nothing': async (scene) => {
    const { worker, claim } = await claimed(scene)
    await scene.cancel(claim.id, 'enough')
    await worker.renew()
    await worker.renew()
    await scene.see(claim.id, { state: 'cancelled', counters: { ...NO_COUNTS, claims: 1 } })
    equal((await scene.look(claim.id)).cancel?.reason, 'enough')
  },

  'strays do not drag along what is listed': async (scene) => {
    const worker = await scene.worker()
    await scene.enqueueMany(10)
    const claims = await worker.claim(10)
    for (let renewals = 0; renewals < 2; renewals++) await worker.hold(...claims.slice(0, 6))
    const states = await Promise.all(claims.map(async ({ id }) => (await scene.look(id)).state))
    equal(
      states,
      claims.map((_, index) => (index < 6 ? 'running' : 'pending')),
    )
  },

  'the renewals of one session make no strays of another': async (scene) => {
    const { claim } = await claimed(scene)
    const other = await scene.worker()
    for (let renewals = 0; renewals < 3; renewals++) await other.renew()
    await scene.see(claim.id, { state: 'running' })
  },

  'a stray that expires is not claimed again': async (scene) => {
    const worker = await scene.worker()
    const id = await scene.enqueue({ startByMs: MINUTE })
    await worker.claimOne()
    await scene.pass(MINUTE)
    await worker.renew()
    await worker.renew()
    equal(await worker.claim(1), [])
    await scene.see(id, { state: 'failed', reason: 'expired' })
  },

  'the end of a stray by its request reaches its dependents': async (scene) => {
    const { worker, claim } = await claimed(scene)
    const child = await scene.enqueue({ after: [{ parent: claim.id, ifFailed: 'fail' }] })
    await scene.cancel(claim.id)
    await worker.renew()
    await worker.renew()
    await scene.deliver()
    await scene.see(child, { state: 'failed', reason: 'dependency' })
  },
})

export const leaseCases: readonly ConformanceCase[] = [...lives, ...losses, ...strays]
