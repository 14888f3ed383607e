/** Who leads the upkeep: at most one, shown, handed over, and never needed. */
import { expect, test } from 'vitest'
import { defineTask, StoreError, unchecked } from '../../src/index.ts'
import { World } from '../worker/world.ts'

const job = defineTask('job', { input: unchecked<number>() })
const handlers = job.handler(() => undefined)
const SECOND = 1_000

async function leaders(world: World): Promise<readonly (number | null)[]> {
  return (await world.mill().workers.list()).map(({ leadsSince }) => leadsSince)
}

test('one worker leads, and hands over when it stops', async () => {
  const world = new World()
  const first = world.mill().worker({ handlers })
  const second = world.mill().worker({ handlers })
  await world.settle(first.start())
  await world.time.advance(SECOND)
  const [since] = await leaders(world)
  expect(since).toBeTypeOf('number')
  await world.settle(second.start())
  await world.time.advance(60 * SECOND)
  expect((await leaders(world)).filter((at) => at !== null)).toEqual([since])
  await world.settle(first.stop())
  expect(await leaders(world)).toEqual([null])
  await world.time.advance(6 * SECOND)
  const [next] = await leaders(world)
  expect(next).toBeGreaterThan(since!)
  await world.settle(second.stop())
  expect(await world.store.locks()).toEqual([])
})

test('another one leads when the leader is gone', async () => {
  const world = new World()
  const line = world.line()
  const first = world.mill(line).worker({ handlers })
  await world.settle(first.start())
  await world.time.advance(SECOND)
  const away = (): Promise<never> =>
    Promise.reject(new StoreError('store-unavailable', 'away', { effect: 'none' }))
  line.keep('renewLock', away)
  line.keep('acquireLock', away)
  line.keep('renew', away)
  line.keep('openSession', away)
  const second = world.mill().worker({ handlers })
  await world.settle(second.start())
  await world.time.advance(30 * SECOND)
  const workers = await world.mill().workers.list()
  expect(workers.map(({ leadsSince }) => leadsSince !== null)).toEqual([true])
})

test('a leader that begins a new session leads in its name', async () => {
  const world = new World()
  const line = world.line()
  const worker = world.mill(line).worker({ handlers })
  await world.settle(worker.start())
  await world.time.advance(SECOND)
  const [before] = await world.mill().workers.list()
  line.keep('renew', () => Promise.reject(new StoreError('store-unavailable', 'away', { effect: 'none' })))
  await world.time.advance(20 * SECOND)
  line.free('renew')
  await world.time.advance(10 * SECOND)
  const [after] = await world.mill().workers.list()
  expect(after?.session).not.toBe(before?.session)
  expect(after?.leadsSince).toBeGreaterThan(before!.leadsSince!)
  await world.settle(worker.stop())
})

test('who does not lead does some duties less often, but does them', async () => {
  const world = new World()
  const [leading, following] = [world.line(), world.line()]
  for (const line of [leading, following]) {
    await world.settle(world.mill(line).worker({ handlers }).start())
    // the first leads before the second asks
    await world.time.advance(SECOND)
  }
  await world.time.advance(10 * SECOND)
  leading.calls.length = 0
  following.calls.length = 0
  await world.time.advance(300 * SECOND)
  expect(leading.count('sweep')).toBeGreaterThanOrEqual(60)
  expect(following.count('sweep')).toBeGreaterThanOrEqual(19)
  expect(following.count('sweep')).toBeLessThan(leading.count('sweep') / 2)
  // what the time within which lost tasks run again rests on is everybody's
  expect(following.count('reclaim')).toBeGreaterThanOrEqual(145)
})

test('schedules fire although nobody leads', async () => {
  const world = new World()
  const line = world.line()
  line.keep('acquireLock', () => Promise.resolve({ outcome: 'held', endsInMs: 5_000 }))
  const mill = world.mill(line)
  await mill.schedules.put('beat', { task: job, input: 1, every: '10s' })
  const ran: number[] = []
  const worker = mill.worker({
    handlers: job.handler(
      (_, { task }) => void ran.push(world.time.nowMs - (task.schedule!.at.getTime() - 1_700_000_000_000)),
    ),
  })
  await world.settle(worker.start())
  await world.time.advance(60 * SECOND)
  expect(ran.length).toBeGreaterThanOrEqual(5)
  expect(Math.max(...ran)).toBeLessThan(1_500)
  await world.settle(worker.stop())
})
