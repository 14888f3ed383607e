/** What no store can easily be brought to: facts made by hand. The rest is the table in test/explanation. */
import { readFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import { explain } from '../../src/policy/explanation/explain.ts'
import { grouped, listed, span } from '../../src/policy/explanation/wording.ts'
import { NO_COUNTERS } from '../../src/policy/lifecycle.ts'
import type { Facts } from '../../src/policy/explanation/facts.ts'
import type { SessionRecord, Standing } from '../../src/store/inspection.ts'
import type { TaskRecord } from '../../src/store/records.ts'

const ID = '0198c0de-0000-7000-8000-000000000001'
const OTHER = '0198c0de-0000-7000-8000-000000000002'
const NOW = 1_700_000_000_000

const TASK: TaskRecord = {
  id: ID,
  type: 'work',
  needs: [],
  queue: 'default',
  level: 2,
  state: 'pending',
  held: false,
  reason: null,
  epoch: 0,
  counters: NO_COUNTERS,
  error: null,
  enqueuedAt: NOW - 1_000,
  runAt: NOW - 1_000,
  startedAt: null,
  finishedAt: null,
  timeoutMs: null,
  startBy: null,
  deadlineAt: null,
  session: null,
  cancel: null,
  blockers: 0,
  uniqueKey: null,
  lane: null,
  dueBy: null,
  tags: [],
  metadata: {},
  progress: null,
  policy: { retry: { kind: 'delays', delaysMs: [1, 2] } },
  payload: '1',
  result: null,
  checkpoint: null,
  after: [],
  headers: {},
  logs: [],
  history: [],
}
const STANDING: Standing = {
  before: { higher: 0, same: 0, counted: 'all' },
  first: null,
  keyHolder: null,
  gate: null,
  paused: null,
}
const WORKER: SessionRecord = {
  session: OTHER,
  host: 'host',
  pid: 1,
  queues: ['default'],
  types: ['work'],
  offers: [],
  concurrency: 4,
  state: 'running',
  openedAt: NOW,
  since: NOW,
  expiresAt: NOW + 15_000,
  running: 0,
  order: null,
}

function factsOf(task: Partial<TaskRecord>, changes: Partial<Facts> = {}): Facts {
  return {
    now: NOW,
    task: { ...TASK, ...task },
    buried: null,
    standing: STANDING,
    parents: [],
    first: null,
    keyHolder: null,
    sessions: [WORKER],
    limits: [],
    weight: 1,
    recent: [],
    ...changes,
  }
}

function codes(facts: Facts): readonly string[] {
  return explain(facts).clauses.map(({ code }) => code)
}

test('the same facts are explained in the same words', () => {
  const facts = factsOf({ held: true, startBy: NOW + 5 })
  expect(explain(facts)).toEqual(explain(facts))
  expect(codes(facts)).toEqual(['held', 'time-limit'])
})

test('who waits for what has ended is told that it goes on soon', () => {
  const parents = [{ id: OTHER, state: 'succeeded', ifFailed: 'cancel' }] as const
  expect(codes(factsOf({ state: 'blocked', blockers: 1 }, { parents }))).toEqual(['parents-ended'])
})

test('a run that is parked, and its deadline', () => {
  expect(codes(factsOf({ state: 'waiting', deadlineAt: NOW + 1 }))).toEqual(['parked', 'time-limit'])
})

test('where not all were counted that come before it the place and the estimate say so', () => {
  const before = { higher: 0, same: 10_000, counted: 'some' } as const
  const recent = [{ startedAt: NOW - 400, finishedAt: NOW }]
  const { clauses, estimate } = explain(factsOf({}, { standing: { ...STANDING, before }, recent }))
  expect(clauses[0]!.sentence).toMatch(/^More than 10 000 tasks of its queue come before it/)
  // 400 ms × (10 000 + 1 - 4) / 4
  expect(estimate).toEqual({ startsAt: NOW + 999_700, bound: 'at least' })
})

test('where nothing has run yet nobody can tell how long it takes', () => {
  const before = { higher: 0, same: 9, counted: 'all' } as const
  expect(explain(factsOf({}, { standing: { ...STANDING, before } })).estimate).toBe(undefined)
})

test('attempts are counted by the policy', () => {
  const facts = factsOf({
    runAt: NOW + 3_000,
    counters: { ...NO_COUNTERS, claims: 1, failures: 1 },
    history: [{ at: NOW, event: 'retry', epoch: 1, session: null, detail: null }],
  })
  expect(explain(facts).clauses[0]).toMatchObject({ code: 'backoff', attempt: 2, attempts: 3, error: null })
})

test('a run that is over its time is told first', () => {
  const facts = factsOf({ state: 'running', session: OTHER, startedAt: NOW - 9_000, timeoutMs: 5_000 })
  expect(codes(facts)).toEqual(['time-over', 'running'])
})

test('what was said by people is cut, and stays on one line', () => {
  const error = { name: 'Error', message: `a\nb ${'x'.repeat(500)}`, code: null, stack: null }
  const facts = factsOf({ state: 'failed', reason: 'error', finishedAt: NOW, error })
  const sentence = explain(facts).clauses[0]!.sentence
  expect(sentence).toContain('Error: a b xxx')
  expect(sentence.length).toBeLessThan(400)
})

test('each code has its line in the docs, and none is there that is not', () => {
  const read = (path: string): string => readFileSync(new URL(path, import.meta.url), 'utf8')
  const reasons = read('../../src/policy/explanation/reasons.ts')
  const codes = [...reasons.matchAll(/code: '([a-z-]+)'/g)].map(([, code]) => code)
  const lines = [...read('../../../../docs/explain.md').matchAll(/^\| `([a-z-]+)` \|/gm)].map(
    ([, code]) => code,
  )
  expect(new Set(lines)).toEqual(new Set(codes))
  expect(lines).toHaveLength(codes.length)
})

test.each([
  [0, '0 ms'],
  [999, '999 ms'],
  [1_400, '1 s'],
  [59_700, '1 m'],
  [65_000, '1 m 5 s'],
  [600_000, '10 m'],
  [3_599_900, '1 h'],
  [3_580_000, '1 h'],
  [3_500_000, '58 m'],
  [35_990_000, '10 h'],
  [7_500_000, '2 h 5 m'],
  [86_399_000, '1 d'],
  [90_000_000, '1 d 1 h'],
  [30 * 86_400_000, '30 d'],
])('%i ms are %s', (ms, text) => {
  expect(span(ms)).toBe(text)
})

test('numbers and lists', () => {
  expect([grouped(1_234_567), grouped(12)]).toEqual(['1 234 567', '12'])
  expect([listed([]), listed(['a']), listed(['a', 'b', 'c'])]).toEqual(['', 'a', 'a, b and c'])
})
