/** The client for users' own tests. */
import { setImmediate as turn } from 'node:timers/promises'
import { expect, test } from 'vitest'
import {
  chain,
  defineTask,
  fail,
  NonRetryableError,
  SnoozeError,
  unchecked,
  type AnyTask,
} from '../../src/index.ts'
import { testMill, type EnqueuedMatch } from '../../src/testing/index.ts'

const job = defineTask('job', { input: unchecked<string>(), output: unchecked<string>() })
const order = defineTask('order', {
  input: unchecked<{ id: number; lines: readonly { sku: string; count: number }[]; note?: string }>(),
})
const START = new Date('2026-03-01T08:00:00Z')
const HOUR = 3_600_000

/** A definition whose tasks fail so many times. */
const flaky = defineTask('flaky', {
  input: unchecked<number>(),
  retry: { attempts: 4, backoff: 'fixed', base: '1h' },
})

test('nothing moves by itself', async () => {
  let runs = 0
  await using t = await testMill({ handlers: job.handler(() => `run ${++runs}`), now: START })
  const handle = await t.mill.enqueue(job, 'a')
  for (let turn = 0; turn < 5; turn++) await new Promise((resolve) => setImmediate(resolve))
  expect([runs, t.now, (await handle.status()).state]).toEqual([0, START, 'ready'])
  await t.untilIdle()
  expect([runs, t.now]).toEqual([1, START])
})

test('advance runs what falls due, each at its time, and nothing that does later', async () => {
  const seen: [string, number][] = []
  await using t = await testMill({
    handlers: job.handler((name) => {
      seen.push([name, t.now.getTime() - START.getTime()])
      return name
    }),
    now: START,
  })
  for (const delay of ['1d', '30s', '1h', '0ms', '7d'] as const) await t.mill.enqueue(job, delay, { delay })
  await t.mill.enqueue(job, 'at', { runAt: new Date(START.getTime() + 2 * HOUR) })
  await t.advance('1d')
  expect(seen.map(([name]) => name)).toEqual(['0ms', '30s', '1h', 'at', '1d'])
  expect(seen.map(([, at]) => Math.round(at / 1_000))).toEqual([0, 30, 3_600, 7_200, 86_400])
  expect(t.now).toEqual(new Date(START.getTime() + 24 * HOUR))
})

test('untilIdle goes through children and retries, and leaves what was put off or is held', async () => {
  const seen: string[] = []
  await using t = await testMill({
    handlers: [
      flaky.handler(async (failures, ctx) => {
        seen.push(`flaky ${ctx.attempt}`)
        if (ctx.attempt <= failures) throw new Error('no')
        await ctx.enqueue(job, 'child')
        await ctx.enqueue(job, 'later', { delay: '1h' })
      }),
      job.handler((name) => {
        seen.push(name)
        if (name === 'snoozes') throw new SnoozeError('1h')
        return name
      }),
    ],
    now: START,
  })
  await t.mill.enqueueMany([flaky.with(2), job.with('held', { held: true }), job.with('snoozes')])
  await t.untilIdle()
  expect(seen.filter((name) => name !== 'snoozes')).toEqual(['flaky 1', 'flaky 2', 'flaky 3', 'child'])
  expect(t.now.getTime() - START.getTime()).toBeGreaterThanOrEqual(2 * HOUR)
})

test('what does not come to rest is named', async () => {
  await using t = await testMill({ handlers: job.handler((name) => name) })
  await t.mill.queues.pause('default')
  await t.mill.enqueue(job, 'a')
  await expect(t.untilIdle({ within: '1m' })).rejects.toThrow(
    /within 60000 ms.*job [-0-9a-f]{36} \(pending\)/,
  )
})

test('the clock waits for a handler that takes its real time', async () => {
  const [begun, release] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()]
  await using t = await testMill({
    handlers: job.handler(async (name) => {
      begun.resolve()
      await release.promise
      return `${name} at ${t.now.getTime() - START.getTime()}`
    }),
    now: START,
    patience: '20s',
  })
  const handle = await t.mill.enqueue(job, 'a', { timeout: '1s' })
  const advanced = t.advance('1h')
  await begun.promise
  for (let turns = 0; turns < 100; turns++) await turn()
  release.resolve()
  await advanced
  expect(await handle.result({ within: 1 })).toBe('a at 0')
})

test('it goes on without one that never comes back, and so its time runs out', async () => {
  const hangs = defineTask('hangs', { input: unchecked<number>(), timeout: '30s', retry: false })
  let aborted: unknown
  await using t = await testMill({
    handlers: hangs.handler(
      (_, ctx) =>
        new Promise((_resolve, reject) => {
          ctx.signal.addEventListener('abort', () => {
            aborted = ctx.signal.reason
            reject(new Error('gave way'))
          })
        }),
    ),
    patience: '5ms',
  })
  const handle = await t.mill.enqueue(hangs, 1)
  await t.advance('29s')
  expect((await handle.status()).state).toBe('running')
  await t.advance('2s')
  expect(await handle.status()).toMatchObject({ state: 'failed', reason: 'timeout' })
  expect(aborted).toMatchObject({ reason: 'timeout' })
})

