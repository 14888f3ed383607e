/** Lease: kept up by renewals, distrusted in time by either clock. */
import { expect, test } from 'vitest'
import { Connection } from '../../src/client/connection.ts'
import { Lease } from '../../src/worker/lease.ts'
import { StoreError } from '../../src/index.ts'
import { jumpy, silent, World, type Line } from './world.ts'

const TTL = 15_000
const away = new StoreError('store-unavailable', 'away', { effect: 'unknown' })

interface Bench {
  readonly world: World
  readonly line: Line
  readonly lease: Lease
  readonly platform: ReturnType<typeof jumpy>
  readonly events: string[]
}

async function opened(ttlMs: number = TTL): Promise<Bench> {
  const world = new World()
  const line = world.line()
  const platform = jumpy(world.time.platform())
  const events: string[] = []
  const note = (what: string) => (): void => void events.push(`${what} ${world.time.nowMs}`)
  const lease = new Lease({
    connection: new Connection({ store: line.store, platform, logger: silent, storeTimeoutMs: 15_000 }),
    ttlMs,
    maxBlockMs: 60_000,
    profile: {
      host: 'h',
      pid: 1,
      queues: ['default'],
      types: ['job'],
      offers: [],
      concurrency: 1,
      state: 'running',
      definitions: [],
    },
    holdings: () => ({ held: [], awaiting: [] }),
    renewed: () => undefined,
    lapsed: note('lapsed'),
    opened: note('opened'),
    failed: note('failed'),
  })
  await lease.open()
  return { world, line, lease, platform, events }
}

test('it is renewed every third of its time, with growing numbers', async () => {
  const { world, line, lease, events } = await opened()
  await world.time.advance(60_000)
  expect(line.requests('renew').map(({ seq }) => seq)).toEqual(Array.from({ length: 12 }, (_, n) => n + 1))
  expect(events).toEqual(['opened 0'])
  expect(lease.session).not.toBeNull()
  await lease.close()
  expect(line.count('closeSession')).toBe(1)
  await world.time.advance(60_000)
  expect(line.count('renew')).toBe(12)
})

test.each(['fail', 'hang'])('renewals that %s: it is lost in time, and a new one is opened', async (how) => {
  const { world, line, lease, events } = await opened()
  await world.time.advance(5_000)
  const { session } = lease
  line.keep('renew', () => (how === 'hang' ? new Promise(() => undefined) : Promise.reject(away)))
  line.keep('openSession', () => Promise.reject(away))
  // nobody has to ask for it
  await world.time.advance(TTL * 0.9 - 1)
  expect(events.filter((event) => event.startsWith('lapsed'))).toEqual([])
  await world.time.advance(1)
  expect(events.filter((event) => event.startsWith('lapsed'))).toEqual([`lapsed ${5_000 + TTL * 0.9}`])
  expect(lease.session).toBeNull()
  line.free('renew')
  line.free('openSession')
  await world.time.advance(5_000)
  expect(lease.session).not.toBeNull()
  expect(lease.session).not.toBe(session)
  await world.time.advance(60_000)
  expect(events.filter((event) => event.startsWith('lapsed')).length).toBe(1)
})

test('a short lease is lost in time, too, whatever the tries take', async () => {
  const { world, line, lease, events } = await opened(1_000)
  line.keep('renew', async () => {
    await world.sleep(400)
    throw away
  })
  await world.time.advance(899)
  expect(lease.session).not.toBeNull()
  await world.time.advance(1)
  expect(events).toContain('lapsed 900')
})

test('time that passed only on the wall clock counts, as after a sleep of the machine', async () => {
  const { world, lease, platform, events } = await opened()
  await world.time.advance(100)
  platform.jumpMs = 3_600_000
  expect(lease.session).toBeNull()
  expect(events).toEqual(['opened 0', 'lapsed 100'])
  await world.time.advance(1)
  expect(events).toEqual(['opened 0', 'lapsed 100', 'opened 100'])
})

