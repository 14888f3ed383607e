/** Handles: results, waits, status, cancel. */
import { getEventListeners } from 'node:events'
import { describe, expect, test } from 'vitest'
import { defineTask, NonRetryableError, StoreError, unchecked, type Mill } from '../../src/index.ts'
import { World } from '../worker/world.ts'
import type { Platform } from '../../src/platform/platform.ts'

const job = defineTask('job', { input: unchecked<unknown>(), retry: false })
const UNKNOWN = '00000000-0000-4000-8000-00000000dead'

const upper = defineTask('upper', {
  input: unchecked<string>(),
  output: {
    '~standard': {
      version: 1,
      vendor: 'test',
      validate: (value: unknown) =>
        typeof value === 'string' ? { value: value.toUpperCase() } : { issues: [{ message: 'is no text' }] },
    },
  },
  retry: false,
})

async function working(
  world: World,
  handle: (input: unknown) => unknown,
  mill: Mill = world.mill(),
): Promise<Mill> {
  await world.settle(
    mill.worker({ handlers: [job.handler(handle), upper.handler((input) => input)] }).start(),
  )
  return mill
}

/** Counts the timers that were set and neither fired nor cancelled. */
function counting(platform: Platform): Platform & { readonly live: () => number } {
  let live = 0
  return {
    ...platform,
    live: () => live,
    setTimer(delayMs, run, hold) {
      let over = false
      const end = (): void => {
        if (!over) live -= 1
        over = true
      }
      live += 1
      const timer = platform.setTimer(delayMs, () => (end(), run()), hold)
      return { cancel: () => (end(), timer.cancel()) }
    },
  }
}

describe('results', () => {
  test('come through the output schema, or as they were returned', async () => {
    const world = new World()
    const mill = await working(world, (input) => input)
    expect(await world.settle(mill.call(upper, 'ada', { within: '10s' }))).toBe('ADA')
    expect(await world.settle(mill.call(job, { n: 1 }, { within: '10s' }))).toEqual({ n: 1 })
    expect(await world.settle(mill.call(job, undefined, { within: '10s' }))).toBeUndefined()
    const bytes = new Uint8Array([1, 2, 3])
    expect(await world.settle(mill.call(job, bytes, { within: '10s' }))).toEqual(bytes)
  })

  test('a failed and a cancelled task are errors of their own', async () => {
    const world = new World()
    const mill = await working(world, () => {
      throw new NonRetryableError('no use')
    })
    const failed = await mill.enqueue(job, 1)
    expect(await world.refusal(failed.result({ within: '10s' }))).toMatchObject({
      code: 'task-failed',
      task: failed.id,
      reason: 'error',
      message: expect.stringContaining('no use') as unknown,
      cause: { code: 'non-retryable' },
    })
    const waiting = await mill.enqueue(job, 2, { delay: '1h' })
    expect(await waiting.cancel('not needed')).toBe('cancelled')
    expect(await world.refusal(waiting.result({ within: '10s' }))).toMatchObject({
      code: 'task-cancelled',
      message: expect.stringContaining('not needed') as unknown,
    })
    expect(await waiting.cancel()).toBe('over')
  })

  test('a task that failed without an error says why all the same', async () => {
    const world = new World()
    const mill = world.mill()
    const parent = await mill.enqueue(job, 1)
    const child = await mill.enqueue(job, 2, { after: [{ task: parent, ifFailed: 'fail' }] })
    await parent.cancel()
    const late = await mill.enqueue(job, 3, { startBy: '1s' })
    await world.time.advance(1_000)
    await world.store.sweep({ tasksMax: 10 })
    for (const [handle, reason, message] of [
      [child, 'dependency', /failed \(dependency\): a task that it waited for did not succeed$/],
      [late, 'expired', /failed \(expired\): it was not started before its `startBy`$/],
    ] as const)
      expect(await world.refusal(handle.result({ within: '10s' }))).toMatchObject({
        code: 'task-failed',
        reason,
        message: expect.stringMatching(message) as unknown,
      })
    // an error without a text, as `throw new Error()`
    const silent = await mill.enqueue(job, 4, { retry: false })
    await world.settle(mill.worker({ handlers: job.handler(() => Promise.reject(new Error())) }).start())
    expect(await world.refusal(silent.result({ within: '10s' }))).toMatchObject({
      message: expect.stringMatching(
        /failed \(error\): its handler threw something without a message$/,
      ) as unknown,
    })
    await world.settle(mill.close())
  })

  test('a wait ends after its time, at its signal, or with the client; the task goes on', async () => {
    const world = new World()
    const mill = world.mill()
    const handle = await mill.enqueue(job, 1)
    const started = world.time.nowMs
    expect(await world.refusal(handle.result({ within: '7s' }))).toMatchObject({ code: 'wait-timeout' })
    expect(world.time.nowMs - started).toBe(7_000)
    const controller = new AbortController()
    const aborted = handle.result({ within: '1h', signal: controller.signal })
    await world.time.advance(10)
    controller.abort(new Error('enough'))
    expect((await world.refusal(aborted)).message).toBe('enough')
    await expect(handle.result({ within: '1h', signal: controller.signal })).rejects.toThrow('enough')
    const closed = world.refusal(handle.result({ within: '1h' }))
    await world.settle(mill.close())
    expect(await closed).toMatchObject({ code: 'closed' })
    expect((await world.record(handle.id))?.state).toBe('pending')
  })

  test('what the store does not hold is not found', async () => {
    const world = new World()
    const handle = world.mill().handle(job, UNKNOWN.toUpperCase())
    expect(handle.id).toBe(UNKNOWN)
    await expect(handle.result({ within: '1s' })).rejects.toMatchObject({ code: 'not-found' })
    await expect(handle.status()).rejects.toMatchObject({ code: 'not-found' })
    await expect(handle.cancel()).rejects.toMatchObject({ code: 'not-found' })
    expect(() => world.mill().handle(job, 'x')).toThrow('no UUID')
    await expect(handle.result({ within: 'soon' as '1s' })).rejects.toMatchObject({
      code: 'invalid-argument',
    })
  })

  test('call checks what it will wait for before it writes', async () => {
    const world = new World()
    const line = world.line()
    const mill = world.mill(line)
    await expect(mill.call(job, 1, { within: 'soon' as '1s' })).rejects.toMatchObject({
      code: 'invalid-argument',
    })
    await expect(
      mill.call(job, 1, { within: '1s', signal: AbortSignal.abort(new Error('too late')) }),
    ).rejects.toThrow('too late')
    expect(line.calls).toEqual([])
  })
})

