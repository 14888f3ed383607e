/** What `millrace top` shows, as a function of what it knows and of the size of its screen. */
import { describe, expect, test } from 'vitest'
import { NO_COUNTS } from '@millrace/core/store'
import { ratesBetween, type Reading } from '../src/cli/top/reading.ts'
import { topLines, type TopState } from '../src/cli/top/view.ts'

type Queue = Reading['queues'][number]

const AT = Date.UTC(2026, 10, 23)
const queue = (name: string, counts: Partial<Queue['counts']> = {}, more: Partial<Queue> = {}): Queue => ({
  queue: name,
  paused: false,
  retention: null,
  counts: { ...NO_COUNTS, ...counts },
  oldestReadyAt: null,
  ...more,
})

const worker = (pid: number, running = 0): Reading['workers'][number] => ({
  session: '0198c0de-0000-7000-8000-000000000000',
  host: 'ada',
  pid,
  queues: ['default', 'media'],
  types: ['greet'],
  offers: [],
  concurrency: 10,
  state: 'running',
  openedAt: AT,
  since: AT,
  expiresAt: AT + 12_000,
  running,
  order: null,
  leadsSince: null,
})

const failure = (n: number, message = 'no Bob here'): Reading['failures'][number] =>
  ({
    id: `0198c0de-0000-7000-8000-00000000000${n}`,
    type: `task.${n}`,
    finishedAt: AT - n * 1_000,
    enqueuedAt: AT - 60_000,
    error: { name: 'TypeError', message },
    reason: 'error',
  }) as Reading['failures'][number]

const reading = (given: Partial<Reading>): Reading => ({
  at: AT,
  atMs: 0,
  queues: [],
  workers: [],
  failures: [],
  ...given,
})

const state = (given: Partial<Reading>, more: Partial<TopState> = {}): TopState => ({
  place: 'sqlite:millrace.db',
  reading: reading(given),
  rates: new Map(),
  corner: 'every 1.0 s   q quits',
  trouble: null,
  ...more,
})

const textOf = (given: TopState, columns = 100, rows = 30): string =>
  topLines(given, { columns, rows })
    .map(({ text }) => text)
    .join('\n')

const FULL = state(
  {
    queues: [
      queue(
        'default',
        { ready: 12, running: 3, failed: 2, succeeded: 1_234_567 },
        { oldestReadyAt: AT - 5_000 },
      ),
      queue('media', { running: 10, scheduled: 4 }, { paused: true }),
    ],
    workers: [worker(4_121, 3), worker(4_122, 10)],
    failures: [failure(1), failure(2)],
  },
  { rates: new Map([['default', { in: 120.44, out: 118 }]]) },
)

test('queues, workers and failures, on a wide screen', () => {
  expect(textOf(FULL, 160)).toMatchInlineSnapshot(`
    "Millrace  sqlite:millrace.db                                                                                                               every 1.0 s   q quits
    12 ready   13 running   2 failed   in 120/s   out 118/s   slots ███████░░░ 13 of 20

    QUEUE           READY  RUNNING  OLDEST  IN/S  OUT/S  SCHEDULED  BLOCKED  HELD  WAITING  FAILED  SUCCEEDED  CANCELLED
    default            12        3   5.0 s   120    118          0        0     0        0       2  1 234 567          0
    media (paused)      0       10             -      -          4        0     0        0       0          0          0

    WORKER        BUSY              STATE    LEASE ENDS  QUEUES
    ada:4121   3 of 10  ███░░░░░░░  running   in 12.0 s  default, media
    ada:4122  10 of 10  ██████████  running   in 12.0 s  default, media

       FAILED  TASK    ERROR                                                     ID
    1.0 s ago  task.1  TypeError: no Bob here  0198c0de-0000-7000-8000-000000000001
    2.0 s ago  task.2  TypeError: no Bob here  0198c0de-0000-7000-8000-000000000002"
  `)
})

