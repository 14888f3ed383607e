import { describe, expect, test } from 'vitest'
import {
  defectsOfEdges,
  defectsOfTask,
  doubleFires,
  lateSchedules,
  wrongClock,
  wrongCounts,
  wrongLimits,
} from '../../src/policy/examination.ts'
import type { QueueRecord } from '../../src/store/inspection.ts'
import type { Counters, TaskState, TaskSummary } from '../../src/store/records.ts'

const NONE: Counters = {
  claims: 0,
  failures: 0,
  crashes: 0,
  isolatedCrashes: 0,
  returns: 0,
  snoozes: 0,
  parks: 0,
  generation: 0,
}
const HOUR = 3_600_000
const task = (changes: Partial<TaskSummary>): TaskSummary =>
  ({
    id: 't',
    type: 'work',
    queue: 'q',
    session: null,
    lane: null,
    counters: NONE,
    ...changes,
  }) as TaskSummary
const codes = (defects: readonly { readonly code: string }[]): readonly string[] =>
  defects.map(({ code }) => code)

describe('counters', () => {
  test.each<[state: TaskState, counters: Partial<Counters>, expected: readonly string[]]>([
    ['pending', {}, []],
    ['pending', { claims: 3, failures: 1, returns: 1, snoozes: 1 }, []],
    ['pending', { claims: 1 }, ['counters']],
    ['pending', { failures: 1 }, ['counters']],
    ['running', { claims: 1 }, []],
    ['running', {}, ['counters']],
    ['running', { claims: 2 }, ['counters']],
    ['succeeded', { claims: 2, crashes: 1 }, []],
    ['failed', { claims: 1, failures: 1 }, []],
    ['cancelled', { claims: 1 }, []],
    ['cancelled', {}, []],
    ['failed', { claims: 3, failures: 1 }, ['counters']],
    ['pending', { claims: 1, crashes: 1, isolatedCrashes: 2 }, ['counters']],
  ])('%s with %j', (state, counters, expected) => {
    const given = task({ state, session: 's', counters: { ...NONE, ...counters } })
    expect(codes(defectsOfTask(given, new Set(['s'])))).toEqual(expected)
  })
})

test('a task runs under a lease that stands', () => {
  const running = task({ state: 'running', session: 's', counters: { ...NONE, claims: 1 } })
  expect(codes(defectsOfTask(running, new Set(['s'])))).toEqual([])
  expect(codes(defectsOfTask(running, new Set(['other'])))).toEqual(['unattended'])
  expect(codes(defectsOfTask({ ...running, session: null }, new Set(['s'])))).toEqual(['unattended'])
})

test.each<[blockers: number, live: readonly string[], ageMs: number, expected: readonly string[]]>([
  [2, [], 0, ['orphaned-edge']],
  [2, ['p'], 0, []],
  [1, [], 0, []],
  [1, [], 2 * HOUR, ['orphaned-edge']],
])('a task with %i blockers, %j of them live, %i ms old', (blockers, live, ageMs, expected) => {
  const blocked = { id: 't', state: 'blocked', blockers, enqueuedAt: 0 } as const
  expect(codes(defectsOfEdges(blocked, live, ageMs))).toEqual(expected)
  expect(defectsOfEdges({ ...blocked, state: 'pending' }, live, ageMs)).toEqual([])
})

test('each fire time of a schedule has one task', () => {
  const run = (id: string, name: string, at: number): { id: string; headers: Record<string, string> } => ({
    id,
    headers: { 'millrace-schedule': JSON.stringify({ name, at }) },
  })
  const runs = [run('1', 'a', 5), run('2', 'a', 6), run('3', 'b', 5), { id: '4', headers: {} }]
  expect(doubleFires(runs)).toEqual([])
  expect(doubleFires([...runs, run('5', 'a', 6)])).toEqual([
    {
      code: 'double-fire',
      subject: 'a',
      message: 'The schedule a fired twice for 1970-01-01T00:00:00.006Z: tasks 2 and 5.',
      remedy: 'operator',
    },
  ])
})

test('a schedule that is due fires within a minute', () => {
  const schedule = { name: 's', version: 1, plan: '', paused: false, nextAt: 0, lastAt: null, lastTask: null }
  expect(codes(lateSchedules([schedule], 60_000))).toEqual(['late-schedule'])
  expect(lateSchedules([schedule], 59_999)).toEqual([])
  expect(lateSchedules([{ ...schedule, paused: true }], HOUR)).toEqual([])
  expect(lateSchedules([{ ...schedule, nextAt: null }], HOUR)).toEqual([])
})

test('what counts under a limit is what runs under it', () => {
  const limit = (
    name: string,
    keys: readonly (readonly [string, number])[],
    concurrency: number | null = 5,
  ) => ({
    name,
    version: 1,
    allowance: { concurrency, rate: null },
    by: 'user' as const,
    shutUntil: 0,
    configuredAt: 0,
    keys: keys.map(([key, used]) => ({ key, used, arrivalAt: 0, shutUntil: 0 })),
  })
  const lane = {
    partition: null,
    fifo: false,
    limits: [{ name: 'api', key: 'a', cost: 1 }],
    prefers: [],
    spillMs: 0,
  }
  const running = [task({ lane }), task({ lane }), task({ queue: 'other' })]
  const right = [
    limit('api', [
      ['a', 2],
      ['b', 0],
    ]),
    limit('queue:q', [['', 2]]),
    limit('type:work', [['', 3]]),
    limit('rate', [['a', 7]], null),
  ] as never
  expect(wrongLimits(right, running)).toEqual([])
  const wrong = [
    limit('api', [
      ['a', 3],
      ['b', 1],
    ]),
    limit('queue:q', [['', 1]]),
  ] as never
  expect(wrongLimits(wrong, running).map(({ message }) => message)).toEqual([
    'Under api a 3 are counted, and 2 run.',
    'Under api b 1 are counted, and 0 run.',
    'Under queue:q 1 are counted, and 2 run.',
  ])
})

test('a queue says what it has', () => {
  const counts = {
    blocked: 1,
    scheduled: 1,
    ready: 2,
    held: 3,
    running: 4,
    waiting: 0,
    succeeded: 5,
    failed: 6,
    cancelled: 7,
  }
  const queue = {
    queue: 'q',
    paused: false,
    retention: null,
    counts,
    oldestReadyAt: null,
  } satisfies QueueRecord
  const found = (pending: number): ReadonlyMap<TaskState, number> =>
    new Map([
      ['blocked', 1],
      ['pending', pending],
      ['running', 4],
      ['succeeded', 5],
      ['failed', 6],
      ['cancelled', 7],
    ])
  expect(wrongCounts(queue, found(6))).toEqual([])
  expect(wrongCounts(queue, found(5)).map(({ message }) => message)).toEqual([
    'The queue q says that 6 tasks are pending, and 5 are.',
  ])
})

test('store time is about the time of the host', () => {
  expect(wrongClock(10_000, 14_999)).toEqual([])
  expect(wrongClock(20_000, 14_000)).toMatchObject([
    { message: 'Store time is 6 s ahead of the clock of this host.' },
  ])
  expect(wrongClock(0, 5_000)).toMatchObject([
    { message: 'Store time is 5 s behind the clock of this host.' },
  ])
})