test('who waits for a result waits with the clock', async () => {
  await using t = await testMill({ handlers: job.handler((name) => name.toUpperCase()) })
  const [answer] = await Promise.all([t.mill.call(job, 'a', { within: '10s' }), t.untilIdle()])
  expect(answer).toBe('A')
  const never = (await t.mill.enqueue(job, 'b', { delay: '1h' })).result({ within: '1m' })
  await Promise.all([expect(never).rejects.toMatchObject({ code: 'wait-timeout' }), t.advance('2m')])
})

test('schedules fire, and what they enqueue is known', async () => {
  const fired: string[] = []
  await using t = await testMill({ handlers: job.handler((name) => (fired.push(name), name)), now: START })
  await t.mill.schedules.put('daily', { task: job, input: 'report', cron: '0 12 * * *' })
  await t.advance('3d')
  expect(fired).toEqual(['report', 'report', 'report'])
  expect(t.assertEnqueued(job, { input: 'report' })).toHaveLength(3)
})

test('what expires does so on the way', async () => {
  await using t = await testMill({ handlers: job.handler((name) => name), now: START })
  const handle = await t.mill.enqueue(job, 'a', { held: true, startBy: '1d' })
  await t.advance('23h')
  expect((await handle.status()).state).toBe('held')
  await t.advance('2h')
  expect(await handle.status()).toMatchObject({ state: 'failed', reason: 'expired' })
})

test('handlers with runIn run inline, and batches as batches', async () => {
  const sizes: number[] = []
  await using t = await testMill({
    handlers: [
      job.handler((name) => name, { runIn: 'thread', heapMb: 64 }),
      flaky.batch({ size: 3, linger: '1s' }, (items) => {
        sizes.push(items.length)
        return items.map((item) => (item > 0 ? fail('no') : undefined))
      }),
    ],
  })
  const handle = await t.mill.enqueue(job, 'a')
  await t.mill.enqueueMany([0, 0, 0, 0].map((item) => flaky.with(item)))
  await t.untilIdle()
  expect(await handle.result({ within: 1 })).toBe('a')
  expect(sizes).toEqual([3, 1])
})

test('without handlers tasks are only enqueued', async () => {
  await using t = await testMill()
  await t.mill.enqueue(job, 'a')
  await t.untilIdle()
  await t.advance('1w')
  expect(t.assertEnqueued(job)).toMatchObject([
    { input: 'a', queue: 'default', priority: 'normal', held: false },
  ])
})

test.each<readonly [string, EnqueuedMatch<typeof order>]>([
  ['nothing', {}],
  ['a member', { input: { id: 7 } }],
  ['members of items', { input: { lines: [{ sku: 'a' }, { count: 2 }] } }],
  ['what a matcher takes', { input: { note: expect.stringContaining('fragile') as string } }],
  [
    'options',
    {
      queue: 'shop',
      priority: 'high',
      delay: '90m',
      tags: ['b'],
      held: true,
      partition: 'p',
      needs: ['gpu'],
    },
  ],
  ['a time', { runAt: new Date(START.getTime() + 1.5 * HOUR) }],
  ['texts', { metadata: { by: 'me' }, headers: { trace: 'x' } }],
])('assertEnqueued compares what is given: %s', async (_, match) => {
  await using t = await testMill({ now: START })
  await t.mill.enqueue(
    order,
    {
      id: 7,
      lines: [
        { sku: 'a', count: 1 },
        { sku: 'b', count: 2 },
      ],
      note: 'very fragile',
    },
    {
      queue: 'shop',
      priority: 'high',
      delay: '90m',
      tags: ['a', 'b'],
      held: true,
      partition: 'p',
      needs: ['gpu'],
      metadata: { by: 'me', more: 'yes' },
      headers: { trace: 'x', more: 'yes' },
    },
  )
  expect(t.assertEnqueued(order, match)).toHaveLength(1)
})

test('what does not match is shown beside the nearest', async () => {
  await using t = await testMill({ now: START })
  const lines = [{ sku: 'a', count: 1 }]
  await t.mill.enqueue(order, { id: 1, lines }, { queue: 'shop', tags: ['x'] })
  await t.mill.enqueue(order, { id: 2, lines: [] })
  await t.mill.enqueue(job, 'a')
  const failure = (task: AnyTask, match: EnqueuedMatch): Error & { actual?: unknown; expected?: unknown } => {
    try {
      t.assertEnqueued(task, match)
    } catch (error) {
      return error as Error
    }
    throw new Error('It matched.')
  }
  const match = { input: { id: 1, lines: [{ sku: 'b' }] }, queue: 'shop', tags: ['y'], delay: '1h' } as const
  const error = failure(order, match)
  const [head, first, second, ...rest] = error.message.split('\n')
  expect(head).toBe('No order was enqueued that matches. The nearest of 2 that were:')
  expect(first).toMatch(
    /^ {2}[-0-9a-f]{36}: input\.lines\[0\]\.sku is "a" and not "b", delay, in ms, is 0 and not 3600000, tags is \["x"\] and not \["y"\]$/,
  )
  expect(second).toContain(
    'input.id is 2 and not 1, input.lines is [] and not [{"sku":"b"}], queue is "default" and not "shop"',
  )
  expect(rest).toEqual([])
  expect(error).toMatchObject({
    name: 'AssertionError',
    expected: match,
    actual: { input: { id: 1, lines } },
  })
  expect(failure(flaky, {}).message).toBe('No flaky was enqueued. What was: order (2 times), job.')
  expect(() => t.assertEnqueued(order, { inputs: {} } as never)).toThrow(
    'The options of assertEnqueued have no "inputs".',
  )
})