test('on a narrow one what matters less is left out', () => {
  expect(textOf(FULL, 60)).toMatchInlineSnapshot(`
    "Millrace  sqlite:millrace.db           every 1.0 s   q quits
    12 ready   13 running   2 failed   in 120/s   out 118/s   s…

    QUEUE           READY  RUNNING  OLDEST  IN/S  OUT/S  FAILED
    default            12        3   5.0 s   120    118       2
    media (paused)      0       10             -      -       0

    WORKER        BUSY  STATE    LEASE ENDS  QUEUES
    ada:4121   3 of 10  running   in 12.0 s  default, media
    ada:4122  10 of 10  running   in 12.0 s  default, media

       FAILED  TASK    ERROR
    1.0 s ago  task.1  TypeError: no Bob here
    2.0 s ago  task.2  TypeError: no Bob here"
  `)
})

test('an empty store says what to do', () => {
  expect(textOf(state({}))).toMatchInlineSnapshot(`
    "Millrace  sqlite:millrace.db                                                   every 1.0 s   q quits
    0 ready   0 running   0 failed   no slots

    No queues: nothing was ever enqueued.

    No worker serves this store. To start one: millrace worker FILE

    Nothing has failed."
  `)
})

const MUCH = state({
  queues: Array.from({ length: 40 }, (_, n) => queue(`queue-${n}`, { ready: n })),
  workers: Array.from({ length: 20 }, (_, n) => worker(n)),
  failures: Array.from({ length: 9 }, (_, n) => failure(n, 'x'.repeat(300))),
})

describe.each([
  [80, 24],
  [200, 60],
  [40, 12],
  [20, 5],
  [7, 3],
  [1, 1],
])('a screen of %i × %i', (columns, rows) => {
  test.each([
    ['with much to show', MUCH],
    ['with little', FULL],
    ['with nothing', state({})],
    ['in trouble', state({}, { trouble: 'Not read: The store does not answer.' })],
  ])('%s is never exceeded', (_, given) => {
    const lines = topLines(given, { columns, rows })
    expect(lines.length).toBeLessThanOrEqual(rows)
    for (const { text } of lines) expect(text.length).toBeLessThanOrEqual(columns)
  })
})

test('where there is no room for all, the busiest queues are shown, and how many more there are', () => {
  const text = textOf(MUCH, 80, 24)
  expect(text).toMatch(/queue-39 [^]*queue-38 [^]*… and 3\d more[^]*WORKER/)
  expect(text).toMatch(/… and 1\d more[^]*FAILED/)
  expect(text.split('\n')).toHaveLength(24)
})

test('names and messages give no orders to the terminal', () => {
  const text = textOf(state({ failures: [failure(1, 'a\u001b[2Jb\nc')] }))
  expect(text).toContain('a\\u001b[2Jb\\nc')
})

test('trouble with the store is said, and what was known stays', () => {
  const lines = topLines({ ...FULL, trouble: 'Not read: down' }, { columns: 100, rows: 30 })
  expect(lines[2]).toEqual({ text: 'Not read: down', style: 'red' })
  expect(lines.some(({ text }) => text.startsWith('default'))).toBe(true)
})

describe('rates', () => {
  const before = reading({ queues: [queue('a', { ready: 10, succeeded: 100 })] })
  const after = (counts: Partial<Queue['counts']>, name = 'a'): Reading =>
    reading({ atMs: 2_000, queues: [queue(name, counts)] })

  test.each<[string, Reading, object]>([
    ['of what came and went', after({ ready: 8, succeeded: 108 }), { a: { in: 3, out: 4 } }],
    ['of a queue at rest', after({ ready: 10, succeeded: 100 }), { a: { in: 0, out: 0 } }],
    [
      'of failures and cancellations too',
      after({ ready: 8, succeeded: 100, failed: 1, cancelled: 1 }),
      { a: { in: 0, out: 1 } },
    ],
    ['of a queue that is new', after({ ready: 6, succeeded: 2 }, 'b'), { b: { in: 4, out: 1 } }],
    ['stay what they were where tasks were forgotten', after({ ready: 10 }), { a: { in: 7, out: 9 } }],
  ])('%s', (_, now, expected) => {
    const known = new Map([['a', { in: 7, out: 9 }]])
    expect(Object.fromEntries(ratesBetween(before, now, known))).toEqual(expected)
  })
})
