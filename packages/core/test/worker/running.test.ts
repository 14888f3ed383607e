/** What handlers do, and what becomes of their tasks. */
import { describe, expect, test } from 'vitest'
import {
  defineTask,
  NonRetryableError,
  RetryAfterError,
  SnoozeError,
  unchecked,
  type Context,
  type EnqueueOptions,
  type TaskDefinition,
  type Worker,
  type WorkerEvents,
} from '../../src/index.ts'
import { runInNewContext } from 'node:vm'
import { taskError } from '../../src/worker/task-error.ts'
import { silent, World } from './world.ts'
import type { Schema } from '../../src/task/schema.ts'
import type { TaskRecord } from '../../src/store/records.ts'

type Anything = TaskDefinition<
  string,
  { input: unknown; received: unknown; returned: unknown; result: unknown }
>

const text: Schema<unknown, string> = {
  '~standard': {
    version: 1,
    vendor: 'test',
    validate: (value: unknown) =>
      typeof value === 'string' ? { value: `<${value}>` } : { issues: [{ message: 'is no text' }] },
  },
}

const any = (options: object = {}): Anything =>
  defineTask('job', { input: unchecked<unknown>(), ...options }) as Anything

type Handle = (input: unknown, ctx: Context, world: World) => unknown

interface Ran {
  readonly world: World
  readonly record: TaskRecord
  readonly events: string[]
}

/** Runs one task to its end. */
async function run(
  task: Anything,
  handle: Handle,
  options: EnqueueOptions & { readonly input?: unknown } = {},
): Promise<Ran> {
  const { input = 1, ...rest } = options
  const world = new World()
  const mill = world.mill()
  const worker = mill.worker({ handlers: task.handler((given, ctx) => handle(given, ctx, world)) })
  const events = eventsOf(worker)
  await world.settle(worker.start())
  const { id } = await mill.enqueue(task, input, rest)
  const [record] = await world.ended([id])
  await world.settle(worker.stop())
  return { world, record: record!, events }
}

function eventsOf(worker: Worker): string[] {
  const events: string[] = []
  const names: readonly (keyof WorkerEvents)[] = [
    'started',
    'succeeded',
    'failed',
    'cancelled',
    'lost',
    'error',
  ]
  for (const name of names) {
    worker.on(name, (event) => {
      const attempt = 'attempt' in event ? ` ${event.attempt}` : ''
      const last = 'willRetryAt' in event ? (event.willRetryAt === null ? ' for good' : ' will retry') : ''
      events.push(`${name}${attempt}${last}`)
    })
  }
  return events
}

test.each([
  ['synchronous', () => 'done'],
  ['asynchronous', async () => 'done'],
  // oxlint-disable-next-line unicorn/no-thenable -- query builders are like this
  ['an object that can be awaited', () => ({ then: (resolve: (value: string) => void) => resolve('done') })],
  // oxlint-disable-next-line unicorn/no-thenable
  [
    'a function that can be awaited',
    () => Object.assign(() => 0, { then: (resolve: (value: string) => void) => resolve('done') }),
  ],
])('%s', async (_, handle) => {
  const { record, events } = await run(any(), handle)
  expect(record).toMatchObject({ state: 'succeeded', result: '"done"', counters: { claims: 1, failures: 0 } })
  expect(events).toEqual(['started 1', 'succeeded 1'])
})

test('the handler gets what the input schema makes of the payload, the store keeps what the output schema takes', async () => {
  const { record } = await run(any({ input: text, output: text }), (input) => `${String(input)}!`, {
    input: 'a',
  })
  expect(record).toMatchObject({ state: 'succeeded', result: '"<a>!"' })
})

test('the duration is the handler’s, not the store’s', async () => {
  const world = new World()
  const line = world.line()
  line.keep('exchange', async (pass) => {
    const answer = await pass()
    await world.sleep(500)
    return answer
  })
  const mill = world.mill(line)
  const worker = mill.worker({ handlers: any().handler(() => world.sleep(40)) })
  const durations: number[] = []
  worker.on('succeeded', ({ durationMs }) => void durations.push(durationMs))
  await world.settle(worker.start())
  const { id } = await mill.enqueue(any(), 1)
  await world.ended([id])
  await world.time.advance(2_000)
  expect(durations).toEqual([40])
})

/** A handler that fails so often, and notes when it was called. */
function failing(times: number, error: () => unknown): { readonly at: number[]; readonly handle: Handle } {
  const at: number[] = []
  const handle: Handle = (_, __, world) => {
    at.push(world.time.nowMs)
    if (at.length > times) return 'done'
    throw error()
  }
  return { at, handle }
}

const gaps = (at: readonly number[]): number[] => at.slice(1).map((time, index) => time - at[index]!)