describe('waits', () => {
  test('wake by a hint, at once', async () => {
    const world = new World()
    const mill = world.mill()
    const handle = await mill.enqueue(job, 1)
    const wait = handle.result({ within: '1h' })
    await world.time.advance(60_000)
    const before = world.time.nowMs
    await working(world, () => 'done')
    expect(await world.settle(wait)).toBe('done')
    expect(world.time.nowMs).toBe(before)
  })

  test('wake by polling where no hint comes', async () => {
    const world = new World()
    const line = world.line()
    line.hints = false
    const mill = world.mill(line)
    const handle = await mill.enqueue(job, 1)
    const wait = handle.result({ within: '1h' })
    await world.time.advance(60_000)
    expect(line.count('outcomes')).toBeLessThan(70)
    const before = world.time.nowMs
    await working(world, () => 'done')
    expect(await world.settle(wait)).toBe('done')
    expect(world.time.nowMs - before).toBeLessThanOrEqual(1_000)
  })

  test('share their looks, and leave nothing behind', async () => {
    const world = new World()
    const line = world.line()
    const platform = counting(world.time.platform())
    const mill = world.mill(line, { platform })
    const handles = await mill.enqueueMany(
      Array.from({ length: 50 }, (_, n) => job.with(n)),
      { atomic: true },
    )
    const waits = handles.map((handle) => handle.result({ within: '1h' }))
    await world.time.advance(10)
    expect(line.count('outcomes')).toBeLessThanOrEqual(2)
    await working(world, (input) => input)
    expect(await world.settle(Promise.all(waits))).toEqual(Array.from({ length: 50 }, (_, n) => n))
    // hints go on for a moment, in case that somebody waits again
    await world.time.advance(1_000)
    expect(platform.live()).toBe(0)
    const looks = line.count('outcomes')
    await world.time.advance(60_000)
    expect(line.count('outcomes')).toBe(looks)
  })

  test('a signal that outlives its waits does not keep them', async () => {
    const world = new World()
    const mill = await working(world, () => 'done')
    const { signal } = new AbortController()
    for (let n = 0; n < 3; n++) await world.settle(mill.call(job, n, { within: '1h', signal }))
    const late = await mill.enqueue(job, 4, { delay: '1h' })
    expect(await world.refusal(late.result({ within: '1s', signal }))).toMatchObject({ code: 'wait-timeout' })
    expect(getEventListeners(signal, 'abort')).toEqual([])
  })

  test('one that begins as another ends is looked after all the same', async () => {
    const world = new World()
    const line = world.line()
    line.hints = false
    const mill = world.mill(line)
    const [first, second] = await mill.enqueueMany([job.with(1), job.with(2)], { atomic: true })
    await working(world, (input) => input)
    await world.ended([first.id, second.id])
    // wherever in the turn the second one begins
    for (let ticks = 0; ticks < 30; ticks++) {
      const begun = first.result({ within: '1h' })
      for (let tick = 0; tick < ticks; tick++) await Promise.resolve()
      const startedMs = world.time.nowMs
      expect(await world.settle(second.result({ within: '1h' }))).toBe(2)
      expect(world.time.nowMs - startedMs).toBeLessThanOrEqual(1_000)
      await world.settle(begun)
    }
  })

  test('large results come in parts', async () => {
    const world = new World()
    const mill = await working(world, () => 'x'.repeat(1_000_000))
    const handles = await mill.enqueueMany(
      Array.from({ length: 20 }, (_, n) => job.with(n)),
      { atomic: true },
    )
    const results = await world.settle(Promise.all(handles.map((handle) => handle.result({ within: '1m' }))))
    expect(results.map((result) => (result as string).length)).toEqual(Array(20).fill(1_000_000))
  })

  test('a store that is away is waited for, and told of if it stays so', async () => {
    const world = new World()
    const line = world.line()
    const mill = world.mill(line)
    const handle = await mill.enqueue(job, 1)
    line.keep('outcomes', () =>
      Promise.reject(new StoreError('store-unavailable', 'away', { effect: 'unknown' })),
    )
    // a look has no effect that could be in doubt
    expect(await world.refusal(handle.result({ within: '40s' }))).toMatchObject({ code: 'store-unavailable' })
    expect(world.time.nowMs).toBe(40_000)
    const wait = handle.result({ within: '1h' })
    await world.time.advance(60_000)
    line.free('outcomes')
    await working(world, () => 'done')
    expect(await world.settle(wait)).toBe('done')
  })

  test('a store that cannot be used at all is not waited for', async () => {
    const world = new World()
    const line = world.line()
    const mill = world.mill(line)
    const handle = await mill.enqueue(job, 1)
    line.keep('outcomes', () =>
      Promise.reject(new StoreError('store-unavailable', 'no such user', { effect: 'final' })),
    )
    const error = await world.refusal(handle.result({ within: '1h' }))
    expect(error).toMatchObject({ message: 'no such user' })
    expect(world.time.nowMs).toBe(0)
  })
})

