/** Unique keys that are held while their tasks wait: the claim takes them away. */
import { cases, type ConformanceCase } from './case.ts'
import { equal, only } from './expect.ts'
import { HOUR, MINUTE, type Scene } from './scene.ts'
import { crash, demandOf, giveBack, retry, snooze, succeed } from './worker.ts'
import type { TaskId, TaskSpec, UniqueSpec } from '../store/records.ts'
import type { Transition } from '../store/settlement.ts'

const WAITING: UniqueSpec = { key: 'k', while: 'waiting', then: 'keep' }
const REJECTED: UniqueSpec = { ...WAITING, then: 'reject' }

/** Asserts who holds the key `k`. */
async function seeHolder(scene: Scene, holder: TaskId): Promise<void> {
  const { state } = await scene.look(holder)
  const by = { id: holder, state }
  const rejection = { code: 'unique', key: 'k', by } as const
  const answer = await scene.group([scene.spec({ unique: REJECTED })])
  equal(answer, { outcome: 'rejected', index: 0, rejection }, 'a newcomer')
}

async function enqueue(scene: Scene, changes: Partial<TaskSpec> = {}): Promise<TaskId> {
  return scene.enqueue({ unique: REJECTED, ...changes })
}

const holding = cases('unique while waiting', {
  'a task holds its key while it is blocked, scheduled, held or behind a gate': async (scene) => {
    const parent = await scene.enqueue({ held: true })
    const blocked = await enqueue(scene, { after: [{ parent, ifFailed: 'run' }] })
    await seeHolder(scene, blocked)
    await scene.remove(parent)
    await scene.deliver()
    await scene.see(blocked, { state: 'pending', uniqueKey: 'k' })
    await scene.command({ kind: 'hold' }, blocked)
    await seeHolder(scene, blocked)
    await scene.cancel(blocked)
    const scheduled = await enqueue(scene, { due: { inMs: HOUR } })
    await seeHolder(scene, scheduled)
    await scene.remove(scheduled)
    const behind = scene.spec({ unique: WAITING })
    await scene.addAll([behind], { gate: scene.id() })
    await seeHolder(scene, behind.id)
  },

  'a claim frees the key': async (scene) => {
    const worker = await scene.worker()
    const first = await enqueue(scene)
    equal((await worker.claimOne()).id, first)
    const second = await enqueue(scene)
    await seeHolder(scene, second)
    await scene.see(first, { state: 'running', uniqueKey: 'k' })
  },

  'a claim of many frees the keys of those that have any': async (scene) => {
    const worker = await scene.worker()
    const keys = ['a', 'b', 'c']
    const specs = keys.flatMap((key) => [scene.spec(), scene.spec({ unique: { ...REJECTED, key } })])
    await scene.addAll(specs)
    equal((await worker.claim(10)).length, specs.length)
    for (const key of keys) await scene.enqueue({ unique: { ...REJECTED, key } })
  },

  'what ends before it was claimed frees the key': async (scene) => {
    await scene.cancel(await enqueue(scene))
    await scene.remove(await enqueue(scene))
    await enqueue(scene, { startByMs: MINUTE })
    await scene.pass(MINUTE)
    await scene.sweep()
    await enqueue(scene)
  },

  'the end of a task that was claimed leaves the key to who has it': async (scene) => {
    const worker = await scene.worker()
    await enqueue(scene)
    const claim = await worker.claimOne()
    const second = await enqueue(scene)
    await worker.end(claim)
    await seeHolder(scene, second)
    equal(await scene.remove(claim.id), 'changed')
    await seeHolder(scene, second)
  },

  'keys held by living and by waiting are of one name space': async (scene) => {
    const worker = await scene.worker()
    const waiting = await enqueue(scene)
    const live = { unique: { ...REJECTED, while: 'live' } } as const
    const by = { id: waiting, state: 'pending' } as const
    const rejection = { code: 'unique', key: 'k', by } as const
    equal(await scene.group([scene.spec(live)]), { outcome: 'rejected', index: 0, rejection })
    const claim = await worker.claimOne()
    const living = await scene.enqueue(live)
    await worker.end(claim, retry())
    await scene.see(waiting, { state: 'pending', uniqueKey: 'k' })
    await seeHolder(scene, living)
  },
})

