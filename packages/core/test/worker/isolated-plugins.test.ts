/** Plugins around handlers in real threads, which know nothing of them. */
import { expect, test, vi } from 'vitest'
import { MemoryStore, Mill, systemPlatform, type Plugin, type TaskStatus } from '../../src/index.ts'
import { handlers, inProcess, inThread } from './isolated/handlers.mjs'
import { silent } from './world.ts'

const MODULE = new URL('./isolated/handlers.mjs', import.meta.url)
/** Processes that fill their memory and are begun anew take long on a busy machine. */
const WITHIN = { within: '60s' } as const
vi.setConfig({ testTimeout: 70_000 })

/** What becomes of a task with these plugins around its handler. */
async function ended(
  plugin: Pick<Plugin, 'run' | 'enqueue'>,
  enqueue: (mill: Mill) => ReturnType<Mill['enqueue']>,
): Promise<{ readonly status: TaskStatus; readonly children: readonly TaskStatus[] }> {
  const mill = new Mill(new MemoryStore({ platform: systemPlatform }), {
    logger: silent,
    plugins: [{ name: 'around', ...plugin }],
  })
  const worker = mill.worker({ handlers, isolates: { module: MODULE } })
  await worker.start()
  try {
    const handle = await enqueue(mill)
    await handle.result(WITHIN).catch(() => undefined)
    const { tasks } = await mill.tasks.list({ type: 'child' })
    const children = await Promise.all(tasks.map(async ({ id }) => (await mill.tasks.get(id))!))
    return { status: await handle.status(), children }
  } finally {
    await mill.close()
  }
}

test('run stands around all that happens elsewhere, and headers go all the way', async () => {
  const seen: unknown[] = []
  const { status, children } = await ended(
    {
      enqueue: (call, next) => (seen.push(call.drafts.map(({ task }) => task.name)), next()),
      run: async ({ input, ctx }, next) => {
        seen.push(input, 'items' in ctx ? ctx.items : ctx.task.headers)
        seen.push(Array.isArray(await next()))
      },
    },
    (mill) => mill.enqueue(inThread, { act: 'talk', text: 'hello' }, { headers: { trace: 'x' } }),
  )
  expect(status.state).toBe('succeeded')
  // what is enqueued elsewhere is made there
  expect(seen).toEqual([['in-thread'], { act: 'talk', text: 'hello' }, { trace: 'x' }, true])
  expect(children.map(({ headers }) => headers)).toEqual([{ trace: 'x' }])
})

test('what it throws fails the attempt, and what the handler threw stays as it is', async () => {
  const wrong = { run: () => Promise.reject(new Error('boom')) }
  const once = await ended(wrong, (mill) => mill.enqueue(inThread, { act: 'who' }, { retry: false }))
  expect(once.status).toMatchObject({
    state: 'failed',
    error: { code: 'plugin', message: 'The plugin around failed: boom' },
  })
  const through: Pick<Plugin, 'run'> = { run: (_, next) => next() }
  const refused = await ended(through, (mill) => mill.enqueue(inThread, { act: 'refuse', text: 'never' }))
  expect(refused.status).toMatchObject({
    state: 'failed',
    error: { code: 'non-retryable', message: 'never' },
  })
})

test('a crash stays a crash, whatever a plugin throws', async () => {
  const crashed = Promise.withResolvers<unknown>()
  const wrong: Plugin = {
    name: 'wrong',
    run: async (_, next) => {
      await next().catch(() => undefined)
      throw new Error('boom')
    },
    event: (e) => {
      if (e.name === 'crashed') crashed.resolve(e.error)
      if (e.name === 'failed') crashed.reject(e.error as Error)
    },
  }
  await using mill = new Mill(new MemoryStore({ platform: systemPlatform }), {
    logger: silent,
    plugins: [wrong],
  })
  const worker = mill.worker({ handlers, isolates: { module: MODULE }, drain: 0 })
  await worker.start()
  const handle = await mill.enqueue(inProcess, { act: 'exit' }, { retry: false })
  expect(await crashed.promise).toMatchObject({ code: 'crashed' })
  expect((await handle.status()).counters.failures).toBe(0)
})
