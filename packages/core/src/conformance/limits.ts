/** Limits on concurrency: how much may run at once under a key. */
import { cases, type ConformanceCase } from './case.ts'
import { equal, holds, only, present } from './expect.ts'
import { laneOf } from './partitions.ts'
import { HOUR, SECOND, type Scene } from './scene.ts'
import { demandOf, fail, giveBack, idsOf, retry, snooze, succeed, type Worker } from './worker.ts'
import type { Allowance, LimitRecord } from '../store/flow.ts'
import type { Lane, TaskId, TaskSpec } from '../store/records.ts'

const UNLIMITED: Allowance = { concurrency: null, rate: null }

/** Under one key of the limit `api`. */
export function under(key: string, changes: Partial<Lane> = {}): Lane {
  return laneOf(null, { limits: [{ name: 'api', key, cost: 1 }], ...changes })
}

export async function allow(
  scene: Scene,
  name: string,
  { shutMs = null, ...allowance }: Partial<Allowance> & { readonly shutMs?: number | null },
): Promise<void> {
  const whole = { ...UNLIMITED, ...allowance }
  const request = { nonce: scene.nonce(), name, version: null, allowance: whole, shutMs, by: 'user' as const }
  equal(await scene.store.configureLimit(request), 'applied', `the limit ${name}`)
}

export async function limitNamed(scene: Scene, name: string): Promise<LimitRecord | undefined> {
  const { limits } = await scene.store.limits({ names: [name], limit: 10, cursor: null, keysMax: 100 })
  holds(limits.length <= 1, 'several limits of one name')
  return limits[0]
}

export async function used(scene: Scene, name: string, key: string): Promise<number> {
  const limit = present(await limitNamed(scene, name), `the limit ${name}`)
  return limit.keys.find((one) => one.key === key)?.used ?? 0
}

export async function counted(scene: Scene): Promise<void> {
  equal((await scene.store.recount()).mended, [], 'counts that were wrong')
}

/** Two of three tasks under a key may run. */
export async function twoOfThree(
  scene: Scene,
  changes: Partial<TaskSpec> = {},
): Promise<readonly [Worker, readonly TaskId[]]> {
  const worker = await scene.worker()
  await allow(scene, 'api', { concurrency: 2 })
  const specs = scene.specs(3, { lane: under('k'), ...changes })
  await scene.addAll(specs)
  return [worker, specs.map(({ id }) => id)]
}

