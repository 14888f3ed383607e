/** Workers let schedules fire. */
import { describe, expect, test } from 'vitest'
import { defineTask, unchecked, type Scheduled } from '../../src/index.ts'
import { beat, runner, START } from './beats.ts'
import { World } from './world.ts'

const report = defineTask('report', { input: unchecked<{ of: string }>(), queue: 'reports', retry: false })
const SECOND = 1_000
const MINUTE = 60 * SECOND
const HOUR = 60 * MINUTE

describe('workers', () => {
  test('let schedules fire in time, once, however many they are', async () => {
    const world = new World()
    const mill = world.mill()
    await mill.schedules.put('beat', { task: beat, every: '10s' })
    const [one, other] = [await runner(world, mill), await runner(world, world.mill())]
    await world.time.advance(MINUTE)
    const runs = [...one.runs, ...other.runs].map(({ at }) => at).toSorted((a, b) => a - b)
    expect(runs).toEqual([0, 10, 20, 30, 40, 50, 60].map((second) => second * SECOND).slice(1))
    for (const { at, ranAt } of [...one.runs, ...other.runs]) expect(ranAt - at).toBeLessThan(50)
    await Promise.all([one.stop(), other.stop()])
  })

  test('hear of a schedule that is put meanwhile', async () => {
    const world = new World()
    const mill = world.mill()
    const worker = await runner(world, mill)
    await world.time.advance(7 * SECOND)
    await mill.schedules.put('beat', { task: beat, every: '1s', until: START + 9 * SECOND })
    await world.time.advance(3 * SECOND)
    expect(worker.runs.map(({ at }) => at)).toEqual([8 * SECOND, 9 * SECOND])
    await worker.stop()
  })

  test('are not put off by hints that never end', async () => {
    const world = new World()
    const mill = world.mill()
    await mill.schedules.put('beat', { task: beat, every: '10s' })
    const worker = await runner(world, mill)
    for (let i = 0; i < 600; i++) {
      await world.time.advance(100)
      const request = { name: `x${i}`, ifVersion: null, plan: '{}', paused: true, nextAt: null }
      await world.store.putSchedule(request)
    }
    expect(worker.runs.map(({ at }) => at / SECOND)).toEqual(
      [10, 20, 30, 40, 50, 60].slice(0, worker.runs.length),
    )
    expect(worker.runs.length).toBeGreaterThanOrEqual(5)
    for (const { at, ranAt } of worker.runs) expect(ranAt - at).toBeLessThan(50)
    await worker.stop()
  })

  test('find what nobody told them', async () => {
    const world = new World()
    const line = world.line()
    line.hints = false
    const worker = await runner(world, world.mill(line))
    await world.time.advance(7 * SECOND)
    await world.mill().schedules.put('beat', { task: beat, every: '2s', until: START + 20 * SECOND })
    await world.time.advance(20 * SECOND)
    expect(worker.runs.length).toBe(7)
    await worker.stop()
  })

  test.each([
    ['one', [3 * HOUR, 3 * HOUR + 10 * MINUTE]],
    ['none', [3 * HOUR + 10 * MINUTE]],
    [{ all: 2 }, [3 * HOUR - 10 * MINUTE, 3 * HOUR, 3 * HOUR + 10 * MINUTE]],
  ] as const)('make up for what was missed: %j', async (missed, expected) => {
    const world = new World()
    const mill = world.mill()
    await mill.schedules.put('beat', { task: beat, every: '10m', missed, from: START })
    await world.time.advance(3 * HOUR + 2 * MINUTE)
    const worker = await runner(world, mill)
    await world.time.advance(10 * MINUTE)
    expect(worker.runs.map(({ at }) => at)).toEqual(expected)
    await worker.stop()
  })

  test.each([
    ['allow', [10, 20, 30, 40, 50, 60]],
    ['skip', [10, 40]],
  ] as const)('let runs that take long meet: %s', async (overlap, seconds) => {
    const world = new World()
    const mill = world.mill()
    await mill.schedules.put('beat', { task: beat, every: '10s', overlap, from: START })
    await world.time.advance(5 * SECOND)
    const worker = await runner(world, mill, 25 * SECOND)
    await world.time.advance(56 * SECOND)
    expect(worker.runs.map(({ at }) => at / SECOND).filter((at) => at > 0)).toEqual(seconds)
    await worker.stop()
  })

  test('give each run its jitter, and tell it its own time', async () => {
    const world = new World()
    const mill = world.mill()
    await mill.schedules.put('beat', { task: beat, every: '1m', jitter: '20s', from: START })
    const worker = await runner(world, mill)
    await world.time.advance(10 * MINUTE)
    const late = worker.runs.map(({ at, ranAt }) => ranAt - at)
    expect(worker.runs.map(({ at }) => at % MINUTE)).toEqual(worker.runs.map(() => 0))
    expect(Math.max(...late)).toBeGreaterThan(5 * SECOND)
    expect(Math.max(...late)).toBeLessThan(21 * SECOND)
    expect(new Set(late).size).toBeGreaterThan(5)
    await worker.stop()
  })

  test('go on with a schedule whose run is refused, and say so', async () => {
    const world = new World()
    const mill = world.mill()
    await mill.schedules.put('beat', {
      task: beat,
      every: '10s',
      unique: { key: 'k', then: 'reject' },
      from: START,
    })
    const errors: string[] = []
    const worker = mill.worker({ handlers: [report.handler(() => undefined)] })
    worker.on('error', ({ doing }) => void errors.push(doing))
    await world.settle(worker.start())
    await world.time.advance(35 * SECOND)
    expect(errors).toEqual(Array.from({ length: 2 }, () => 'enqueuing a run of the schedule beat'))
    expect((await mill.schedules.get('beat'))?.nextAt?.getTime()).toBe(START + 40 * SECOND)
    await world.settle(worker.stop())
  })

  test.each([
    ['it is refused', { unique: { key: 'k', then: 'replace' } }, 0],
    ['none is made up for', { missed: 'none' }, 2 * MINUTE],
  ] as const)('let the last run be where no other takes its place, since %s', async (_, options, awayMs) => {
    const world = new World()
    const mill = world.mill()
    const every = { every: '10m', from: START + SECOND, overlap: 'replace', timeout: '2h' } as const
    await mill.schedules.put('beat', { task: beat, ...every, ...options })
    const handlers = beat.handler(() => world.sleep(HOUR))
    const first = mill.worker({ handlers })
    await world.settle(first.start())
    await world.time.advance(9 * MINUTE)
    const last = (await mill.schedules.get('beat'))!.lastTask!
    if (awayMs > 0) await world.settle(first.stop({ drain: 0 }))
    await world.time.advance(MINUTE + awayMs)
    const second = mill.worker({ handlers })
    await world.settle(second.start())
    await world.time.advance(MINUTE)
    expect(await mill.schedules.get('beat')).toMatchObject({
      lastTask: last,
      nextAt: new Date(START + SECOND + 20 * MINUTE),
    })
    expect(await world.record(last)).toMatchObject({ state: 'running', cancel: null })
    await world.settle(Promise.all([first.stop({ drain: 0 }), second.stop({ drain: 0 })]))
  })

  test('go on with the others where many cannot be understood', async () => {
    const world = new World()
    const mill = world.mill()
    const plan = JSON.stringify({ form: 2 })
    for (let i = 0; i < 50; i++) {
      await world.store.putSchedule({ name: `a${i}`, ifVersion: null, plan, paused: false, nextAt: 1 })
    }
    await world.settle(mill.schedules.put('beat', { task: beat, every: '1s', from: START }))
    const errors: string[] = []
    const worker = mill.worker({ handlers: [beat.handler(() => undefined)] })
    worker.on('error', ({ doing }) => void errors.push(doing))
    await world.settle(worker.start())
    await world.time.advance(60 * SECOND)
    expect(new Set(errors).size).toBe(50)
    expect(errors[0]).toBe('letting the schedule a0 fire')
    // each of them rests between its failures
    expect(errors.length).toBeLessThanOrEqual(50 * 13)
    expect((await mill.tasks.list({ type: 'beat', limit: 1_000 })).tasks.length).toBeGreaterThanOrEqual(59)
    await world.settle(worker.stop())
  })

  test('let many fire at once', async () => {
    const world = new World()
    const mill = world.mill()
    for (let i = 0; i < 200; i++) await mill.schedules.put(`s${i}`, { task: beat, every: '1m', from: START })
    const worker = await runner(world, mill)
    await world.time.advance(61 * SECOND)
    expect(worker.runs.length).toBe(200)
    await worker.stop()
  })
})

test('a task that is no run of a schedule has none', async () => {
  const world = new World()
  const mill = world.mill()
  const seen: (Scheduled | undefined)[] = []
  const worker = mill.worker({ handlers: [beat.handler((_, { task }) => void seen.push(task.schedule))] })
  await world.settle(worker.start())
  await world.settle(mill.enqueue(beat))
  await world.settle(mill.enqueue(beat, undefined, { headers: { 'millrace-schedule': 'no JSON' } }))
  await world.time.advance(SECOND)
  expect(seen).toEqual([undefined, undefined])
  await world.settle(worker.stop())
})
