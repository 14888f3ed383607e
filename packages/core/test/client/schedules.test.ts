/** `mill.schedules`: what is put, what an operator does, what code declares. */
import { describe, expect, test } from 'vitest'
import { defineSchedule, defineTask, unchecked } from '../../src/index.ts'
import { beat, runner, START } from '../worker/beats.ts'
import { World } from '../worker/world.ts'

const report = defineTask('report', { input: unchecked<{ of: string }>(), queue: 'reports', retry: false })
const SECOND = 1_000
const MINUTE = 60 * SECOND
const HOUR = 60 * MINUTE
const DAY = 24 * HOUR

const nightly = { task: report, input: { of: 'sales' }, cron: '0 3 * * *', zone: 'Europe/Berlin' } as const

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

  test.each(['null', '{', '[]', '1', '{"form":99}'])(
    'is left out of lists where it cannot be read (%s), and can be removed',
    async (plan) => {
      const world = new World()
      const mill = world.mill()
      await mill.schedules.put('nightly', nightly)
      const { store } = mill['~served']
      await store.putSchedule({ name: 'odd', ifVersion: null, plan, paused: false, nextAt: null })
      await expect(mill.schedules.get('odd')).rejects.toMatchObject({
        code: expect.stringMatching(/^store-(corrupt|schema)$/) as unknown,
      })
      expect((await mill.schedules.list()).map(({ name }) => name)).toEqual(['nightly'])
      await mill.schedules.remove('odd')
      expect(await mill.schedules.get('odd')).toBeUndefined()
    },
  )

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
    ['an until that is a symbol', { task: beat, every: '5m', until: Symbol('later') }, /until is/],
    ['a from of null', { task: beat, every: '5m', from: null }, /from is null/],
    ['a from of text', { task: beat, every: '5m', from: '2026' }, /from is '2026'|from is "2026"/],
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

  test('triggers nothing where its unique key keeps a task that is there, and answers that one', async () => {
    const mill = new World().mill()
    await mill.schedules.put('nightly', { ...nightly, unique: { key: 'sales' } })
    const [one, other] = [await mill.schedules.trigger('nightly'), await mill.schedules.trigger('nightly')]
    expect(other).toBe(one)
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
    await expect(schedules.sync(undefined as never)).rejects.toThrow(/no list/)
    await expect(schedules.sync([null] as never)).rejects.toThrow(/a declared schedule are null/)
    expect(line.calls).toEqual([])
  })
})
