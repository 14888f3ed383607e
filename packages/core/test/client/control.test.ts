/** `mill.tasks` and `mill.queues`, and what an enqueue refuses. */
import { expect, test } from 'vitest'
import { defineTask, unchecked, type EnqueueOptions } from '../../src/index.ts'
import { World } from '../worker/world.ts'

const job = defineTask('job', { input: unchecked<unknown>(), retry: false })
const UNKNOWN = '00000000-0000-4000-8000-00000000dead'

test('commands go over ids and over filters, however many', async () => {
  const world = new World()
  const line = world.line()
  const mill = world.mill(line)
  const handles = await world.settle(
    mill.enqueueMany(
      Array.from({ length: 2_500 }, (_, n) => job.with(n)),
      { atomic: true },
    ),
  )
  const ids = handles.map(({ id }) => id)
  expect(await mill.tasks.hold([...ids.slice(0, 1_500), UNKNOWN])).toMatchObject({
    matched: 1_500,
    changed: 1_500,
  })
  expect(line.requests('command').map(({ target }) => ('ids' in target ? target.ids.length : 0))).toEqual([
    1_000, 501,
  ])
  expect(await mill.tasks.cancel({ type: 'job' }, { reason: 'all' })).toEqual({
    matched: 2_500,
    changed: 2_500,
    outcomes: [],
  })
  // all pages of one command bear its nonce
  const nonces = line.requests('command').map(({ nonce }) => nonce)
  expect([nonces.length, new Set(nonces.slice(0, 2)).size, new Set(nonces.slice(2)).size]).toEqual([5, 1, 1])
  expect(new Set(nonces).size).toBe(2)
  expect(await mill.tasks.retry(ids[0]!, { input: 'new' })).toMatchObject({
    changed: 1,
    outcomes: ['changed'],
  })
  expect(await mill.tasks.get(ids[0]!)).toMatchObject({ state: 'ready', input: 'new' })
  expect(await mill.tasks.setPriority(ids[0]!, 'batch')).toMatchObject({ changed: 1 })
  expect(await mill.tasks.remove({ state: ['cancelled'] })).toMatchObject({ matched: 2_499, changed: 2_499 })
})

test('a task that is named twice is commanded once, and answered each time', async () => {
  const world = new World()
  const line = world.line()
  const mill = world.mill(line)
  const { id } = await world.settle(mill.enqueue(job, 1))
  const target = [id, UNKNOWN, id.toUpperCase()]
  expect(await mill.tasks.remove(target)).toEqual({
    matched: 1,
    changed: 1,
    outcomes: ['changed', 'unknown', 'changed'],
  })
  expect(line.requests('command').map(({ target: sent }) => sent)).toEqual([{ ids: [id, UNKNOWN] }])
})

test('a filter that would mean everything, and other nonsense, is refused and rejects', async () => {
  const { tasks, queues } = new World().mill()
  await expect(tasks.cancel({})).rejects.toMatchObject({
    code: 'invalid-argument',
    hint: expect.any(String) as unknown,
  })
  await expect(tasks.cancel('x')).rejects.toMatchObject({ code: 'invalid-argument' })
  await expect(tasks.retry(UNKNOWN, { input: new Date() })).rejects.toMatchObject({ code: 'invalid-payload' })
  await expect(tasks.setPriority(UNKNOWN, 'urgent' as 'high')).rejects.toMatchObject({
    code: 'invalid-argument',
  })
  await expect(tasks.list({ limit: 0 })).rejects.toMatchObject({ code: 'invalid-argument' })
  await expect(queues.pause('no queue')).rejects.toMatchObject({ code: 'invalid-argument' })
  await expect(queues.configure('q', { retention: { count: -1 } })).rejects.toMatchObject({
    code: 'invalid-argument',
  })
  await expect(queues.configure('q', { retention: { bytes: 1.5 } })).rejects.toMatchObject({
    code: 'invalid-argument',
  })
})

test('lists go on where they ended', async () => {
  const world = new World()
  const mill = world.mill()
  await mill.enqueueMany(Array.from({ length: 5 }, (_, n) => job.with(n, { tags: [n % 2 ? 'odd' : 'even'] })))
  const first = await mill.tasks.list({ limit: 2 })
  const second = await mill.tasks.list({ limit: 10, cursor: first.next })
  expect([first.tasks.length, second.tasks.length, second.next]).toEqual([2, 3, undefined])
  expect((await mill.tasks.list({ tag: 'odd' })).tasks.length).toBe(2)
})

