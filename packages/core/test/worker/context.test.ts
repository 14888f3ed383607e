/** What handlers can do besides returning. */
import { describe, expect, test } from 'vitest'
import {
  defineTask,
  RetryAfterError,
  unchecked,
  type Context,
  type EnqueueOptions,
  type Mill,
  type TaskHandle,
  type Worker,
} from '../../src/index.ts'
import { silent, World, type Line } from './world.ts'
import type { TaskRecord } from '../../src/store/records.ts'

const job = defineTask('job', { input: unchecked<unknown>(), retry: { delays: ['1s', '1s', '1s'] } })
const child = defineTask('child', { input: unchecked<unknown>() })

type Handle = (ctx: Context, world: World, input: unknown) => unknown

interface Begun {
  readonly world: World
  readonly line: Line
  readonly mill: Mill
  readonly worker: Worker
  readonly handle: TaskHandle
  readonly logged: unknown[][]
  readonly record: () => Promise<TaskRecord>
}

async function begin(handle: Handle, options: EnqueueOptions = {}): Promise<Begun> {
  const world = new World()
  const line = world.line()
  const logged: unknown[][] = []
  const logger = {
    ...silent,
    info: (...parts: unknown[]) => void logged.push(parts),
    error: (...parts: unknown[]) => void logged.push(parts),
  }
  const mill = world.mill(line, { logger })
  const worker = mill.worker({ handlers: job.handler((input, ctx) => handle(ctx, world, input)) })
  await world.settle(worker.start())
  const enqueued = await mill.enqueue(job, 1, options)
  return {
    world,
    line,
    mill,
    worker,
    handle: enqueued,
    logged,
    record: async () => (await world.record(enqueued.id))!,
  }
}

/** The exchanges that wrote something about a task. */
function settling(line: Line): number {
  return line.requests('exchange').filter(({ settlements }) => settlements.length > 0).length
}

test('a handler is told about its task', async () => {
  const seen: unknown[] = []
  const { world, handle } = await begin(
    (ctx) => {
      seen.push(
        ctx.task,
        ctx.attempt,
        ctx.idempotencyKey,
        ctx.fence,
        ctx.checkpointed,
        ctx.signal.aborted,
        ctx.signal === ctx.signal,
      )
      ctx.throwIfLost()
    },
    { tags: ['a'], metadata: { b: 'c' }, headers: { d: 'e' } },
  )
  await world.ended([handle.id])
  const task = {
    id: handle.id,
    type: 'job',
    queue: 'default',
    partition: null,
    after: [],
    tags: ['a'],
    metadata: { b: 'c' },
    headers: { d: 'e' },
  }
  const fence = { task: handle.id, epoch: 1, nonce: expect.stringMatching(/^[0-9a-f]{16}$/) as unknown }
  expect(seen).toEqual([task, 1, handle.id, fence, undefined, false, true])
})

