/** What claims of partitions and under limits cost, and what is left of lanes that nobody uses. */
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { demand, exchange, group, session, spec, succeeded } from './specs.ts'
import { Rooms } from './rooms.ts'
import { waitingRoutes } from '../src/waiting-routes.ts'
import { DUE_SINCE } from '../src/statements/lanes.ts'
import type {
  Claim,
  Demand,
  ExchangeAnswer,
  Lane,
  LimitSettings,
  Settlement,
  TaskSpec,
  WaitingRoute,
} from '@millrace/core/store'

let rooms: Rooms
let worker: string
beforeEach(async () => {
  rooms = await Rooms.open()
  const request = session()
  worker = request.session
  await rooms.write('openSession', request)
})
afterEach(() => rooms.close())

function lane(partition: string | null, key?: string): Lane {
  return {
    partition,
    fifo: false,
    limits: key === undefined ? [] : [{ name: 'api', key, cost: 1 }],
    prefers: [],
    spillMs: 0,
  }
}

async function fill(count: number, changes: (index: number) => Partial<TaskSpec>): Promise<void> {
  const groups = Array.from({ length: count }, (_, index) => group(spec(changes(index))))
  for (let from = 0; from < count; from += 1_000) await rooms.add(groups.slice(from, from + 1_000))
}

async function allow(concurrency: number): Promise<void> {
  const allowance = { concurrency, rate: null }
  const nonce = String(concurrency).padStart(16, '0')
  const limit: LimitSettings = { nonce, name: 'api', version: null, allowance, shutMs: null, by: 'user' }
  await rooms.write('configureLimit', limit)
}

function ask(most: number, changes: Partial<Demand> = {}): Promise<ExchangeAnswer> {
  return rooms.exchange(exchange(worker, { demand: demand(most, changes) }))
}

function end(claims: readonly Claim[]): Promise<ExchangeAnswer> {
  return rooms.exchange(exchange(worker, { settlements: claims.map(succeeded) }))
}

/** Asks again as long as it is told to, as workers do. */
async function askOn(most: number): Promise<{ readonly claims: readonly Claim[]; readonly asked: number }> {
  let turn: string | null = null
  for (let asked = 1; asked <= 50; asked++) {
    const answer = await ask(most, { turn })
    if (answer.claims.length > 0 || answer.nextInMs !== 0) return { claims: answer.claims, asked }
    turn = answer.turn
  }
  throw new Error('it never ends')
}

function rowsOf(table: string): number {
  return rooms.home.database.get<[number]>(`SELECT count(*) FROM ${table}`)![0]
}

const PRUNE = {
  tasksMax: 10_000,
  retention: { succeededMs: 0, failedMs: 0, cancelledMs: 0, count: null, bytes: null },
}

