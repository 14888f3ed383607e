/** Lanes, partitions and keys that nobody has any more are forgotten, and many that are held back do not keep a worker busy. */
import { createClient } from '@redis/client'
import { expect, test } from 'vitest'
import { demand, exchange, group, session, spec } from '../../sqlite/test/specs.ts'
import { openHome, serverUrl, useServer, type RedisHome } from './home.ts'
import type { Allowance, Demand, ExchangeAnswer, Lane } from '@millrace/core/store'

useServer()

const HOUR_MS = 3_600_000
const NOTHING = { succeededMs: 0, cancelledMs: 0, failedMs: 0, count: 0, bytes: 0 }

function laneOf(partition: string | null, key?: string): Lane {
  const limits = key === undefined ? [] : [{ name: 'api', key, cost: 1 }]
  return { partition, fifo: false, limits, prefers: [], spillMs: 0 }
}

async function allow({ store }: RedisHome, allowance: Partial<Allowance>): Promise<void> {
  await store.configureLimit({
    nonce: '0123456789abcdef',
    name: 'api',
    version: null,
    allowance: { concurrency: null, rate: null, ...allowance },
    shutMs: null,
    by: 'user',
  })
}

async function prune({ store }: RedisHome): Promise<void> {
  while ((await store.prune({ tasksMax: 1_000, retention: NOTHING })).more);
}

/** How many entries the hash or sorted set has. */
async function sizeOf({ namespace }: RedisHome, key: string): Promise<number> {
  const client = await createClient({ url: serverUrl() }).connect()
  const name = `{mr:${namespace}}${key}`
  const isSet = (await client.type(name)) === 'zset'
  const size = isSet ? await client.zCard(name) : await client.hLen(name)
  client.destroy()
  return size
}

async function worker({ store }: RedisHome): Promise<(changes?: Partial<Demand>) => Promise<ExchangeAnswer>> {
  const mine = session({ ttlMs: 90 * 24 * HOUR_MS })
  await store.openSession(mine)
  return (changes = {}) => store.exchange(exchange(mine.session, { demand: demand(10, changes) }))
}

test('lanes that no task has any more are forgotten, and come back for who still remembers them', async () => {
  await using home = await openHome()
  const { store } = home
  const lanes = ['a', 'b', 'c'].map((partition) => laneOf(partition))
  const specs = lanes.map((lane) => spec({ lane }))
  await store.configurePartition({ partition: 'c', weight: 2 })
  await store.add({ groups: specs.map((task) => group(task)), again: false })
  const target = { ids: [specs[0]!.id, specs[2]!.id] }
  await store.command({ nonce: 'abcdefabcdefabcd', command: { kind: 'remove' }, target, tasksMax: 10 })
  await prune(home)
  expect(await sizeOf(home, '1')).toBe(3)
  await home.shiftClock(HOUR_MS)
  await prune(home)
  expect(await Promise.all(['1', '2', '3', '5'].map((key) => sizeOf(home, key)))).toEqual([1, 1, 1, 2])
  const again = spec({ lane: lanes[0]! })
  await store.add({ groups: [group(again)], again: false })
  expect((await store.get([again.id]))[0]?.lane).toEqual(lanes[0])
  const claim = await worker(home)
  expect((await claim()).claims.map(({ id }) => id).toSorted()).toEqual([again.id, specs[1]!.id].toSorted())
})

test('a schedule whose lane was forgotten fires all the same', async () => {
  await using home = await openHome()
  const { store } = home
  const before = spec({ lane: laneOf('a') })
  await store.add({ groups: [group(before)], again: false })
  await store.command({
    nonce: 'abcdefabcdefabcd',
    command: { kind: 'remove' },
    target: { ids: [before.id] },
    tasksMax: 10,
  })
  await home.shiftClock(HOUR_MS)
  await prune(home)
  expect(await sizeOf(home, '1')).toBe(0)
  const fireAt = await store.now()
  const name = 'nightly'
  await store.putSchedule({ name, ifVersion: null, plan: '{}', paused: false, nextAt: fireAt })
  const run = spec({ lane: laneOf('a') })
  const { version } = (await store.schedule(name))!
  const tick = {
    name,
    version,
    fireAt,
    nextAt: null,
    lastAt: fireAt,
    tasks: [run],
    overlap: 'allow',
  } as const
  expect(await store.tick(tick)).toMatchObject({ outcome: 'ticked' })
  const claim = await worker(home)
  expect((await claim()).claims.map(({ id }) => id)).toEqual([run.id])
  expect((await store.get([run.id]))[0]?.lane).toEqual(laneOf('a'))
})