describe('status and cancel', () => {
  test('a status shows the task in everyday words', async () => {
    const world = new World()
    const mill = world.mill()
    const handle = await mill.enqueue(
      job,
      { n: 1 },
      { delay: '5s', priority: 'high', tags: ['a'], metadata: { by: 'me' } },
    )
    expect(await handle.status()).toMatchObject({
      id: handle.id,
      state: 'scheduled',
      priority: 'high',
      attempt: 1,
      input: { n: 1 },
      result: undefined,
      checkpoint: undefined,
      tags: ['a'],
      metadata: { by: 'me' },
    })
    await world.time.advance(5_000)
    expect((await handle.status()).state).toBe('ready')
    await mill.tasks.hold(handle.id)
    expect((await handle.status()).state).toBe('held')
    await mill.tasks.release(handle.id)
    await working(world, () => 'done', mill)
    await world.ended([handle.id])
    expect(await handle.status()).toMatchObject({ state: 'succeeded', input: undefined, result: 'done' })
    expect(await mill.tasks.get(UNKNOWN)).toBeUndefined()
    expect((await mill.tasks.history(handle.id)).map(({ event }) => event)).toEqual([
      'enqueued',
      'held',
      'released',
      'claimed',
      'succeeded',
    ])
  })

  test('a running task is asked; reasons are kept as stores can keep them', async () => {
    const world = new World()
    const mill = await working(world, () => world.sleep(1_000))
    const handle = await mill.enqueue(job, 1)
    await world.time.advance(100)
    expect(await handle.cancel(`nul\0 and \ud800 and ${'long '.repeat(1_000)}`)).toBe('requested')
    const reason = (await handle.status()).cancel?.reason ?? ''
    expect(reason.startsWith('nul\ufffd and \ufffd and long')).toBe(true)
    expect(reason.length).toBe(1_000)
  })
})