describe('what fails is tried again', () => {
  test('with growing waits and jitter, up to the last attempt', async () => {
    const { at, handle } = failing(9, () => new TypeError('broken'))
    const { record, events } = await run(any({ retry: { attempts: 4, base: '1s', max: '2s' } }), handle)
    expect(record).toMatchObject({
      state: 'failed',
      reason: 'error',
      error: {
        name: 'TypeError',
        message: 'broken',
        stack: expect.stringContaining('running.test') as unknown,
      },
      counters: { failures: 4, claims: 4 },
    })
    const waits = gaps(at)
    expect(waits.length).toBe(3)
    for (const [index, wait] of waits.entries())
      expect(wait).toBeLessThanOrEqual([1_000, 2_000, 2_000][index]!)
    expect(events.join(', ')).toBe(
      'started 1, failed 1 will retry, started 2, failed 2 will retry, started 3, failed 3 will retry, started 4, failed 4 for good',
    )
  })

  test('at the very millisecond', async () => {
    const { at, handle } = failing(3, () => new Error('broken'))
    await run(any({ retry: { delays: [1, 777, '5m'] } }), handle)
    expect(gaps(at)).toEqual([1, 777, 300_000])
  })

  test('not at all, where that is said', async () => {
    const { record, events } = await run(any({ retry: false }), failing(1, () => new Error('broken')).handle)
    expect(record).toMatchObject({ state: 'failed', counters: { failures: 1 } })
    expect(events).toEqual(['started 1', 'failed 1 for good'])
  })

  test('NonRetryableError: never', async () => {
    const { record, events } = await run(any(), failing(1, () => new NonRetryableError('no use')).handle)
    expect(record).toMatchObject({
      state: 'failed',
      reason: 'error',
      error: { code: 'non-retryable' },
      counters: { failures: 1 },
    })
    expect(events).toEqual(['started 1', 'failed 1 for good'])
  })

  test('RetryAfterError: after its delay, at the cost of an attempt', async () => {
    const { at, handle } = failing(2, () => new RetryAfterError('30s'))
    const { record } = await run(any({ retry: { attempts: 3 } }), handle)
    expect([gaps(at), record.counters.failures, record.state]).toEqual([[30_000, 30_000], 2, 'succeeded'])
    const last = await run(
      any({ retry: { attempts: 3 } }),
      failing(3, () => new RetryAfterError('30s')).handle,
    )
    expect(last.record).toMatchObject({ state: 'failed', counters: { failures: 3 } })
  })

  test('SnoozeError: after its delay, at no cost', async () => {
    const { at, handle } = failing(2, () => new SnoozeError('5m'))
    const { record, events } = await run(any({ retry: false }), handle)
    expect([gaps(at), record.counters]).toMatchObject([
      [300_000, 300_000],
      { failures: 0, snoozes: 2, claims: 3 },
    ])
    expect(events).toEqual(['started 1', 'started 1', 'started 1', 'succeeded 1'])
  })

  test('an imitation of our errors with a delay that is none fails like anything else', async () => {
    const { record } = await run(any({ retry: false }), () => {
      throw Object.assign(new Error('odd'), { code: 'snooze', delayMs: Infinity })
    })
    expect(record).toMatchObject({ state: 'failed', reason: 'error', error: { message: 'odd' } })
  })

  test('a function of the user’s says when, or gives up', async () => {
    const asked: unknown[] = []
    const delay = (failed: { readonly attempt: number; readonly error: unknown }): number | false => {
      asked.push([failed.attempt, (failed.error as Error).message])
      return failed.attempt < 3 ? failed.attempt * 100 : false
    }
    const { at, handle } = failing(9, () => new Error('broken'))
    const { record } = await run(any({ retry: { attempts: 10, delay } }), handle)
    expect(gaps(at)).toEqual([100, 200])
    expect(asked).toEqual([
      [1, 'broken'],
      [2, 'broken'],
      [3, 'broken'],
    ])
    expect(record).toMatchObject({ state: 'failed', counters: { failures: 3 } })
  })

  test.each([
    [
      'throws',
      () => {
        throw new RangeError('bad function')
      },
      'RangeError',
    ],
    ['answers no duration', () => 'soon' as never, 'InvalidArgumentError'],
    ['answers a promise', () => Promise.resolve(1) as never, 'InvalidArgumentError'],
  ])('a function that %s leaves it to the policy, and is what the error shows', async (_, delay, name) => {
    const { record } = await run(
      any({ retry: { attempts: 2, delay } }),
      failing(9, () => new Error('broken')).handle,
    )
    expect(record).toMatchObject({ state: 'failed', error: { name }, counters: { failures: 2 } })
  })
})