test('what a task needs is what was given, whatever its version adds', async () => {
  const newer = defineTask('newer', { input: unchecked<number>(), version: 2, upcast: { 1: Number } })
  const runs: number[] = []
  const handlers = newer.handler((n) => void runs.push(n))
  await using t = await testMill({ handlers, offers: ['gpu'] })
  await t.mill.enqueue(newer, 1, { needs: ['gpu'] })
  expect(t.assertEnqueued(newer, { needs: ['gpu'] })).toHaveLength(1)
  await t.untilIdle()
  expect(runs).toEqual([1])
})

test('what was turned away was not enqueued', async () => {
  await using t = await testMill()
  const id = '0199c0de-0000-7000-8000-000000000001'
  await t.mill.enqueue(job, 'a', { id })
  await t.mill.enqueue(job, 'a', { id })
  await expect(t.mill.enqueue(job, 'b', { id })).rejects.toMatchObject({ code: 'conflict' })
  expect(t.assertEnqueued(job)).toHaveLength(1)
})

test('work runs one handler, and what it enqueues is enqueued here', async () => {
  const sum = defineTask('sum', { input: unchecked<number>(), output: unchecked<number>() })
  await using t = await testMill({
    handlers: [
      sum.handler(async (start, ctx) => {
        if (ctx.attempt === 1) throw new NonRetryableError('not at first')
        await ctx.checkpoint({ page: 2 })
        ctx.progress(0.5)
        ctx.log.info('half way')
        ctx.throwIfLost()
        await ctx.enqueue(job, `${JSON.stringify(ctx.checkpointed)} ${ctx.task.headers['trace']}`, {
          delay: '1h',
        })
        const results = await ctx.results(sum)
        return results.reduce((all, one) => all + one, start)
      }),
      flaky.batch({ size: 3 }, (items) =>
        items.map((item) => (item > 0 ? fail(new Error('no')) : undefined)),
      ),
    ],
  })
  await expect(t.work(sum, 1)).rejects.toMatchObject({ code: 'non-retryable' })
  const options = {
    attempt: 2,
    checkpointed: { page: 1 },
    parents: [
      { task: sum, result: 2 },
      { task: job, result: 'not a sum' },
      { task: sum, result: 3 },
    ],
    headers: { trace: 'x' },
  }
  expect(await t.work(sum, 1, options)).toBe(6)
  t.assertEnqueued(job, { input: '{"page":1} x', delay: '1h', headers: { trace: 'x' } })
  expect((await t.mill.tasks.list({ type: 'sum' })).tasks).toEqual([])
  await expect(t.work(flaky, 1)).rejects.toThrow('no')
  expect(await t.work(flaky, 0)).toBeUndefined()
})

test.each([
  ['an option that is none', () => testMill({ handler: job } as never), /no "handler".*/],
  ['a time that is none', () => testMill({ now: 'today' as never }), /now is "today", which is no time/],
  ['something that is no handler', () => testMill({ handlers: job as never }), /no handler/],
  [
    'a wrong logger',
    () => testMill({ logger: { info() {} } as never }),
    /^The logger is without debug, warn, error\.$/,
  ],
])('%s is refused in a line', async (_, make, message) => {
  await expect((async () => make())()).rejects.toThrow(message)
})

test('wrong uses of it are refused in a line', async () => {
  await using t = await testMill({ handlers: job.handler((name) => name) })
  await expect(t.work(order, { id: 1, lines: [] })).rejects.toThrow('There is no handler of order here.')
  await expect(t.work(job, 'a', { attempt: 0 })).rejects.toThrow('attempt is 0.')
  await expect(t.work(job, 'a', { delay: '1h' } as never)).rejects.toThrow(
    'The options of work have no "delay".',
  )
  const moving = t.advance('1s')
  await expect(t.untilIdle()).rejects.toThrow('The clock is being moved already.')
  await moving
})

test('it closes although a handler hangs, and an input that comes from parents is none yet', async () => {
  let begun = false
  await using t = await testMill({
    handlers: job.handler(() => {
      begun = true
      return new Promise<never>(() => undefined)
    }),
    patience: '5ms',
  })
  await t.mill.enqueueFlow(chain(job.with('a'), job))
  expect(t.assertEnqueued(job).map(({ input, after }) => [input, after.length])).toEqual([
    ['a', 0],
    [undefined, 1],
  ])
  await t.advance('1s')
  expect(begun).toBe(true)
})
