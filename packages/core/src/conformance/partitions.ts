/** Partitions: they take turns inside a level, by their weights. */
import { cases, type ConformanceCase } from './case.ts'
import { equal, holds, sameMembers } from './expect.ts'
import { idsOf, type Worker } from './worker.ts'
import type { Scene } from './scene.ts'
import type { Claim, Lane, TaskId, TaskSpec } from '../store/records.ts'

export function laneOf(partition: string | null, changes: Partial<Lane> = {}): Lane {
  return { partition, fifo: false, limits: [], prefers: [], spillMs: 0, ...changes }
}

/** Enqueues so many tasks of each partition, those of one after those of the other. */
async function fill(
  scene: Scene,
  sizes: Readonly<Record<string, number>>,
  changes: Partial<TaskSpec> = {},
): Promise<ReadonlyMap<TaskId, string>> {
  const owners = new Map<TaskId, string>()
  for (const [partition, size] of Object.entries(sizes)) {
    const ids = await scene.enqueueMany(size, { lane: laneOf(partition), ...changes })
    for (const id of ids) owners.set(id, partition)
  }
  return owners
}

/** How many of the claims are of each partition. */
function shares(
  claims: readonly Claim[],
  owners: ReadonlyMap<TaskId, string>,
): Readonly<Record<string, number>> {
  const counts: Record<string, number> = {}
  for (const { id } of claims) {
    const owner = owners.get(id) ?? 'none'
    counts[owner] = (counts[owner] ?? 0) + 1
  }
  return counts
}

/** Claims one by one, each from where the last one ended. */
async function oneByOne(worker: Worker, times: number, quantum = 1): Promise<readonly Claim[]> {
  const claims: Claim[] = []
  let turn: string | null = null
  for (let n = 0; n < times; n++) {
    const queues = [{ queue: 'default', slots: [0, 0, 0, 0, 0] as const, tasksMax: 1 }]
    const answer = await worker.ask({ queues, tasksMax: 1, quantum, turn })
    claims.push(...answer.claims)
    turn = answer.turn
  }
  return claims
}

