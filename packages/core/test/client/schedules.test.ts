/** `mill.schedules`, and the workers that let schedules fire. */
import { describe, expect, test } from 'vitest'
import { defineSchedule, defineTask, unchecked, type Mill, type Scheduled } from '../../src/index.ts'
import { World } from '../worker/world.ts'

const report = defineTask('report', { input: unchecked<{ of: string }>(), queue: 'reports', retry: false })
const beat = defineTask('beat', { input: unchecked<undefined>() })
const SECOND = 1_000
const MINUTE = 60 * SECOND
const HOUR = 60 * MINUTE
const DAY = 24 * HOUR
/** The wall clock at the beginning of virtual time. */
const START = 1_700_000_000_000

const nightly = { task: report, input: { of: 'sales' }, cron: '0 3 * * *', zone: 'Europe/Berlin' } as const

/** A worker that notes which fire times it ran, and when. */
async function runner(
  world: World,
  mill: Mill,
  takesMs = 0,
): Promise<{ readonly runs: { readonly at: number; readonly ranAt: number }[]; stop(): Promise<void> }> {
  const runs: { at: number; ranAt: number }[] = []
  const worker = mill.worker({
    queues: { default: 10, reports: 10 },
    handlers: [
      beat.handler(async (_, { task: { schedule } }) => {
        runs.push({ at: schedule!.at.getTime() - START, ranAt: world.time.nowMs })
        if (takesMs > 0) await world.sleep(takesMs)
      }),
    ],
  })
  await world.settle(worker.start())
  return { runs, stop: () => world.settle(worker.stop()) }
}

describe('what is put', () => {
  test('is shown as it was meant, defaults included', async () => {
    const { schedules } = new World().mill()
    const put = await schedules.put('nightly', { ...nightly, priority: 'high', tags: ['x'] })
    expect(put).toEqual({
      name: 'nightly',
      task: 'report',
      queue: 'reports',
      priority: 'high',
      cron: '0 3 * * *',
      zone: 'Europe/Berlin',
      dst: { gap: 'after', overlap: 'first' },
      everyMs: undefined,
      from: undefined,
      until: undefined,
      missed: 'one',
      overlap: 'allow',
      jitterMs: 0,
      declaredBy: undefined,
      paused: false,
      nextAt: new Date('2023-11-15T02:00:00Z'),
      lastAt: undefined,
      lastTask: undefined,
    })
    expect(await schedules.get('nightly')).toEqual(put)
    expect(await schedules.get('none')).toBe(undefined)
    const every = await schedules.put('beat', { task: beat, every: '5m', until: START + HOUR, jitter: '1s' })
    expect(every).toMatchObject({ cron: undefined, zone: undefined, everyMs: 5 * MINUTE, jitterMs: SECOND })
    expect((await schedules.list()).map(({ name }) => name)).toEqual(['beat', 'nightly'])
  })

  test('again is no change; with other times it begins anew, with another input it goes on', async () => {
    const world = new World()
    const line = world.line()
    const { schedules } = world.mill(line)
    await schedules.put('nightly', nightly)
    await schedules.put('nightly', nightly)
    expect(line.count('putSchedule')).toBe(1)
    await world.time.advance(2 * DAY)
    const overdue = await schedules.put('nightly', { ...nightly, input: { of: 'costs' } })
    expect(overdue.nextAt).toEqual(new Date('2023-11-15T02:00:00Z'))
    const anew = await schedules.put('nightly', { ...nightly, cron: '0 4 * * *' })
    expect(anew.nextAt).toEqual(new Date('2023-11-17T03:00:00Z'))
  })

  test('comes through although others change it meanwhile', async () => {
    const world = new World()
    const [one, other] = [world.mill().schedules, world.mill().schedules]
    await Promise.all([
      one.put('x', nightly),
      other.put('x', { ...nightly, overlap: 'skip' }),
      one.pause('x').catch(() => 0),
    ])
    expect(await one.get('x')).toMatchObject({ name: 'x' })
  })

  test.each<[string, object, RegExp]>([
    ['neither cron nor every', { task: beat }, /neither cron nor every/],
    ['both', { task: beat, cron: '* * * * *', every: '5m' }, /Both cron and every/],
    ['a zone beside every', { task: beat, every: '5m', zone: 'UTC' }, /beside every/],
    ['too often', { task: beat, every: '10ms' }, /every is/],
    ['no cron', { task: beat, cron: 'daily' }, /no cron expression/],
    ['no zone', { task: beat, cron: '* * * * *', zone: 'Mars' }, /no time zone/],
    ['dst', { task: beat, cron: '* * * * *', dst: { gap: 'before' } }, /dst.gap is/],
    ['missed', { task: beat, every: '5m', missed: { all: 0 } }, /missed is/],
    ['overlap', { task: beat, every: '5m', overlap: 'kill' }, /overlap is/],
    [
      'a key that keeps the run which is to be replaced',
      { task: beat, every: '5m', overlap: 'replace', unique: { key: 'k' } },
      /replace each other, and their unique key says keep/,
    ],
    ['until', { task: beat, every: '5m', until: new Date('no') }, /until is/],
    ['an id', { task: beat, every: '5m', id: '00000000-0000-4000-8000-000000000000' }, /has id/],
    ['a delay', { task: beat, every: '5m', delay: '1s' }, /has delay/],
    ['a slip', { task: beat, evry: '5m' }, /no 'evry'|no "evry"/],
    ['a task that is none', { task: 'beat', every: '5m' }, /no definition/],
    ['an input that is none', { task: report, input: () => 0, every: '5m' }, /no JSON/],
    ['a name', { task: beat, every: '5m', queue: 'no name' }, /The queue is/],
  ])('is refused before anything is written: %s', async (_, options, message) => {
    const world = new World()
    const line = world.line()
    await expect(world.mill(line).schedules.put('x', options as never)).rejects.toThrow(message)
    expect(line.calls).toEqual([])
  })
})

