/** Partitions of more lanes than one claim comes by: none of them starves, and nobody waits for them. */
import { expect, test } from 'vitest'
import { openHome, withServer } from './home.ts'
import { demand, exchange, group, session, spec, succeeded } from '../../sqlite/test/specs.ts'
import type { Claim, Lane, TaskSpec } from '@millrace/core/store'
import type { PostgresStore } from '../src/index.ts'

withServer()

/** By so many lanes a claim comes at most. */
const LANES_MAX = 200

const SMALL: Lane = { partition: 'small', fifo: false, limits: [], prefers: [], spillMs: 0 }

function underKey(key: string): Lane {
  return { ...SMALL, partition: 'large', limits: [{ name: 'api', key, cost: 1 }] }
}

function oneOfEach(keys: number): readonly TaskSpec[] {
  return Array.from({ length: keys }, (_, key) => spec({ lane: underKey(`k${key}`) }))
}

function small(tasks: number): readonly TaskSpec[] {
  return Array.from({ length: tasks }, () => spec({ lane: SMALL }))
}

async function add(store: PostgresStore, specs: readonly TaskSpec[]): Promise<void> {
  await store.add({ groups: specs.map((one) => group(one)), again: false })
}

type Work = (tasksMax: number) => Promise<readonly Claim[]>

/** Goes on with the turns as it was told; what it has claimed ends with its next claim, if it ends anything. */
async function worker(store: PostgresStore, ending: 'ends' | 'ends nothing' = 'ends'): Promise<Work> {
  const { session: id } = session()
  await store.openSession(session({ session: id }))
  let turn: string | null = null
  let done: readonly Claim[] = []
  return async (tasksMax) => {
    const settlements = done.map(succeeded)
    const answer = await store.exchange(exchange(id, { settlements, demand: demand(tasksMax, { turn }) }))
    turn = answer.turn
    done = ending === 'ends' ? answer.claims : []
    return answer.claims
  }
}

/** One task runs and one waits under each of so many keys, and no other may start. */
async function allFull(store: PostgresStore, keys: number): Promise<void> {
  const allowance = { concurrency: 1, rate: null }
  const limit = { name: 'api', version: null, allowance, shutMs: null, by: 'user' } as const
  await store.configureLimit({ ...limit, nonce: '0123456789abcdef' })
  await add(store, oneOfEach(keys))
  const work = await worker(store, 'ends nothing')
  let running = 0
  for (let claims = 0; claims <= keys / LANES_MAX; claims++) running += (await work(keys)).length
  expect(running).toBe(keys)
  await add(store, oneOfEach(keys))
}

test('one free key among a thousand that are full is found by the time that all were passed', async () => {
  await using home = await openHome()
  const { store } = home
  await allFull(store, 1_000)
  const free = spec({ lane: underKey('free') })
  await add(store, [free])
  const work = await worker(store)
  const found: Claim[] = []
  for (let claims = 0; claims <= 1_000 / LANES_MAX + 1; claims++) found.push(...(await work(10)))
  expect(found.map(({ id }) => id)).toEqual([free.id])
})

test('full keys of one partition take nothing from another, nor does that keep the free one waiting for ever', async () => {
  await using home = await openHome()
  const { store } = home
  await allFull(store, 300)
  const free = spec({ lane: underKey('free') })
  await add(store, [free, ...small(999)])
  const work = await worker(store)
  const found: Claim[] = []
  for (let claims = 1; claims <= 99; claims++) {
    found.push(...(await work(10)))
    expect(found).toHaveLength(10 * claims)
  }
  expect(found.map(({ id }) => id)).toContain(free.id)
})

test('a partition with a task in each of a thousand lanes has the share of another', async () => {
  await using home = await openHome()
  const { store } = home
  await add(store, oneOfEach(1_000))
  const others = small(1_000)
  await add(store, others)
  const isOther = new Set(others.map(({ id }) => id))
  const work = await worker(store)
  const found: Claim[] = []
  for (let claims = 0; claims < 20; claims++) found.push(...(await work(50)))
  const share = found.filter(({ id }) => isOther.has(id)).length / found.length
  expect(found.length).toBeGreaterThan(900)
  expect(share).toBeGreaterThan(0.45)
  expect(share).toBeLessThan(0.55)
})

test('who claims one task at a time comes by each of forty lanes that always have something', async () => {
  await using home = await openHome()
  const { store } = home
  const keyOf = new Map<string, string>()
  for (let rounds = 0; rounds < 25; rounds++) {
    const specs = oneOfEach(40)
    for (const { id, lane } of specs) keyOf.set(id, lane!.limits[0]!.key)
    await add(store, specs)
  }
  await add(store, small(1_000))
  const work = await worker(store)
  const keys = new Set<string>()
  for (let claims = 0; claims < 200; claims++) {
    for (const { id } of await work(1)) if (keyOf.has(id)) keys.add(keyOf.get(id)!)
  }
  expect(keys.size).toBe(40)
})