describe('a claim', () => {
  test('of a hundred partitions reads the first of each, and no more', async () => {
    await fill(1_000, (index) => ({ lane: lane(`p${index % 500}`) }))
    rooms.statements.length = 0
    const { claims } = await ask(100)
    expect(claims).toHaveLength(100)
    // a hop to each, and leaving it
    expect(rooms.statements.length).toBeLessThanOrEqual(2 * 100 + 25)
  })

  test('reads no more when thousands are held back under a full key', async () => {
    await allow(0)
    await fill(1, () => ({ lane: lane(null, 'full') }))
    await fill(20, () => ({}))
    rooms.statements.length = 0
    await ask(10)
    const few = rooms.statements.length
    await fill(2_000, () => ({ lane: lane(null, 'full') }))
    await fill(10, () => ({}))
    rooms.statements.length = 0
    expect((await ask(10)).claims).toHaveLength(10)
    expect(rooms.statements.length).toBeLessThanOrEqual(few)
  })

  test('reads one due time of what waits for a better worker, and none where nobody prefers any', async () => {
    const picky: Lane = { ...lane('p'), prefers: ['gpu'], spillMs: 60_000 }
    await fill(100, (index) => ({ lane: lane(`p${index}`) }))
    rooms.statements.length = 0
    await ask(10)
    const looks = (): number => rooms.statements.filter((sql) => sql === DUE_SINCE).length
    expect(looks()).toBe(0)
    await fill(1_000, () => ({ lane: picky }))
    rooms.statements.length = 0
    const { claims, nextInMs } = await ask(200)
    expect(claims).toHaveLength(90)
    expect(nextInMs).toBeGreaterThan(50_000)
    expect(looks()).toBe(1)
    expect((await ask(200, { offers: ['gpu'] })).claims).toHaveLength(200)
    rooms.home.clock.shift(60_000)
    expect((await ask(900)).claims).toHaveLength(800)
  })

  test('leaves those of a lane that fell due later to better workers for their own time', async () => {
    const picky: Lane = { ...lane('p'), prefers: ['gpu'], spillMs: 60_000 }
    await fill(2, () => ({ lane: picky }))
    rooms.home.clock.shift(20_000)
    await fill(2, () => ({ lane: picky }))
    rooms.home.clock.shift(40_000)
    const answer = await ask(4)
    expect(answer.claims).toHaveLength(2)
    expect(answer.nextInMs).toBeGreaterThan(19_000)
    expect((await ask(4, { offers: ['gpu'] })).claims).toHaveLength(2)
  })

  test('goes on behind the lanes that the last one came by, until all of them were', async () => {
    await allow(1)
    await fill(1_000, (index) => ({ lane: lane(`p${index}`, 'full') }))
    expect((await askOn(1)).claims).toHaveLength(1)
    const { claims, asked } = await askOn(1)
    expect(claims).toEqual([])
    expect(asked).toBeGreaterThanOrEqual(5)
    expect(asked).toBeLessThanOrEqual(7)
    await fill(1, () => ({ lane: lane('one more') }))
    expect((await askOn(1)).claims).toHaveLength(1)
  })

  test('comes by what stands in one partition under many keys', async () => {
    await allow(1)
    await fill(1_000, (index) => ({ lane: lane(null, `k${index}`) }))
    const first = await askOn(10)
    expect(first.claims).toHaveLength(10)
    const all = [...first.claims]
    for (let claims = first.claims; claims.length > 0; all.push(...claims)) ({ claims } = await askOn(100))
    expect(new Set(all.map(({ id }) => id)).size).toBe(1_000)
  })

  test('leaves hops to the lower levels when those above are full of what is held back', async () => {
    await allow(0)
    await fill(500, (index) => ({ level: 0, lane: lane(`p${index}`, 'full') }))
    await fill(1, () => ({ level: 4, lane: lane('free') }))
    expect((await ask(1)).claims).toHaveLength(1)
  })

  test('takes as much as bytes allow, and counts no more than that', async () => {
    await allow(100)
    await fill(10, (index) => ({
      lane: lane(`p${index % 2}`, 'k'),
      payload: JSON.stringify('x'.repeat(998)),
    }))
    const { claims } = await ask(10, { bytesMax: 3_500 })
    expect(claims).toHaveLength(3)
    expect(await rooms.write('recount', undefined)).toEqual({ keys: 1, mended: [] })
  })

  test('ends what is over by the way, and counts none of it', async () => {
    await allow(2)
    await fill(3, () => ({ lane: lane('p', 'k'), startByMs: 1 }))
    await fill(3, () => ({ lane: lane('p', 'k') }))
    rooms.home.clock.shift(10)
    const { claims } = await ask(10)
    expect(claims).toHaveLength(2)
    expect(await rooms.write('recount', undefined)).toEqual({ keys: 1, mended: [] })
    expect(rowsOf('tasks WHERE state = 5')).toBe(3)
  })
})

