/** Opening, closing, hints. */
import { expect, test } from 'vitest'
import { defineTask, MemoryStore, Mill, StoreError, systemPlatform, unchecked } from '../../src/index.ts'
import { silent, World } from '../worker/world.ts'

const job = defineTask('job', { input: unchecked<unknown>() })
const away = new StoreError('store-unavailable', 'away', { effect: 'none' })

test('the store is opened once, by the first call that needs it, and closed once', async () => {
  const world = new World()
  const line = world.line()
  const mill = world.mill(line)
  expect(line.calls).toEqual([])
  await Promise.all([mill.enqueue(job, 1), mill.tasks.list(), mill.open()])
  expect(line.count('open')).toBe(1)
  await Promise.all([mill.close(), mill.close()])
  await mill.close()
  expect(line.count('close')).toBe(1)
})

test('what was never opened is not closed, and not opened any more', async () => {
  const world = new World()
  const line = world.line()
  const mill = world.mill(line)
  await mill.close()
  await expect(mill.open()).rejects.toMatchObject({ code: 'closed' })
  expect(line.calls).toEqual([])
})

test('a store that could not be opened is tried again by the next call', async () => {
  const world = new World()
  const line = world.line()
  line.keep('open', () => Promise.reject(away))
  const mill = world.mill(line)
  await expect(mill.enqueue(job, 1)).rejects.toBe(away)
  line.free('open')
  expect((await mill.enqueue(job, 1)).outcome).toBe('created')
})

test('a client whose store cannot be opened can be closed', async () => {
  const world = new World()
  const line = world.line()
  line.keep('open', async () => {
    await world.sleep(100)
    throw away
  })
  const mill = world.mill(line)
  const opening = world.refusal(mill.open())
  await world.settle(mill.close())
  expect(await opening).toBe(away)
  expect(line.count('close')).toBe(0)
})

test('a client with a worker that could not start can be closed', async () => {
  const world = new World()
  const line = world.line()
  line.keep('openSession', () =>
    Promise.reject(new StoreError('store-readonly', 'read only', { effect: 'final' })),
  )
  const mill = world.mill(line)
  const worker = mill.worker({ handlers: job.handler(() => undefined) })
  await expect(world.settle(worker.start())).rejects.toMatchObject({ code: 'store-readonly' })
  await world.settle(mill.close())
  expect(line.count('close')).toBe(1)
})

test('a drain that is no duration closes nothing', async () => {
  const world = new World()
  const mill = world.mill()
  await expect(mill.close({ drain: 'soon' as '1s' })).rejects.toMatchObject({ code: 'invalid-argument' })
  expect((await mill.enqueue(job, 1)).outcome).toBe('created')
})

test.each([0, -1, 1.5, Number.NaN])('maxPending %s is refused', (maxPending) => {
  expect(() => new World().mill(undefined, { maxPending })).toThrow('maxPending')
})

test('hints that break off are taken up again, and said once', async () => {
  const world = new World()
  const line = world.line()
  const warnings: string[] = []
  let breaks = 3
  const { store } = line
  const broken = new Proxy(store, {
    get(_, name: keyof typeof store) {
      if (name !== 'watch' || breaks-- <= 0) return store[name]
      return () => {
        throw away
      }
    },
  })
  const logger = { ...silent, warn: (_: unknown, message?: string) => void warnings.push(message ?? '') }
  const mill = new Mill(broken, { platform: world.time.platform(), logger })
  const worker = mill.worker({ handlers: job.handler(() => 'done') })
  await world.settle(worker.start())
  await world.time.advance(20_000)
  expect(warnings).toEqual([expect.stringContaining('no hints')])
  await world.time.advance(300)
  const other = world.mill()
  const handle = await other.enqueue(job, 1)
  const startedMs = world.time.nowMs
  await world.ended([handle.id])
  expect(world.time.nowMs).toBe(startedMs)
  await world.settle(mill.close())
})

/** A client whose watches are counted: how many were begun, and how many are there now. Each takes its time to end. */
function watched(world: World): { readonly mill: Mill; readonly watches: { begun: number; now: number } } {
  const { store } = world.line()
  const watches = { begun: 0, now: 0 }
  const counted = new Proxy(store, {
    get(_, name: keyof typeof store) {
      if (name !== 'watch') return store[name]
      return () => {
        const hints = store.watch()
        const leave = hints.return!.bind(hints)
        watches.begun += 1
        watches.now += 1
        return Object.assign(hints, {
          async return() {
            await world.sleep(10)
            watches.now -= 1
            return leave()
          },
        })
      }
    },
  })
  return { mill: new Mill(counted, { platform: world.time.platform(), logger: silent }), watches }
}

test('a store is not watched for nobody', async () => {
  const world = new World()
  const { mill, watches } = watched(world)
  const handle = await mill.enqueue(job, 1)
  for (let n = 0; n < 3; n++) {
    await world.refusal(handle.result({ within: 10 }))
    await world.time.advance(900)
  }
  // who waits for one after the other does not begin anew
  expect(watches).toEqual({ begun: 1, now: 1 })
  await world.time.advance(200)
  expect(watches).toEqual({ begun: 1, now: 0 })
  await world.time.advance(60_000)
  expect(watches).toEqual({ begun: 1, now: 0 })
  const result = handle.result({ within: '1h' })
  await world.time.advance(60_000)
  expect(watches).toEqual({ begun: 2, now: 1 })
  // and it hears of an end at once again
  await world.settle(
    world
      .mill()
      .worker({ handlers: job.handler(() => 'done') })
      .start(),
  )
  const startedMs = world.time.nowMs
  expect(await world.settle(result)).toBe('done')
  expect(world.time.nowMs).toBe(startedMs)
  await world.settle(mill.close())
})

test('who comes as a watch ends is served anew, at once', async () => {
  const world = new World()
  const { mill, watches } = watched(world)
  const handle = await mill.enqueue(job, 1)
  await world.refusal(handle.result({ within: 10 }))
  await world.time.advance(1_005)
  const waiting = world.refusal(handle.result({ within: '1m' }))
  await world.time.advance(10)
  expect(watches).toEqual({ begun: 2, now: 1 })
  await waiting
  await world.settle(mill.close())
})

test('a worker that has stopped is not stopped again by its client', async () => {
  const world = new World()
  const mill = world.mill()
  const [stopped, running] = [1, 2].map(() => mill.worker({ handlers: job.handler(() => undefined) }))
  await world.settle(Promise.all([stopped!.start(), running!.start()]))
  await world.settle(stopped!.stop())
  const asked: string[] = []
  for (const [name, worker] of Object.entries({ stopped: stopped!, running: running! })) {
    const stop = worker.stop.bind(worker)
    worker.stop = (options) => (asked.push(name), stop(options))
  }
  await world.settle(mill.close())
  expect(asked).toEqual(['running'])
})

test('await using closes it', async () => {
  const store = new MemoryStore({ platform: systemPlatform })
  const closed: string[] = []
  const spied = Object.assign(store, { close: async () => void closed.push('closed') })
  {
    await using mill = new Mill(spied)
    await mill.enqueue(job, 1)
  }
  expect(closed).toEqual(['closed'])
})