test('keys of which nothing is used any more are forgotten', async () => {
  await using home = await openHome()
  const { store } = home
  await allow(home, { rate: { limit: 1, perMs: 1_000, burst: 1 } })
  const lanes = Array.from({ length: 10 }, (_, key) => laneOf('a', `key ${key}`))
  await store.add({ groups: lanes.map((lane) => group(spec({ lane }))), again: false })
  const claim = await worker(home)
  expect((await claim()).claims).toHaveLength(10)
  await prune(home)
  expect(await sizeOf(home, 'Fapi')).toBe(10)
  await home.shiftClock(2_000)
  await prune(home)
  expect(await sizeOf(home, 'Fapi')).toBe(0)
})

test('more lanes than a claim comes by do not hide a task, nor keep a worker asking', async () => {
  await using home = await openHome()
  const { store } = home
  await allow(home, { concurrency: 0 })
  const full = Array.from({ length: 700 }, (_, n) => spec({ lane: laneOf(`p${n}`, 'k') }))
  const free = spec({ lane: laneOf('free') })
  await store.add({ groups: [...full, free].map((task) => group(task)), again: false })
  const claim = await worker(home)
  let turn: string | null = null
  const found: string[] = []
  const waits: (number | null)[] = []
  for (let claims = 0; claims < 12; claims++) {
    const answer = await claim({ turn })
    turn = answer.turn
    found.push(...answer.claims.map(({ id }) => id))
    waits.push(answer.nextInMs)
    if (answer.nextInMs === null) break
  }
  expect(found).toEqual([free.id])
  expect(waits.at(-1)).toBe(null)
})

test.each([
  ['in as many partitions', (n: number) => `p${n}`],
  ['in one partition', () => 'a'],
  ['without a partition', () => null],
])(
  'beside a thousand full keys %s a free one is found, and then by each exchange',
  async (_, partitionOf) => {
    await using home = await openHome()
    const { store } = home
    await allow(home, { concurrency: 0 })
    const full = Array.from({ length: 1_000 }, (_, n) => spec({ lane: laneOf(partitionOf(n), `k${n}`) }))
    const limits = [{ name: 'other', key: 'k', cost: 1 }]
    const free = Array.from({ length: 50 }, () => spec({ lane: { ...laneOf(partitionOf(700)), limits } }))
    await store.add({ groups: [...full, ...free].map((task) => group(task)), again: false })
    const claim = await worker(home)
    let turn: string | null = null
    const found: string[] = []
    const waits: (number | null)[] = []
    const counts: number[] = []
    for (let claims = 0; claims < 60 && found.length < free.length; claims++) {
      const answer = await claim({ turn })
      turn = answer.turn
      found.push(...answer.claims.map(({ id }) => id))
      waits.push(answer.nextInMs)
      if (found.length > 0) counts.push(answer.claims.length)
    }
    expect(counts).toEqual([10, 10, 10, 10, 10])
    expect(new Set(waits.slice(0, -1))).toEqual(new Set([0]))
    expect(found).toEqual(free.map(({ id }) => id))
  },
)

test('a partition of many keys is drained, wherever claims begin and however small they are', async () => {
  await using home = await openHome()
  const { store } = home
  const tasks = Array.from({ length: 600 }, (_, n) => spec({ lane: laneOf(null, `k${n % 200}`) }))
  const others = Array.from({ length: 60 }, (_, n) => spec({ lane: laneOf(`p${n % 3}`) }))
  await store.add({ groups: [...tasks, ...others].map((task) => group(task)), again: false })
  const claim = await worker(home)
  let turn: string | null = null
  const found = new Set<string>()
  for (let claims = 0; claims < 400; claims++) {
    const answer = await claim({ turn, tasksMax: 1 + (claims % 7), quantum: 3 })
    turn = answer.turn
    for (const { id } of answer.claims) found.add(id)
    if (answer.nextInMs === null) break
  }
  expect(found.size).toBe(660)
})

test('nor do full keys of one priority hide what is free in another', async () => {
  await using home = await openHome()
  const { store } = home
  await allow(home, { concurrency: 0 })
  const full = Array.from({ length: 1_000 }, (_, n) => spec({ level: 0, lane: laneOf(`p${n}`, `k${n}`) }))
  const free = spec({ level: 3, lane: laneOf('free') })
  await store.add({ groups: [...full, free].map((task) => group(task)), again: false })
  const claim = await worker(home)
  expect((await claim()).claims.map(({ id }) => id)).toEqual([free.id])
})