describe('what can never work is not run, or not again', () => {
  test('a payload that its schema refuses: the handler is not started', async () => {
    const strict = any({ input: text })
    const world = new World()
    const mill = world.mill()
    let called = 0
    const worker = mill.worker({ handlers: strict.handler(() => void called++) })
    const events = eventsOf(worker)
    await world.settle(worker.start())
    const { id } = await mill.enqueue(any(), 42) // by a producer with another idea of the input
    const [record] = await world.ended([id])
    expect(record).toMatchObject({
      state: 'failed',
      reason: 'invalid',
      error: { code: 'invalid-payload' },
      counters: { failures: 0, claims: 1 },
    })
    expect([called, events]).toEqual([0, ['failed 1 for good']])
  })

  test.each([
    ['is no JSON', () => new Map(), 'invalid-payload'],
    ['is too large', () => 'x'.repeat(1_048_577), 'too-large'],
    ['is not what its schema says', () => 42, 'invalid-payload'],
  ])('a result that %s: run once', async (_, handle, code) => {
    let calls = 0
    const { record, events } = await run(any({ output: text }), () => {
      calls += 1
      return handle()
    })
    expect(record).toMatchObject({
      state: 'failed',
      reason: 'invalid',
      error: { code },
      counters: { failures: 0 },
    })
    expect([calls, events]).toEqual([1, ['started 1', 'failed 1 for good']])
  })
})

class Hostile extends Error {
  override get message(): string {
    throw new Error('do not look')
  }
}

test.each([
  ['nothing', () => undefined, 'undefined'],
  ['a text', () => 'a text', 'a text'],
  ['an object', () => ({ a: 1 }), '{"a":1}'],
  [
    'a circle',
    () => {
      const circle: Record<string, unknown> = {}
      circle['self'] = circle
      return circle
    },
    '[object Object]',
  ],
  ['an error without a name', () => Object.assign(new Error('odd'), { name: undefined }), 'odd'],
  ['an error with an odd message', () => Object.assign(new Error(), { message: { a: 1 } }), '{"a":1}'],
  ['an error with an odd stack', () => Object.assign(new Error('odd'), { stack: null }), 'odd'],
  ['an error of another realm', () => runInNewContext('new TypeError("elsewhere")') as Error, 'elsewhere'],
  [
    'an error that does not want to be read',
    () => new Hostile(),
    'Something was thrown that cannot be looked at.',
  ],
  [
    'a revoked proxy',
    () => {
      const { proxy, revoke } = Proxy.revocable({}, {})
      revoke()
      return proxy
    },
    'Something was thrown that cannot be looked at.',
  ],
  ['a text that no store can keep', () => new Error('nul \0 lone \ud800'), 'nul \ufffd lone \ufffd'],
])('%s can be thrown', async (_, thrown, message) => {
  const { record } = await run(any({ retry: false }), () => {
    // oxlint-disable-next-line typescript/only-throw-error -- anything can be thrown
    throw thrown()
  })
  expect(record).toMatchObject({ state: 'failed', reason: 'error', error: { message } })
})

test('the record of an error stays below 16 KiB, whatever it is made of', () => {
  const wide = '\u4e2d\ud83d\ude00'.repeat(20_000)
  const error = Object.assign(new Error(wide), { name: wide, code: wide, stack: wide })
  const kept = taskError(error)
  const all = `${kept.name}${kept.message}${kept.code}${kept.stack}`
  expect(Buffer.byteLength(all)).toBeLessThanOrEqual(16_384)
  expect(all.isWellFormed()).toBe(true)
  expect(kept.stack!.length).toBeGreaterThan(100)
})

test('a listener that throws is an error event; without listeners it is logged', async () => {
  const world = new World()
  const logged: string[] = []
  const mill = world.mill(undefined, {
    logger: { ...silent, error: (_: unknown, message?: string) => void logged.push(message ?? '') },
  })
  const worker = mill.worker({ handlers: any().handler(() => 'done') })
  worker.on('succeeded', () => {
    throw new Error('clumsy')
  })
  await world.settle(worker.start())
  await world.ended([(await mill.enqueue(any(), 1)).id])
  expect(logged).toEqual(["a listener of 'succeeded' failed"])
  const errors: string[] = []
  using _ = worker.on('error', ({ doing }) => void errors.push(doing))
  await world.ended([(await mill.enqueue(any(), 1)).id])
  expect([logged.length, errors]).toEqual([1, ["a listener of 'succeeded'"]])
})

test('an error listener that throws is an uncaught error, and the worker goes on', async () => {
  const world = new World()
  const uncaught: unknown[] = []
  const own = world.time.platform()
  const platform = {
    ...own,
    soon: (task: () => void) =>
      own.soon(() => {
        try {
          task()
        } catch (error) {
          uncaught.push(error)
        }
      }),
  }
  const mill = world.mill(undefined, { platform })
  const worker = mill.worker({ handlers: any().handler(() => 'done') })
  worker.on('started', () => {
    throw new Error('clumsy')
  })
  worker.on('error', () => {
    throw new Error('clumsier')
  })
  await world.settle(worker.start())
  for (let n = 0; n < 3; n++) await world.ended([(await mill.enqueue(any(), n)).id])
  expect(uncaught).toEqual([new Error('clumsier'), new Error('clumsier'), new Error('clumsier')])
})