test('runs that replace each other may have a key that is replaced, too', async () => {
  const world = new World()
  const mill = world.mill()
  const options = {
    task: beat,
    every: '5m',
    overlap: 'replace',
    unique: { key: 'k', then: 'replace' },
  } as const
  await world.settle(mill.schedules.put('x', options))
  expect(await mill.schedules.get('x')).not.toBeNull()
})

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

describe('an operator', () => {
  test('pauses and resumes: what came meanwhile is not missed', async () => {
    const world = new World()
    const mill = world.mill()
    const worker = await runner(world, mill)
    await mill.schedules.put('beat', { task: beat, every: '10s', from: START })
    await world.time.advance(15 * SECOND)
    await mill.schedules.pause('beat')
    expect(await mill.schedules.get('beat')).toMatchObject({ paused: true })
    await world.time.advance(5 * MINUTE)
    await mill.schedules.resume('beat')
    await mill.schedules.resume('beat')
    await world.time.advance(10 * SECOND)
    expect(worker.runs.map(({ at }) => at / SECOND)).toEqual([10, 320])
    await expect(mill.schedules.pause('none')).rejects.toMatchObject({ code: 'not-found' })
    await worker.stop()
  })

  test('triggers a run beside the plan', async () => {
    const world = new World()
    const mill = world.mill()
    const before = await mill.schedules.put('nightly', { ...nightly, tags: ['x'] })
    const [one, other] = [await mill.schedules.trigger('nightly'), await mill.schedules.trigger('nightly')]
    expect(one).not.toBe(other)
    expect(await mill.tasks.get(one)).toMatchObject({
      state: 'ready',
      queue: 'reports',
      input: { of: 'sales' },
      tags: ['x'],
    })
    expect(await mill.schedules.get('nightly')).toEqual(before)
    await expect(mill.schedules.trigger('none')).rejects.toMatchObject({ code: 'not-found' })
  })

  test('removes', async () => {
    const { schedules } = new World().mill()
    await schedules.put('nightly', nightly)
    expect([await schedules.remove('nightly'), await schedules.remove('nightly')]).toEqual([true, false])
    expect(await schedules.list()).toEqual([])
  })

  test('backfills a past range, each fire time once', async () => {
    const world = new World()
    const mill = world.mill()
    await mill.schedules.put('nightly', nightly)
    await world.time.advance(10 * DAY)
    const range = { from: new Date('2023-11-15T02:00:00Z'), to: new Date('2023-11-17T02:00:00Z') }
    expect(await mill.schedules.backfill('nightly', range)).toEqual({ matched: 3, changed: 3 })
    const more = { ...range, to: new Date('2023-11-18T02:00:00Z') }
    expect(await mill.schedules.backfill('nightly', more)).toEqual({ matched: 4, changed: 1 })
    await mill.schedules.put('nightly', { ...nightly, input: { of: 'costs' } })
    expect(await mill.schedules.backfill('nightly', more)).toEqual({ matched: 4, changed: 0 })
    const future = { from: START, to: START + 30 * DAY }
    await expect(mill.schedules.backfill('nightly', future)).rejects.toThrow(/The range is not over/)
    await expect(mill.schedules.backfill('nightly', { from: 2, to: 1 })).rejects.toThrow(
      /ends before it begins/,
    )
    await mill.schedules.put('second', { ...nightly, cron: '* * * * * *' })
    const day = { from: START, to: START + DAY }
    await expect(mill.schedules.backfill('second', day)).rejects.toThrow(/more than 10000 fire times/)
    expect((await mill.tasks.list({})).tasks.length).toBe(4)
  })

  test('previews, and sees the odd days', async () => {
    const { schedules } = new World().mill()
    await schedules.put('nightly', { ...nightly, cron: '30 2 * * *' })
    const from = new Date('2026-03-28T00:00:00Z')
    expect(await schedules.preview('nightly', 3, { from })).toEqual([
      { at: new Date('2026-03-28T01:30:00Z') },
      { at: new Date('2026-03-29T01:00:00Z'), note: 'gap' },
      { at: new Date('2026-03-30T00:30:00Z') },
    ])
    const october = new Date('2026-10-24T12:00:00Z')
    expect(
      await schedules.preview({ cron: '30 2 * * *', zone: 'Europe/Berlin' }, 1, { from: october }),
    ).toEqual([{ at: new Date('2026-10-25T00:30:00Z'), note: 'overlap' }])
    expect(await schedules.preview({ cron: '0 0 30 2 *' })).toEqual([])
    expect(await schedules.preview({ every: '1d' })).toHaveLength(10)
    await expect(schedules.preview({ every: '1d' }, 0)).rejects.toThrow(/The count is/)
    await expect(schedules.preview('none')).rejects.toMatchObject({ code: 'not-found' })
  })
})