describe('progress and logs', () => {
  test('are coalesced: however many, a few exchanges a second', async () => {
    const { world, line, record, logged } = await begin(async (ctx, of) => {
      for (let n = 1; n <= 2_000; n++) {
        ctx.progress(n / 2_000, `step ${n}`)
        ctx.log.info({ n }, 'a step')
        await of.sleep(1)
      }
    })
    await world.time.advance(1_000)
    expect((await record()).progress!.fraction).toBeGreaterThan(0.35)
    await world.time.advance(990)
    expect(settling(line)).toBeLessThanOrEqual(8)
    await world.time.advance(20)
    const { state, progress, logs } = await record()
    expect([state, progress, logs.length]).toEqual(['succeeded', { fraction: 1, message: 'step 2000' }, 100])
    expect(logs.at(-1)).toMatchObject({ level: 'info', message: 'a step', data: '{"n":2000}' })
    expect(logged.filter(([, message]) => message === 'a step').length).toBe(2_000)
  })

  test('are coalesced while the store is slow, too', async () => {
    const { world, line } = await begin(async (ctx, of) => {
      for (let n = 1; n <= 1_000; n++) {
        ctx.progress(n / 1_000)
        await of.sleep(1)
      }
    })
    line.keep('exchange', async (pass) => {
      const answer = await pass()
      await world.sleep(10)
      return answer
    })
    await world.time.advance(1_200)
    expect(settling(line)).toBeLessThanOrEqual(6)
  })

  test('travel with an exchange that leaves anyway', async () => {
    const { world, line, record, handle } = await begin((ctx) => {
      ctx.progress(0.5)
      ctx.log.warn('careful')
    })
    await world.ended([handle.id])
    expect(settling(line)).toBe(1)
    expect(await record()).toMatchObject({
      progress: { fraction: 0.5 },
      logs: [{ level: 'warn', message: 'careful', data: null }],
    })
  })

  test('are kept whatever they hold', async () => {
    const odd = { toJSON: () => undefined }
    const circle: Record<string, unknown> = {}
    circle['self'] = circle
    const { world, handle, record, logged } = await begin((ctx) => {
      ctx.progress(1, `nul\0 ${'x'.repeat(2_000)}`)
      ctx.log.info(odd, 'odd')
      ctx.log.info(circle, 'round')
      ctx.log.error(new Error('alone'))
      ctx.log.error({ error: new Error('inside'), nul: '\0' }, 'nul \0')
      expect(() => ctx.progress(2)).toThrow('The progress is')
      expect(() => ctx.progress(Number.NaN)).toThrow('The progress is')
    })
    await world.ended([handle.id])
    const { progress, logs } = await record()
    expect(progress!.message).toMatch(/^nul\ufffd x+$/)
    expect(progress!.message!.length).toBe(1_000)
    expect(logs.map(({ message }) => message)).toEqual(['odd', 'round', 'alone', 'nul \ufffd'])
    expect(logs[2]!.data).toContain('"message":"alone"')
    expect(logs[3]!.data).toContain('"message":"inside"')
    expect(logged.map(([, message]) => message)).toContain('alone')
  })
})

describe('checkpoints', () => {
  test('are awaited until they are written, and the next attempt sees the last', async () => {
    const seen: unknown[] = []
    const { world, line, handle, record } = await begin(async (ctx) => {
      seen.push(ctx.checkpointed)
      if (ctx.attempt > 1) return
      await ctx.checkpoint({ page: 1 })
      seen.push((await record()).checkpoint)
      await ctx.checkpoint({ page: 2 })
      throw new Error('broken')
    })
    line.keep('exchange', async (pass) => {
      await world.sleep(20)
      return pass()
    })
    await world.ended([handle.id])
    expect(seen).toEqual([undefined, '{"page":1}', { page: 2 }])
  })

  test('one that nobody awaits is written before the end all the same', async () => {
    const seen: unknown[] = []
    const { world, handle } = await begin((ctx) => {
      seen.push(ctx.checkpointed)
      if (ctx.attempt > 1) return
      void ctx.checkpoint('saved')
      throw new Error('broken')
    })
    await world.ended([handle.id])
    expect(seen).toEqual([undefined, 'saved'])
  })

  test('what cannot be kept is refused', async () => {
    const codes: unknown[] = []
    const refused = (error: { code: string }): void => void codes.push(error.code)
    const { world, handle } = await begin(async (ctx) => {
      await ctx.checkpoint(new Map()).catch(refused)
      await ctx.checkpoint('x'.repeat(1_048_577)).catch(refused)
    })
    await world.ended([handle.id])
    expect(codes).toEqual(['invalid-payload', 'too-large'])
  })
})