test('a paused queue starts nothing until it is resumed', async () => {
  const world = new World()
  const mill = world.mill()
  await mill.queues.pause('default')
  const handle = await mill.enqueue(job, 1)
  const worker = mill.worker({ handlers: job.handler(() => 'done') })
  await world.settle(worker.start())
  await world.time.advance(60_000)
  expect((await handle.status()).state).toBe('ready')
  await mill.queues.resume('default')
  await world.ended([handle.id])
  await mill.queues.configure('default', { retention: { count: 0 } })
  await world.time.advance(61_000)
  expect(await world.record(handle.id)).toBeNull()
})

const refused: readonly [string, EnqueueOptions, string][] = [
  ['an id that is none', { id: 'x' }, 'invalid-argument'],
  ['delay and runAt', { delay: 1, runAt: 1 } as unknown as EnqueueOptions, 'invalid-argument'],
  ['a delay that is none', { delay: '1 hour' as '1h' }, 'invalid-argument'],
  ['a Date that is none', { runAt: new Date('nonsense') }, 'invalid-argument'],
  ['a time before 1970', { runAt: -1 }, 'invalid-argument'],
  ['a time that no store can keep', { runAt: new Date(8.64e15) }, 'invalid-argument'],
  ['a text as a time', { runAt: '2030-01-01' as unknown as Date }, 'invalid-argument'],
  ['a priority that is none', { priority: 'urgent' as 'high' }, 'invalid-argument'],
  ['a queue that is no name', { queue: 'no queue' }, 'invalid-argument'],
  ['a tag that is no name', { tags: ['no tag'] }, 'invalid-argument'],
  ['too many tags', { tags: Array.from({ length: 101 }, (_, n) => `t${n}`) }, 'too-large'],
  ['a need that is no name', { needs: [''] }, 'invalid-argument'],
  [
    'metadata that is no text',
    { metadata: { a: 1 } as unknown as Record<string, string> },
    'invalid-payload',
  ],
  ['metadata that no store can keep', { metadata: { a: 'nul \0' } }, 'invalid-payload'],
  ['headers that no store can keep', { headers: { 'lone \ud800': 'a' } }, 'invalid-payload'],
  ['metadata that is too large', { metadata: { a: 'x'.repeat(20_000) } }, 'too-large'],
  ['a unique key that is too long', { unique: { key: 'x'.repeat(513) } }, 'invalid-argument'],
  ['a draft that was not enqueued', { after: [job.with(1)] }, 'invalid-argument'],
  ['a parent that is none', { after: ['x'] }, 'invalid-argument'],
  [
    'an ifFailed that is none',
    { after: [{ task: UNKNOWN, ifFailed: 'ignore' as 'run' }] },
    'invalid-argument',
  ],
  ['a retry function in a call', { retry: { delay: () => 1 } as never }, 'invalid-argument'],
]

test.each(refused)('%s is refused before anything is written', async (_, options, code) => {
  const line = new World().line()
  await expect(new World().mill(line).enqueue(job, 1, options)).rejects.toMatchObject({ code })
  expect(line.calls).toEqual([])
})

test('an absolute time, a handle as a parent, and a parent with a policy are taken', async () => {
  const world = new World()
  const mill = world.mill()
  const at = world.time.platform().wallMs() + 5_000
  const parent = await mill.enqueue(job, 1, {
    runAt: new Date(at),
    metadata: { a: 'b' },
    needs: ['b', 'a', 'b'],
  })
  expect(await world.record(parent.id)).toMatchObject({ runAt: at, metadata: { a: 'b' }, needs: ['a', 'b'] })
  const child = await mill.enqueue(job, 2, { after: [parent, { task: parent, ifFailed: 'fail' }] })
  expect((await world.record(child.id))?.after).toEqual([{ parent: parent.id, ifFailed: 'fail' }])
  const other = await mill.enqueue(job, 3, { after: [{ task: parent }] })
  expect((await world.record(other.id))?.after).toEqual([{ parent: parent.id, ifFailed: 'cancel' }])
})
