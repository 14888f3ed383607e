/** timeout, startBy, deadline, and cancelling what runs. */
import { describe, expect, test } from 'vitest'
import {
  AbortError,
  defineTask,
  unchecked,
  type Context,
  type EnqueueOptions,
  type TaskHandle,
  type Worker,
} from '../../src/index.ts'
import { silent, World, type Line } from './world.ts'
import type { TaskRecord } from '../../src/store/records.ts'

const job = defineTask('job', { input: unchecked<unknown>(), retry: { delays: ['1m'] } })

type Handle = (ctx: Context, world: World) => unknown

interface Begun {
  readonly world: World
  readonly line: Line
  readonly worker: Worker
  readonly handle: TaskHandle
  readonly warnings: string[]
  readonly events: string[]
  readonly record: () => Promise<TaskRecord>
}

/** Begins to run one task. */
async function begin(handle: Handle, options: EnqueueOptions = {}, hints = true): Promise<Begun> {
  const world = new World()
  const line = world.line()
  line.hints = hints
  const warnings: string[] = []
  const logger = { ...silent, warn: (_: unknown, message?: string) => void warnings.push(message ?? '') }
  const mill = world.mill(line, { logger })
  const worker = mill.worker({ handlers: job.handler((_, ctx) => handle(ctx, world)), concurrency: 1 })
  const events: string[] = []
  for (const name of ['succeeded', 'failed', 'cancelled', 'lost'] as const)
    worker.on(name, () => void events.push(`${name} ${world.time.nowMs}`))
  await world.settle(worker.start())
  const enqueued = await mill.enqueue(job, 1, options)
  const record = async (): Promise<TaskRecord> => (await world.record(enqueued.id))!
  return { world, line, worker, handle: enqueued, warnings, events, record }
}

/** Gives way when its signal says so. */
const obedient: Handle = (ctx) =>
  new Promise((_, reject) => ctx.signal.addEventListener('abort', () => reject(ctx.signal.reason as Error)))

describe('the time limit of an attempt', () => {
  test('is told by the signal; who obeys fails at once', async () => {
    const reasons: unknown[] = []
    const { world, record, warnings } = await begin(
      (ctx, of) => {
        ctx.signal.addEventListener('abort', () => reasons.push(ctx.signal.reason))
        return obedient(ctx, of)
      },
      { timeout: '5s' },
    )
    await world.time.advance(5_000)
    expect(await record()).toMatchObject({
      state: 'pending',
      error: { name: 'AbortError' },
      counters: { failures: 1 },
    })
    expect(reasons).toEqual([expect.any(AbortError)])
    expect(reasons[0]).toMatchObject({ reason: 'timeout', code: 'timeout' })
    await world.ended([(await record()).id])
    expect(await record()).toMatchObject({ state: 'failed', reason: 'timeout', counters: { failures: 2 } })
    expect(warnings.filter((warning) => warning.includes('ignores'))).toEqual([])
  })

  test('who ignores it is decided about without it, once; the slot stays taken, and that is said', async () => {
    let calls = 0
    const late: string[] = []
    const { world, record, warnings, events, handle } = await begin(
      async (ctx, of) => {
        calls += 1
        await of.sleep(90_000)
        try {
          ctx.throwIfLost()
        } catch (error) {
          late.push((error as { code: string }).code)
        }
        await ctx.checkpoint(1).catch((error: { code: string }) => late.push(error.code))
        await ctx.enqueue(job, 2).catch((error: { code: string }) => late.push(error.code))
        ctx.progress(0.5)
        return 'too late'
      },
      { timeout: '5s', retry: false },
    )
    await world.time.advance(5_999)
    expect((await record()).state).toBe('running')
    await world.time.advance(1)
    expect(await record()).toMatchObject({
      state: 'failed',
      reason: 'timeout',
      error: { name: 'TimeoutError' },
      counters: { failures: 1, claims: 1 },
    })
    expect(warnings.filter((warning) => warning.includes('its slot stays taken')).length).toBe(1)
    const other = await world.mill().enqueue(job, 2)
    await world.time.advance(60_000)
    expect((await world.record(other.id))?.state).toBe('pending')
    await world.time.advance(30_000)
    expect((await world.record(other.id))?.state).toBe('running')
    expect(late).toEqual(['fenced', 'fenced', 'fenced'])
    expect([calls, (await handle.status()).state, events.length]).toEqual([2, 'failed', 1])
  })

  test('a success in the last moment stands', async () => {
    const { world, record } = await begin(
      async (_, of) => {
        await of.sleep(5_500)
        return 'just in time'
      },
      { timeout: '5s' },
    )
    await world.time.advance(6_500)
    expect(await record()).toMatchObject({ state: 'succeeded', result: '"just in time"' })
  })

  test('can be lifted', async () => {
    const { world, record } = await begin((_, of) => of.sleep(86_400_000), { timeout: false })
    await world.time.advance(86_400_000)
    expect((await record()).state).toBe('succeeded')
  })
})