test('nobody asks after the machine slept: the next beat notices', async () => {
  const { world, platform, events } = await opened()
  platform.jumpMs = 3_600_000
  await world.time.advance(TTL / 3)
  expect(events).toEqual(['opened 0', 'lapsed 5000', 'opened 5000'])
})

test('a wall clock that goes back does not stretch it', async () => {
  const { world, line, platform, events } = await opened()
  line.keep('renew', () => Promise.reject(away))
  line.keep('openSession', () => Promise.reject(away))
  platform.jumpMs = -3_600_000
  await world.time.advance(TTL)
  expect(events).toContain(`lapsed ${TTL * 0.9}`)
})

test('trust counts from the start of a renewal, not from its answer', async () => {
  const { world, line, events } = await opened()
  line.keep('renew', async (pass) => {
    const answer = await pass()
    await world.sleep(4_000)
    return answer
  })
  await world.time.advance(9_500) // sent at 5 000, answered at 9 000
  line.keep('renew', () => Promise.reject(away))
  await world.time.advance(20_000)
  expect(events.filter((event) => event.startsWith('lapsed'))).toEqual([`lapsed ${5_000 + TTL * 0.9}`])
})

test('a store that says dead is believed: one new session, not two', async () => {
  const { world, line, lease, events } = await opened()
  await world.store.closeSession(lease.session!)
  await world.time.advance(5_000)
  expect(events).toEqual(['opened 0', 'lapsed 5000', 'opened 5000'])
  await world.time.advance(20_000)
  expect(line.count('openSession')).toBe(2)
  expect(await world.store.sessions()).toHaveLength(1)
})

test('lost while a renewal is under way: the next session does not wait for it', async () => {
  const { world, line, lease, events } = await opened()
  line.keep('renew', async (pass) => {
    await world.sleep(3_000)
    return pass()
  })
  await world.time.advance(6_000)
  lease.lost(lease.session!)
  await world.time.advance(1)
  expect(events).toEqual(['opened 0', 'lapsed 6000', 'opened 6000'])
  const { session } = lease
  await world.time.advance(30_000)
  expect([lease.session, line.count('openSession')]).toEqual([session, 2])
})

test('asked to renew while a renewal is under way, it renews once more at once', async () => {
  const { world, line, lease } = await opened()
  line.keep('renew', async (pass) => {
    const answer = await pass()
    await world.sleep(100)
    return answer
  })
  await world.time.advance(5_050)
  for (let n = 0; n < 10; n++) lease.renewNow()
  await world.time.advance(100)
  expect(line.count('renew')).toBe(2)
  await world.time.advance(1_000)
  expect(line.count('renew')).toBe(2)
})

test('a session granted too late is not trusted', async () => {
  const { world, line, lease } = await opened(2_000)
  line.keep('openSession', async (pass) => {
    const answer = await pass()
    await world.sleep(5_000)
    return answer
  })
  lease.lost(lease.session!)
  await world.time.advance(5_001)
  expect(lease.session).toBeNull()
  line.free('openSession')
  await world.time.advance(5_001)
  expect(lease.session).not.toBeNull()
})

test('closing waits for a session that is being opened, and gives it back', async () => {
  const { world, line, lease } = await opened()
  line.keep('openSession', async (pass) => {
    await world.sleep(100)
    return pass()
  })
  lease.lost(lease.session!)
  await world.time.advance(50)
  await world.settle(lease.close())
  expect(line.count('closeSession')).toBe(1)
  expect((await world.store.sessions()).length).toBe(1) // the one that was lost lapses in its time
})

test('closing with the store away is told, not thrown', async () => {
  const { world, line, lease, events } = await opened()
  line.keep('closeSession', () => Promise.reject(away))
  await world.settle(lease.close())
  expect(events.at(-1)).toMatch(/^failed/)
})