describe('what code declares', () => {
  const declared = [defineSchedule('a', nightly), defineSchedule('b', { task: beat, every: '1h' })]

  test('is there, and what it does not declare any more is not', async () => {
    const { schedules } = new World().mill()
    await schedules.put('by.hand', nightly)
    await schedules.sync([defineSchedule('elsewhere', nightly)], { by: 'billing' })
    expect(await schedules.sync(declared)).toEqual({ put: ['a', 'b'], removed: [] })
    expect(await schedules.get('a')).toMatchObject({ declaredBy: 'code' })
    expect(await schedules.sync(declared.slice(1))).toEqual({ put: ['b'], removed: ['a'] })
    expect((await schedules.list()).map(({ name }) => name)).toEqual(['b', 'by.hand', 'elsewhere'])
    expect(await schedules.sync([], { by: 'billing' })).toEqual({ put: [], removed: ['elsewhere'] })
  })

  test('is refused as a whole', async () => {
    const world = new World()
    const line = world.line()
    const { schedules } = world.mill(line)
    await expect(schedules.sync([...declared, defineSchedule('a', nightly)])).rejects.toThrow(/Two schedules/)
    const bad = defineSchedule('c', { task: beat, cron: 'no' })
    await expect(schedules.sync([...declared, bad])).rejects.toThrow(/no cron expression/)
    expect(line.calls).toEqual([])
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