describe('the deadline of all attempts', () => {
  test('is told by the signal like a time limit, and ends the task', async () => {
    const { world, record, events } = await begin(obedient, { deadline: '8s', delay: '3s' })
    await world.time.advance(7_999)
    expect((await record()).state).toBe('running')
    await world.time.advance(1)
    expect(await record()).toMatchObject({
      state: 'failed',
      reason: 'timeout',
      counters: { failures: 0, claims: 1 },
    })
    expect(events).toEqual(['failed 8000'])
  })

  test('who ignores it is decided about without it, and not tried again', async () => {
    const { world, record } = await begin((_, of) => of.sleep(60_000), { deadline: '8s' })
    await world.time.advance(9_000)
    expect(await record()).toMatchObject({
      state: 'failed',
      reason: 'timeout',
      error: { name: 'DeadlineError' },
    })
  })

  test('ends what waits for its next attempt', async () => {
    const { world, record } = await begin(
      () => {
        throw new Error('broken')
      },
      { deadline: '20s' },
    )
    await world.time.advance(26_000)
    expect(await record()).toMatchObject({ state: 'failed', reason: 'timeout' })
  })
})

test('what is not started by its time expires unstarted', async () => {
  let calls = 0
  const { world, record } = await begin(() => void calls++, { startBy: '10s', delay: '11s' })
  await world.time.advance(20_000)
  expect(await record()).toMatchObject({ state: 'failed', reason: 'expired', counters: { claims: 0 } })
  expect(calls).toBe(0)
})

describe('a cancel request', () => {
  test('reaches the handler at once by a hint; any rejection acknowledges it', async () => {
    const reasons: unknown[] = []
    const { world, record, handle, events } = await begin(async (ctx, of) => {
      ctx.signal.addEventListener('abort', () => reasons.push((ctx.signal.reason as AbortError).reason))
      await Promise.resolve(obedient(ctx, of)).catch(() => undefined)
      throw new Error('something else')
    })
    await world.time.advance(100)
    expect(await handle.cancel('not needed')).toBe('requested')
    await world.time.advance(1)
    expect(await record()).toMatchObject({
      state: 'cancelled',
      cancel: { reason: 'not needed' },
      counters: { failures: 0 },
    })
    expect([reasons, events]).toEqual([['cancel'], ['cancelled 100']])
  })

  test('reaches it with the next renewal where no hint comes', async () => {
    const { world, record, handle } = await begin(obedient, {}, false)
    await world.time.advance(2_100)
    await handle.cancel()
    await world.time.advance(2_800)
    expect((await record()).state).toBe('running')
    await world.time.advance(100)
    expect((await record()).state).toBe('cancelled')
  })

  test('a success stands', async () => {
    const { world, record, handle } = await begin(async (ctx, of) => {
      await Promise.resolve(obedient(ctx, of)).catch(() => undefined)
      return 'done all the same'
    })
    await world.time.advance(100)
    await handle.cancel()
    await world.time.advance(100)
    expect(await record()).toMatchObject({ state: 'succeeded', result: '"done all the same"' })
  })

  test('a failure before it was heard of lands in cancelled, too', async () => {
    const { world, line, record, handle } = await begin(async (_, of) => {
      await of.sleep(1_000)
      throw new Error('broken')
    })
    line.keep('renew', () => new Promise(() => undefined))
    await world.time.advance(500)
    await handle.cancel()
    await world.time.advance(600)
    expect(await record()).toMatchObject({ state: 'cancelled', counters: { failures: 0 } })
  })

  test('who ignores it is cancelled by the upkeep, and what it does then counts for nothing', async () => {
    const { world, record, handle, events } = await begin(async (_, of) => {
      await of.sleep(60_000)
      return 'too late'
    })
    await world.time.advance(100)
    await handle.cancel()
    await world.time.advance(5_000)
    expect((await record()).state).toBe('running')
    await world.time.advance(2_100)
    expect((await record()).state).toBe('cancelled')
    await world.time.advance(60_000)
    expect((await record()).state).toBe('cancelled')
    expect(events.map((event) => event.split(' ')[0])).toEqual(['lost'])
  })

  test('what is claimed and not started yet is not started any more', async () => {
    const started: unknown[] = []
    const world = new World()
    const mill = world.mill()
    const worker = mill.worker({
      concurrency: 1,
      handlers: job.handler(async (input) => {
        started.push(input)
        if (input === 'long') await world.sleep(200)
      }),
    })
    await world.settle(worker.start())
    // so many short ones that it claims ahead
    await world.ended(
      (
        await mill.enqueueMany(
          Array.from({ length: 300 }, (_, n) => job.with(n)),
          { atomic: true },
        )
      ).map(({ id }) => id),
    )
    started.length = 0
    const [, second] = await mill.enqueueMany([job.with('long'), job.with('queued')], { atomic: true })
    await world.time.advance(10)
    expect((await second.status()).state).toBe('running')
    await second.cancel()
    await world.time.advance(230)
    expect([started, (await second.status()).state]).toEqual([['long'], 'cancelled'])
  })
})