describe('children', () => {
  test('are the same tasks over all attempts', async () => {
    const seen: string[][] = []
    const { world, handle, mill } = await begin(async (ctx) => {
      const children = [
        await ctx.enqueue(child, 1),
        await ctx.enqueue(child, 2),
        await ctx.enqueue(child, 3, { key: 'third' }),
        await ctx.enqueue(child, 4, { id: '00000000-0000-4000-8000-000000000004', delay: '1h' }),
      ]
      seen.push(children.map(({ id }) => id))
      seen.push(children.map(({ outcome }) => outcome))
      if (ctx.attempt < 3) throw new Error('broken')
    })
    await world.ended([handle.id])
    const [ids, first, again, second] = seen
    expect(new Set(ids).size).toBe(4)
    expect([again, seen[4]]).toEqual([ids, ids])
    expect([first, second]).toEqual([Array(4).fill('created'), Array(4).fill('duplicate')])
    expect((await mill.tasks.list({ type: 'child' })).tasks.length).toBe(4)
  })

  test('a task that is started over has children of its own', async () => {
    const ids: string[] = []
    const { world, handle, mill } = await begin(
      async (ctx) => {
        ids.push((await ctx.enqueue(child, 1)).id)
        throw new RetryAfterError(0)
      },
      { retry: false },
    )
    await world.ended([handle.id])
    await mill.tasks.retry(handle.id)
    await world.ended([handle.id])
    expect(new Set(ids).size).toBe(2)
  })

  test('are fenced: who lost its task enqueues nothing', async () => {
    const codes: unknown[] = []
    const { world, line, handle, mill } = await begin(async (ctx, of) => {
      if (ctx.attempt === 1 && codes.length === 0) {
        await of.sleep(1_000)
        await ctx.enqueue(child, 1).catch((error: { code: string }) => codes.push(error.code))
        await of.sleep(20_000)
        await ctx.enqueue(child, 2).catch((error: { code: string }) => codes.push(error.code))
      }
    })
    line.keep('renew', () => new Promise(() => undefined))
    await world.time.advance(500)
    // taken from it behind its back
    const session = '00000000-0000-4000-8000-00000000beef'
    const [own] = await world.store.sessions()
    await world.store.openSession({ ...own!, session, ttlMs: 60_000, definitions: [] })
    await world.store.closeSession(own!.session)
    await world.store.reclaim({ session, nonce: 'ffffffffffffffff', again: false, tasksMax: 10, graceMs: 0 })
    await world.time.advance(30_000)
    expect(codes).toEqual(['fenced', 'fenced'])
    expect((await mill.tasks.list({ type: 'child' })).tasks).toEqual([])
    expect((await handle.status()).state).toBe('running')
  })
})

describe('results of parents', () => {
  test('come by definition, in the order of `after`, through the schema; one comes by its id', async () => {
    const world = new World()
    const mill = world.mill()
    const seen: unknown[] = []
    const number = defineTask('number', {
      input: unchecked<number>(),
      output: {
        '~standard': {
          version: 1,
          vendor: 'test',
          validate: (value: unknown) => ({ value: `#${String(value)}` }),
        },
      },
      retry: false,
    })
    const parents = [3, 1, -1, 2].map((n) => number.with(n))
    const stranger = child.with('stranger')
    const sum = job.with(0, {
      after: [...parents, stranger].map((task) => ({ task, ifFailed: 'run' as const })),
    })
    const worker = mill.worker({
      handlers: [
        number.handler((n) => {
          if (n < 0) throw new Error('negative')
          return n
        }),
        child.handler((input) => input),
        job.handler(async (_, ctx) => {
          seen.push(await ctx.results(number), await ctx.results(child), await ctx.results(job))
          seen.push(
            await ctx.result(stranger as { id: string }),
            await ctx.result(parents[0]!.id!),
            await ctx.result(parents[2]!.id!),
          )
          await ctx
            .result('00000000-0000-4000-8000-000000000009')
            .catch((error: { code: string }) => seen.push(error.code))
        }),
      ],
    })
    await world.settle(worker.start())
    const [handle] = await mill.enqueueMany([sum, ...parents, stranger], { atomic: true })
    await world.ended([handle.id])
    expect(seen).toEqual([['#3', '#1', '#2'], ['stranger'], [], 'stranger', 3, undefined, 'not-found'])
  })

  test('however many, and however large', async () => {
    const world = new World()
    const mill = world.mill()
    let bytes = 0
    const worker = mill.worker({
      concurrency: 100,
      handlers: [
        child.handler((n) => ((n as number) < 12 ? 'x'.repeat(1_000_000) : n)),
        job.handler(async (_, ctx) => {
          for (const result of await ctx.results(child)) bytes += String(result).length
        }),
      ],
    })
    await world.settle(worker.start())
    const parents = Array.from({ length: 1_200 }, (_, n) => child.with(n))
    const handles = await world.settle(
      mill.enqueueMany([job.with(0, { after: parents }), ...parents], { atomic: true }),
    )
    await world.ended([handles[0].id])
    expect(bytes).toBe(
      12_000_000 + Array.from({ length: 1_188 }, (_, n) => String(n + 12).length).reduce((sum, n) => sum + n),
    )
  })
})