/** Ways back to pending. */
const WAYS: readonly (readonly [string, Transition])[] = [
  ['a retry', retry()],
  ['a retry after a while', retry(HOUR)],
  ['a crash', crash()],
  ['a return', giveBack()],
  ['a snooze', snooze(0)],
]

const returning: readonly ConformanceCase[] = WAYS.flatMap(([way, transition]) =>
  cases('unique while waiting', {
    [`${way} takes the key again if it is free`]: async (scene) => {
      const worker = await scene.worker()
      const holder = await enqueue(scene)
      await worker.end(await worker.claimOne(), transition)
      await seeHolder(scene, holder)
    },

    [`${way} leaves the key to who has it, and goes on without it`]: async (scene) => {
      const worker = await scene.worker()
      const first = await enqueue(scene)
      const claim = await worker.claimOne()
      const second = await enqueue(scene, { held: true })
      await worker.end(claim, transition)
      await scene.see(first, { state: 'pending' })
      await seeHolder(scene, second)
      await scene.remove(second)
      // it does not look for the key again
      const third = await enqueue(scene, { held: true })
      await scene.pass(HOUR)
      const later = await scene.worker()
      await later.end(await later.claimOne(), succeed())
      await seeHolder(scene, third)
    },
  }),
)

const borders = cases('unique while waiting', {
  'a stray that comes back takes the key again if it is free': async (scene) => {
    const worker = await scene.worker()
    const holder = await enqueue(scene)
    await worker.claimOne()
    await worker.renew()
    await worker.renew()
    await scene.see(holder, { state: 'pending' })
    await seeHolder(scene, holder)
  },

  'a take-over does not concern the key, the end of it does': async (scene) => {
    const worker = await scene.worker({ ttlMs: MINUTE })
    await enqueue(scene)
    await worker.claimOne()
    await scene.pass(MINUTE)
    const heir = await scene.worker()
    const [taken] = await heir.reclaim()
    const second = await enqueue(scene)
    await heir.end(taken!.fence, crash())
    await seeHolder(scene, second)
  },

  'a task that starts over takes the key if it is free, and is never refused': async (scene) => {
    const worker = await scene.worker()
    const first = await enqueue(scene)
    await scene.cancel(first)
    equal(await scene.restart(first), 'changed')
    await seeHolder(scene, first)
    await scene.cancel(first)
    const second = await enqueue(scene)
    equal(await scene.restart(first), 'changed')
    await seeHolder(scene, second)
    equal((await worker.claim(10)).length, 2)
    await enqueue(scene)
  },

  'of several that come back at once one takes the key': async (scene) => {
    const worker = await scene.worker()
    await enqueue(scene)
    const first = await worker.claimOne()
    await enqueue(scene)
    const second = await worker.claimOne()
    const answer = await worker.exchange({
      settlements: [worker.settlement(first, retry()), worker.settlement(second, retry())],
    })
    equal(answer.verdicts, ['applied', 'applied'])
    await seeHolder(scene, first.id)
    const third = scene.spec({ unique: WAITING })
    equal(only(await scene.add(third)), { outcome: 'duplicate', by: { id: first.id, state: 'pending' } })
  },

  'who comes back takes the key of whom the same exchange ends, in whatever order': async (scene) => {
    for (const order of ['behind', 'before'] as const) {
      const worker = await scene.worker()
      const first = await enqueue(scene)
      const returning = await worker.claimOne()
      await scene.enqueue({ unique: { ...REJECTED, while: 'live' } })
      const ending = await worker.claimOne()
      const settlements = [worker.settlement(ending, succeed()), worker.settlement(returning, retry())]
      await worker.exchange({ settlements: order === 'behind' ? settlements : settlements.toReversed() })
      await seeHolder(scene, first)
      await worker.end(await worker.claimOne())
    }
  },

  'a claim that comes in the exchange of a return frees the key that it took': async (scene) => {
    const worker = await scene.worker()
    const holder = await enqueue(scene)
    const claim = await worker.claimOne()
    const answer = await worker.exchange({
      settlements: [worker.settlement(claim, retry())],
      demand: demandOf(1),
    })
    equal(
      answer.claims.map(({ id }) => id),
      [holder],
    )
    await enqueue(scene)
  },
})

export const uniqueWaitingCases: readonly ConformanceCase[] = [...holding, ...returning, ...borders]