export const partitionCases: readonly ConformanceCase[] = cases('partitions', {
  'a claim says its partition': async (scene) => {
    const worker = await scene.worker()
    await scene.enqueue({ lane: laneOf('acme') })
    await scene.enqueue({ lane: laneOf('acme', { fifo: true, prefers: ['ssd'], spillMs: 0 }) })
    await scene.enqueue({ lane: laneOf(null, { limits: [{ name: 'api', key: 'k', cost: 1 }] }) })
    const partitions = (await worker.claim(10)).map(({ partition }) => partition ?? 'none')
    sameMembers(partitions, ['acme', 'acme', 'none'])
  },

  'a claim takes the same from each, however much one of them has': async (scene) => {
    const worker = await scene.worker()
    const owners = await fill(scene, { big: 100, small: 20, other: 20 })
    equal(shares(await worker.claim(30), owners), { big: 10, small: 10, other: 10 })
  },

  'what a partition does not have the others get': async (scene) => {
    const worker = await scene.worker()
    const owners = await fill(scene, { big: 100, small: 3 })
    equal(shares(await worker.claim(20), owners), { big: 17, small: 3 })
    equal(shares(await worker.claim(20), owners), { big: 20 })
  },

  'each partition comes in the order in which its tasks fell due': async (scene) => {
    const worker = await scene.worker()
    const owners = await fill(scene, { a: 5, b: 5 })
    const claimed = idsOf(await worker.claim(10))
    for (const partition of ['a', 'b']) {
      const own = (id: TaskId): boolean => owners.get(id) === partition
      equal(claimed.filter(own), [...owners.keys()].filter(own), `the order of ${partition}`)
    }
  },

  'turns go on where the last claim ended': async (scene) => {
    const worker = await scene.worker()
    const owners = await fill(scene, { a: 20, b: 20, c: 20, d: 20 })
    const claims = await oneByOne(worker, 40)
    for (let from = 0; from < 40; from += 4)
      equal(
        shares(claims.slice(from, from + 4), owners),
        { a: 1, b: 1, c: 1, d: 1 },
        `claims ${from} to ${from + 3}`,
      )
  },

  'a turn that a claim cuts short is finished by the next': async (scene) => {
    const worker = await scene.worker()
    const owners = await fill(scene, { a: 30, b: 30 })
    const claims = await oneByOne(worker, 24, 3)
    const order = claims.map(({ id }) => owners.get(id)!)
    for (let from = 0; from < 24; from += 3)
      equal(new Set(order.slice(from, from + 3)).size, 1, `the partitions of claims ${from} to ${from + 2}`)
    equal(shares(claims, owners), { a: 12, b: 12 })
  },

  'weights share out as they say, in large claims and small ones': async (scene) => {
    const worker = await scene.worker()
    await scene.store.configurePartition({ partition: 'heavy', weight: 3 })
    equal(await scene.store.partitions(), [{ partition: 'heavy', weight: 3 }])
    const owners = await fill(scene, { heavy: 100, light: 100 })
    equal(shares(await worker.claim(40), owners), { heavy: 30, light: 10 })
    equal(shares(await oneByOne(worker, 40), owners), { heavy: 30, light: 10 })
    await scene.store.configurePartition({ partition: 'heavy', weight: null })
    equal(await scene.store.partitions(), [])
    equal(shares(await worker.claim(20), owners), { heavy: 10, light: 10 })
  },

  'levels go before partitions, and each level has turns of its own': async (scene) => {
    const worker = await scene.worker()
    const high = await fill(scene, { a: 5 }, { level: 1 })
    const normal = await fill(scene, { a: 10, b: 10 })
    const claims = await worker.claim(11)
    equal(claims.filter(({ id }) => high.has(id)).length, 5)
    equal(
      shares(
        claims.filter(({ id }) => normal.has(id)),
        normal,
      ),
      { a: 3, b: 3 },
    )
  },

  'tasks without a partition take turns as one of their own': async (scene) => {
    const worker = await scene.worker()
    const owners = await fill(scene, { a: 20 })
    await scene.enqueueMany(20)
    equal(shares(await worker.claim(20), owners), { a: 10, none: 10 })
  },

  'a partition with tasks of several types has no more turns for that': async (scene) => {
    const worker = await scene.worker()
    const owners = new Map([
      ...(await fill(scene, { a: 20, b: 20 })),
      ...(await fill(scene, { a: 20 }, { type: 'other' })),
    ])
    const claims = await worker.claim(20, { types: ['work', 'other'] })
    equal(shares(claims, owners), { a: 10, b: 10 })
  },

  'nor has one whose tasks count under several keys': async (scene) => {
    const worker = await scene.worker()
    const owners = new Map(await fill(scene, { a: 20, b: 20 }))
    for (const key of ['x', 'y', 'z']) {
      const limits = [{ name: 'api', key, cost: 1 }]
      for (const id of await scene.enqueueMany(10, { lane: laneOf('a', { limits }) })) owners.set(id, 'a')
    }
    equal(shares(await worker.claim(20), owners), { a: 10, b: 10 })
  },

  'any text is a turn': async (scene) => {
    const worker = await scene.worker()
    await fill(scene, { a: 5, b: 5 })
    for (const turn of ['', 'x', '{}', '[[1]]', '[["2 default"]]', '\u{1f600}', 'x'.repeat(4_096)])
      equal((await worker.ask({ turn, tasksMax: 1 })).claims.length, 1, JSON.stringify(turn))
  },

  'workers that never heard of turns do not all begin with the same partition': async (scene) => {
    const worker = await scene.worker()
    const sizes = Object.fromEntries(Array.from({ length: 10 }, (_, n) => [`p${n}`, 40]))
    const owners = await fill(scene, sizes)
    const claims: Claim[] = []
    for (let n = 0; n < 40; n++) claims.push(...(await worker.claim(1)))
    const counts = Object.values(shares(claims, owners))
    holds(counts.length > 3 && Math.max(...counts) < 30, `40 first claims went to ${JSON.stringify(counts)}`)
  },

  'names of partitions are taken to the letter': async (scene) => {
    const worker = await scene.worker()
    const names = ['a', 'A', ' a', 'a ', '', '0', '\u{1f600}', 'é', 'e\u0301', 'x'.repeat(512)]
    const owners = await fill(scene, Object.fromEntries(names.map((name) => [name, 4])))
    const claims = await worker.claim(20)
    equal(shares(claims, owners), Object.fromEntries(names.map((name) => [name, 2])))
  },

  'a task keeps its partition through retries, and is shown with it': async (scene) => {
    const worker = await scene.worker()
    const lane = laneOf('a', { limits: [{ name: 'api', key: 'k', cost: 3 }] })
    const id = await scene.enqueue({ lane })
    const claim = await worker.claimOne()
    await scene.see(id, { lane })
    await worker.end(claim, { to: 'pending', count: 'failure', delayMs: 0, error: null })
    await scene.see(id, { lane })
    await worker.end(await worker.claimOne())
    await scene.see(id, { lane })
  },
})