const concurrent = cases('limits', {
  'so many run at once under a key, and the next when one has ended': async (scene) => {
    const [worker, [first, second, third]] = await twoOfThree(scene)
    const claims = await worker.claim(10)
    equal(idsOf(claims), [first, second])
    equal(await worker.claim(10), [])
    await worker.end(claims[0]!)
    equal(idsOf(await worker.claim(10)), [third])
    equal(await used(scene, 'api', 'k'), 2)
    await counted(scene)
  },

  'what a settlement gives back can be claimed by the same exchange': async (scene) => {
    const [worker, [, , third]] = await twoOfThree(scene)
    const [claim] = await worker.claim(10)
    const settlements = [worker.settlement(claim!, succeed())]
    equal(idsOf((await worker.exchange({ settlements, demand: demandOf(10) })).claims), [third])
  },

  'each key has slots of its own, and one that has none left holds up nobody else': async (scene) => {
    const worker = await scene.worker()
    await allow(scene, 'api', { concurrency: 1 })
    await scene.enqueueMany(50, { lane: under('full') })
    const free = await scene.enqueue({ lane: under('free') })
    const none = await scene.enqueue()
    const other = await scene.enqueue({
      lane: laneOf('p', { limits: [{ name: 'other', key: 'full', cost: 1 }] }),
    })
    const claims = idsOf(await worker.claim(100))
    equal(claims.length, 4)
    holds(
      [free, none, other].every((id) => claims.includes(id)),
      'what is under no full key was not claimed',
    )
    const late = await scene.enqueue({ lane: under('new') })
    equal(idsOf(await worker.claim(100)), [late])
  },

  'a task that counts under several keys needs room under each': async (scene) => {
    const worker = await scene.worker()
    await allow(scene, 'api', { concurrency: 2 })
    await allow(scene, 'db', { concurrency: 1 })
    const limits = [
      { name: 'api', key: 'k', cost: 1 },
      { name: 'db', key: '', cost: 1 },
    ]
    const both = laneOf(null, { limits })
    await scene.addAll(scene.specs(2, { lane: both }))
    await scene.addAll(scene.specs(2, { lane: under('k') }))
    const claims = await worker.claim(10)
    equal(claims.length, 2)
    equal([await used(scene, 'api', 'k'), await used(scene, 'db', '')], [2, 1])
    for (const claim of claims) await worker.end(claim)
    equal([await used(scene, 'api', 'k'), await used(scene, 'db', '')], [0, 0])
    equal((await worker.claim(10)).length, 2)
  },

  'a limit on a queue, or on a type, holds for all of its tasks': async (scene) => {
    const worker = await scene.worker()
    await allow(scene, 'queue:default', { concurrency: 3 })
    await allow(scene, 'type:other', { concurrency: 1 })
    await scene.enqueueMany(5)
    await scene.enqueueMany(5, { type: 'other' })
    await scene.enqueueMany(5, { queue: 'elsewhere', type: 'other' })
    const types = ['work', 'other']
    const claims = await worker.claim(20, { types })
    equal(claims.length, 3)
    const others = claims.filter(({ type }) => type === 'other')
    holds(others.length <= 1, 'more of the type than allowed')
    for (const claim of claims) await worker.end(claim)
    const queues = [{ queue: 'elsewhere', slots: [0, 0, 0, 0, 0] as const, tasksMax: 10 }]
    equal((await worker.claim(10, { types, queues })).length, 1)
  },

  'partitions and keys go together': async (scene) => {
    const worker = await scene.worker()
    await allow(scene, 'api', { concurrency: 3 })
    for (const partition of ['a', 'b', 'c']) await scene.enqueueMany(10, { lane: under('k', { partition }) })
    await scene.enqueueMany(10, { lane: laneOf('d') })
    const claims = await worker.claim(8)
    equal(claims.length, 8)
    equal(await used(scene, 'api', 'k'), 3)
  },

  'nothing may start where the limit is 0': async (scene) => {
    const worker = await scene.worker()
    await allow(scene, 'api', { concurrency: 0 })
    const id = await scene.enqueue({ lane: under('k') })
    equal(await worker.claim(1), [])
    await allow(scene, 'api', { concurrency: 1 })
    equal(idsOf(await worker.claim(1)), [id])
  },

  'while a slot is waited for nothing is in sight': async (scene) => {
    const [worker] = await twoOfThree(scene)
    await worker.claim(10)
    equal((await worker.ask()).nextInMs, null)
  },

  'names and keys are taken to the letter': async (scene) => {
    const worker = await scene.worker()
    await allow(scene, 'api', { concurrency: 1 })
    const keys = ['a', 'A', '', ' ', 'a ', '\u{1f600}', 'é', 'e\u0301', 'x'.repeat(512), 'x'.repeat(511)]
    for (const key of keys) await scene.enqueueMany(2, { lane: under(key) })
    equal((await worker.claim(100)).length, keys.length)
  },
})

const ways: Readonly<Record<string, (scene: Scene, worker: Worker, id: TaskId) => Promise<void>>> = {
  success: async (_, worker) => worker.end(await worker.claimOne()),
  failure: async (_, worker) => worker.end(await worker.claimOne(), fail()),
  'a retry': async (_, worker) => worker.end(await worker.claimOne(), retry(HOUR)),
  'a return': async (scene, worker, id) => {
    await worker.end(await worker.claimOne(), giveBack())
    await scene.cancel(id)
  },
  'a snooze': async (_, worker) => worker.end(await worker.claimOne(), snooze(HOUR)),
  'a cancel that was heeded': async (scene, worker, id) => {
    const claim = await worker.claimOne()
    await scene.cancel(id)
    await worker.end(claim, { to: 'cancelled', error: null })
  },
  'a crash': async (scene, worker) => {
    const gone = await scene.worker({ ttlMs: SECOND })
    await gone.claimOne()
    await scene.pass(2 * SECOND)
    const taken = only(await worker.reclaim())
    equal(await used(scene, 'api', 'k'), 1, 'the slots of a task that was taken over')
    equal(await worker.claim(10), [], 'what can be claimed meanwhile')
    await worker.end(taken.fence, retry(HOUR))
  },
  'being found astray': async (scene, worker, id) => {
    await worker.claimOne()
    for (let n = 0; n < 3; n++) await worker.renew()
    await scene.see(id, { state: 'pending' })
    await scene.cancel(id)
  },
}

const released = cases(
  'limits',
  Object.fromEntries(
    Object.entries(ways).map(([way, end]) => [
      `the slot is given back by ${way}`,
      async (scene: Scene) => {
        const worker = await scene.worker()
        await allow(scene, 'api', { concurrency: 1 })
        const first = await scene.enqueue({ lane: under('k') })
        const second = await scene.enqueue({ lane: under('k'), level: 4 })
        await end(scene, worker, first)
        equal(await used(scene, 'api', 'k'), 0, 'the slots that are used')
        equal(idsOf(await worker.claim(1)), [second])
        await counted(scene)
      },
    ]),
  ),
)

export const limitCases: readonly ConformanceCase[] = [...concurrent, ...released]
