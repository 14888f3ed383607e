/** What a closing client still answers: everything that was asked before. */
import { expect, test } from 'vitest'
import { defineTask, unchecked, type Mill, type Schema } from '../../src/index.ts'
import { World, type Line } from '../worker/world.ts'

const job = defineTask('job', { input: unchecked<unknown>() })
const CLOSED = { code: 'closed' }

/** A client whose store takes its time for everything. */
function slowly(world: World): { readonly line: Line; readonly mill: Mill } {
  const line = world.line()
  for (const method of ['add', 'command', 'list', 'get', 'now', 'queues'] as const) {
    line.keep(method, async (pass) => {
      await world.sleep(10)
      return pass() as never
    })
  }
  return { line, mill: world.mill(line) }
}

async function counts(world: World): Promise<object | undefined> {
  return (await world.store.queues())[0]?.counts
}

test.each([true, false])(
  'a whole bulk is acknowledged, however many trips it takes (atomic: %s)',
  async (atomic) => {
    const world = new World()
    const { line, mill } = slowly(world)
    const drafts = Array.from({ length: 5_000 }, (_, n) => job.with(n))
    const bulk = atomic ? mill.enqueueMany(drafts, { atomic: true }) : mill.enqueueMany(drafts)
    await world.time.advance(15)
    const closing = mill.close()
    await expect(mill.enqueueMany([job.with(1)])).rejects.toMatchObject(CLOSED)
    expect(new Set((await world.settle(bulk)).map(({ outcome }) => outcome))).toEqual(new Set(['created']))
    await world.settle(closing)
    expect(await counts(world)).toMatchObject({ ready: 5_000, blocked: 0 })
    expect(line.calls.at(-1)!.method).toBe('close')
  },
)

test('a bulk whose graph is refused after the client began to close is taken back before the store goes', async () => {
  const world = new World()
  const { mill } = slowly(world)
  const drafts = Array.from({ length: 2_500 }, (_, n) => job.with(n))
  const orphan = job.with(0, { after: ['00000000-0000-4000-8000-00000000dead'] })
  const bulk = world.refusal(mill.enqueueMany([...drafts, orphan], { atomic: true }))
  await world.time.advance(15)
  const closing = mill.close()
  expect(await bulk).toMatchObject({ code: 'unknown-parent' })
  await world.settle(closing)
  expect((await world.store.list({ filter: {}, limit: 10, cursor: null })).tasks).toEqual([])
})

test('an enqueue whose schema is still looking at its input is acknowledged', async () => {
  const world = new World()
  const slow: Schema<number> = {
    '~standard': {
      version: 1,
      vendor: 'slow',
      validate: async (value) => {
        await world.sleep(100)
        return { value: value as number }
      },
    },
  }
  const mill = world.mill()
  const enqueued = mill.enqueue(defineTask('slow', { input: slow }), 1)
  const closing = mill.close()
  expect((await world.settle(enqueued)).outcome).toBe('created')
  await world.settle(closing)
})

test('looks and commands of several steps are answered, too', async () => {
  const world = new World()
  const { line, mill } = slowly(world)
  const handles = await world.settle(
    mill.enqueueMany(
      Array.from({ length: 2_500 }, (_, n) => job.with(n)),
      { atomic: true },
    ),
  )
  const [{ id }] = handles as [(typeof handles)[number]]
  const asked = Promise.all([
    mill.tasks.list(),
    mill.tasks.get(id),
    mill.tasks.history(id),
    handles[0]!.status(),
    mill.queues.list(),
    mill.tasks.cancel({ type: 'job' }),
  ])
  await world.time.advance(5)
  const closing = mill.close()
  const [page, task, history, status, queues, cancelled] = await world.settle(asked)
  expect([page.tasks.length, task?.id, history[0]?.event, status.id, queues.length]).toEqual([
    50,
    id,
    'enqueued',
    id,
    1,
  ])
  expect(cancelled).toMatchObject({ matched: 2_500, changed: 2_500 })
  await world.settle(closing)
  expect(line.calls.at(-1)!.method).toBe('close')
})

test('what is asked while it closes is refused, whatever it is', async () => {
  const world = new World()
  const { line, mill } = slowly(world)
  const handle = await world.settle(mill.enqueue(job, 1))
  const pending = mill.enqueue(job, 2)
  const closing = mill.close()
  const before = line.calls.length
  const asked: readonly (() => Promise<unknown>)[] = [
    () => mill.enqueue(job, 3),
    () => mill.enqueueMany([job.with(3)]),
    () => mill.enqueueMany([], { atomic: true }),
    () => mill.call(job, 3, { within: '1s' }),
    () => mill.open(),
    () => mill.definitions(),
    () => mill.tasks.get(handle.id),
    () => mill.tasks.list(),
    () => mill.tasks.history(handle.id),
    () => mill.tasks.cancel(handle.id),
    () => mill.tasks.remove({ type: 'job' }),
    () => mill.queues.list(),
    () => mill.queues.pause('default'),
    () => mill.queues.configure('default', { retention: null }),
    () => mill.workers.list(),
    () => handle.status(),
    () => handle.cancel(),
    () => handle.result({ within: '1h' }),
  ]
  for (const ask of asked) await expect(ask()).rejects.toMatchObject(CLOSED)
  expect(line.calls.slice(before).filter(({ method }) => method !== 'add')).toEqual([])
  expect((await world.settle(pending)).outcome).toBe('created')
  await world.settle(closing)
  await expect(handle.result({ within: '1h' })).rejects.toMatchObject(CLOSED)
})

test('who called and is still being enqueued is told that the client is closed; the task is there', async () => {
  const world = new World()
  const { mill } = slowly(world)
  const called = world.refusal(mill.call(job, 1, { within: '1h' }))
  await world.settle(mill.close())
  expect(await called).toMatchObject(CLOSED)
  expect(await counts(world)).toMatchObject({ ready: 1 })
})

test('handlers enqueue while their worker drains', async () => {
  const world = new World()
  const mill = world.mill()
  const parent = defineTask('parent', { input: unchecked<unknown>(), queue: 'parents' })
  const handler = parent.handler(async (_, ctx) => {
    await world.sleep(100)
    await ctx.enqueue(job, 'child')
  })
  await world.settle(mill.worker({ handlers: handler }).start())
  const { id } = await mill.enqueue(parent, 1)
  await world.time.advance(10)
  await world.settle(mill.close())
  expect((await world.record(id))?.state).toBe('succeeded')
  expect((await world.store.list({ filter: { type: 'job' }, limit: 10, cursor: null })).tasks).toHaveLength(1)
})