describe('what is counted', () => {
  test('is given back by whatever way a claim ends: with others under other keys, alone, or without counting', async () => {
    await allow(50)
    await fill(60, (index) => ({ lane: index % 3 === 0 ? null : lane('p', `k${index % 3}`) }))
    await fill(1, () => ({ lane: lane('p', 'k1'), tags: ['texts'] }))
    const { claims } = await ask(100)
    expect(claims).toHaveLength(61)
    const used = (): unknown => rooms.home.database.all('SELECT name, used FROM usages ORDER BY name')
    expect(used()).toEqual([
      ['k1', 21],
      ['k2', 20],
    ])
    await end(claims.slice(0, 30))
    expect(await rooms.write('recount', undefined)).toEqual({ keys: 2, mended: [] })
    const error = { name: 'Error', message: 'no', code: null, stack: null }
    const failed = claims.slice(30, 40).map((claim): Settlement => ({
      ...succeeded(claim),
      transition: { to: 'failed', count: 'failure', reason: 'error', error },
    }))
    await rooms.exchange(exchange(worker, { settlements: failed }))
    expect(await rooms.write('recount', undefined)).toEqual({ keys: 2, mended: [] })
    await end(claims.slice(40))
    expect(used()).toEqual([
      ['k1', 0],
      ['k2', 0],
    ])
  })

  test('a last failure shuts a key as a repeated one does', async () => {
    await fill(2, () => ({ lane: lane('p', 'k') }))
    const { claims } = await ask(1)
    const error = { name: 'Error', message: 'no', code: null, stack: null }
    const shut = { name: 'api', key: 'k', ms: 1_000 }
    const transition = { to: 'failed', count: 'failure', reason: 'error', error, shut } as const
    const answer = await rooms.exchange(
      exchange(worker, { settlements: [{ ...succeeded(claims[0]!), transition }], demand: demand(1) }),
    )
    expect([answer.verdicts, answer.claims, answer.nextInMs]).toEqual([['applied'], [], 1_000])
    rooms.home.clock.shift(1_000)
    expect((await ask(1)).claims).toHaveLength(1)
  })
})

describe('recount', () => {
  test('mends what does not agree', async () => {
    await allow(5)
    await fill(3, () => ({ lane: lane(null, 'k') }))
    await ask(10)
    rooms.home.database.run('UPDATE usages SET used = 7')
    const mended = [{ name: 'api', key: 'k', was: 7, is: 3 }]
    expect(await rooms.write('recount', undefined)).toEqual({ keys: 1, mended })
    expect(await rooms.write('recount', undefined)).toEqual({ keys: 1, mended: [] })
  })
})

describe('what nobody uses any more', () => {
  test('is forgotten: lanes, partitions and keys', async () => {
    await allow(1)
    await rooms.write('configurePartition', { partition: 'kept', weight: 2 })
    await fill(2_500, (index) => ({ lane: lane(`p${index}`, `k${index}`) }))
    const { claims } = await ask(100)
    await end(claims)
    expect([rowsOf('lanes'), rowsOf('partitions'), rowsOf('usages')]).toEqual([2_500, 2_501, 100])
    await rooms.write('prune', PRUNE)
    expect(rowsOf('usages')).toBe(0)
    for (let left = await ask(1_000); left.claims.length > 0; left = await ask(1_000)) await end(left.claims)
    for (let looks = 0; looks < 12; looks++) await rooms.write('prune', PRUNE)
    expect([rowsOf('lanes'), rowsOf('partitions'), rowsOf('usages')]).toEqual([0, 1, 0])
    await fill(1, () => ({ lane: lane('p1', 'k1') }))
    expect((await ask(1)).claims).toHaveLength(1)
  })

  test('stays as long as a task bears it', async () => {
    await fill(2, (index) => ({ lane: lane(`p${index}`) }))
    await end((await ask(1)).claims)
    await rooms.write('prune', PRUNE)
    await rooms.write('prune', PRUNE)
    expect([rowsOf('tasks'), rowsOf('lanes'), rowsOf('partitions')]).toEqual([1, 1, 1])
  })
})

test('what waits is told by a look at each route and level, however much stands there', async () => {
  const types = ['a', 'b', 'c']
  const look = (): readonly WaitingRoute[] => rooms.transactions.read((pass) => waitingRoutes(pass)) as never
  await fill(3_000, (index) => ({ type: types[index % 3]!, lane: lane(`p${index}`) }))
  await fill(10, () => ({ type: 'd', due: { inMs: 1 } }))
  await fill(10, () => ({ type: 'e', due: { inMs: 1_000 } }))
  rooms.home.clock.shift(1)
  rooms.statements.length = 0
  const found = look()
  expect(rooms.statements.length).toBeLessThanOrEqual(12)
  expect(found.map(({ type }) => type).toSorted()).toEqual([...types, 'd'])
})

test('without lanes and limits nothing is written about them', async () => {
  await fill(100, () => ({}))
  await end((await ask(100)).claims)
  for (const table of ['lanes', 'partitions', 'limits', 'usages', 'series']) expect(rowsOf(table)).toBe(0)
})
