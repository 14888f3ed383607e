/** Edits and retries with another input, and previews. */
import { expect, test } from 'vitest'
import { defineTask, encrypted, richJson, unchecked, type Schema } from '../../src/index.ts'
import { World } from '../worker/world.ts'

const JOB = '00000000-0000-4000-8000-00000000dead'

const even: Schema<number, string> = {
  '~standard': {
    version: 1,
    vendor: 'test',
    validate: async (value) =>
      typeof value === 'number' && value % 2 === 0
        ? { value: `${value}` }
        : { issues: [{ message: 'it is not even' }] },
  },
}
const job = defineTask('job', { input: even, retry: false })
const other = defineTask('other', { input: unchecked<unknown>() })

test('a handle edits its task, and the new input is checked by the schema', async () => {
  const world = new World()
  const mill = world.mill()
  const handle = await world.settle(mill.enqueue(job, 2, { delay: '1h' }))
  await expect(handle.edit({ input: 3 })).rejects.toMatchObject({
    code: 'invalid-payload',
    message: expect.stringContaining('it is not even') as unknown,
  })
  expect(await handle.status()).toMatchObject({ input: 2 })
  expect(await handle.edit({ input: 4, priority: 'critical', runAt: 5 })).toBe('edited')
  expect(await handle.status()).toMatchObject({ state: 'ready', input: 4, priority: 'critical', runAt: 5 })
  await handle.cancel()
  expect(await handle.edit({ runAt: new Date(7) })).toBe('refused')
  await expect(mill.handle(job, JOB).edit({ input: 2 })).rejects.toMatchObject({ code: 'not-found' })
})

test('an edit by id goes by the definition that a worker of the client handles', async () => {
  const world = new World()
  const mill = world.mill()
  const handle = await world.settle(mill.enqueue(job, 2, { held: true }))
  // nobody here knows the definition: the worker that runs it will check
  expect(await mill.tasks.edit(handle.id, { input: 3 })).toMatchObject({ outcomes: ['changed'] })
  mill.worker({ handlers: [job.handler(() => undefined)] })
  await expect(mill.tasks.edit(handle.id, { input: 5 })).rejects.toMatchObject({ code: 'invalid-payload' })
  expect(await handle.status()).toMatchObject({ input: 3 })
  expect(await mill.tasks.edit(handle.id, { input: 6 })).toMatchObject({ matched: 1, changed: 1 })
  expect(await mill.tasks.edit(JOB, { input: 6 })).toMatchObject({ matched: 0, outcomes: ['unknown'] })
})

test('a retry with another input is checked the same way', async () => {
  const world = new World()
  const mill = world.mill()
  mill.worker({ handlers: [job.handler(() => undefined)] })
  const [one, two] = await world.settle(Promise.all([mill.enqueue(job, 2), mill.enqueue(other, 'x')]))
  await mill.tasks.cancel([one.id, two.id])
  await expect(mill.tasks.retry([two.id, one.id], { input: 3 })).rejects.toMatchObject({
    code: 'invalid-payload',
  })
  expect(await one.status()).toMatchObject({ state: 'cancelled' })
  await expect(mill.tasks.retry({ type: 'job' }, { input: 3 })).rejects.toMatchObject({
    code: 'invalid-payload',
  })
  await expect(mill.tasks.retry({ state: 'cancelled' }, { input: 4 })).rejects.toMatchObject({
    code: 'invalid-argument',
    hint: expect.stringContaining('type') as unknown,
  })
  expect(await mill.tasks.retry({ type: 'job' }, { input: 4 })).toMatchObject({ changed: 1 })
  expect(await one.status()).toMatchObject({ state: 'ready', input: 4 })
})

const at = (iso: string): { readonly at: Date } => ({ at: new Date(iso) })

test('a new input is kept as the codec keeps it, sealed for its task alone', async () => {
  const codec = encrypted(richJson, { keys: { k1: Buffer.alloc(32, 1) }, use: 'k1' })
  const meeting = defineTask('meeting', { input: unchecked<{ readonly at: Date }>(), codec })
  const world = new World()
  const mill = world.mill()
  const seen: unknown[] = []
  const worker = mill.worker({ handlers: [meeting.handler((input) => void seen.push(input))] })
  const enqueued = [meeting.with(at('2026-01-01'), { held: true }), meeting.with(at('2026-01-01'))]
  const [one, two] = await world.settle(mill.enqueueMany(enqueued, { atomic: true }))
  expect(await one!.edit({ input: at('2026-02-02') })).toBe('edited')
  expect(await one!.status()).toMatchObject({ input: at('2026-02-02') })
  await expect(mill.tasks.retry([one!.id, two!.id], { input: at('2026-03-03') })).rejects.toMatchObject({
    code: 'invalid-argument',
    hint: expect.stringContaining('one by one') as unknown,
  })
  await expect(mill.tasks.retry({ type: 'meeting' }, { input: at('2026-03-03') })).rejects.toMatchObject({
    code: 'invalid-argument',
  })
  await mill.tasks.cancel(two!.id)
  expect(await mill.tasks.retry(two!.id, { input: at('2026-04-04') })).toMatchObject({ changed: 1 })
  await mill.tasks.release(one!.id)
  await world.settle(worker.start())
  await world.time.advance(1_000)
  expect(seen).toHaveLength(2)
  expect(seen).toEqual(expect.arrayContaining([at('2026-02-02'), at('2026-04-04')]))
  await world.settle(worker.stop())
})

test('an input of one version does not take the place of one of another', async () => {
  const input = unchecked<number>()
  const old = defineTask('grown', { input })
  const grown = defineTask('grown', { input, version: 2, upcast: { 1: (n) => (n as number) * 10 } })
  const world = new World()
  const mill = world.mill()
  const [before, after] = await world.settle(
    Promise.all([mill.enqueue(old, 1, { held: true }), mill.enqueue(grown, 20, { held: true })]),
  )
  const refused = { code: 'invalid-argument', message: expect.stringContaining('of version') as unknown }
  await expect(mill.handle(grown, before.id).edit({ input: 30 })).rejects.toMatchObject(refused)
  await expect(mill.handle(old, after.id).edit({ input: 3 })).rejects.toMatchObject(refused)
  expect([await before.status(), await after.status()]).toMatchObject([{ input: 1 }, { input: 20 }])
  expect(await before.edit({ input: 2 })).toBe('edited')
  expect(await mill.handle(grown, before.id).edit({ priority: 'high' })).toBe('edited')
  mill.worker({ handlers: [grown.handler(() => undefined)] })
  await expect(mill.tasks.retry({ type: 'grown' }, { input: 30 })).rejects.toMatchObject({
    code: 'invalid-argument',
  })
})

test('an edit that says nothing, or nonsense, is refused before anything is written', async () => {
  const world = new World()
  const line = world.line()
  const mill = world.mill(line)
  const edit = (changes: object): Promise<unknown> => mill.tasks.edit(JOB, changes)
  await expect(edit({})).rejects.toMatchObject({ code: 'invalid-argument' })
  await expect(edit({ input: undefined })).rejects.toMatchObject({ code: 'invalid-argument' })
  await expect(edit({ prio: 'high' })).rejects.toMatchObject({ code: 'invalid-argument' })
  await expect(edit({ priority: 'urgent' })).rejects.toMatchObject({ code: 'invalid-argument' })
  await expect(edit({ runAt: 'soon' })).rejects.toMatchObject({ code: 'invalid-argument' })
  await expect(edit({ input: new Date(0) })).rejects.toMatchObject({ code: 'invalid-payload' })
  await expect(mill.tasks.cancel(JOB, { preview: 1 as never })).rejects.toMatchObject({
    code: 'invalid-argument',
  })
  expect(line.requests('command')).toEqual([])
})

test('a preview tells what an action would do, and writes nothing', async () => {
  const world = new World()
  const line = world.line()
  const mill = world.mill(line)
  const handles = await world.settle(
    mill.enqueueMany(
      Array.from({ length: 1_200 }, (_, n) => other.with(n)),
      { atomic: true },
    ),
  )
  const ids = handles.map(({ id }) => id)
  await mill.tasks.cancel(ids.slice(0, 100))
  const before = line.requests('command').length
  const preview = { preview: true }
  expect(await mill.tasks.cancel({ type: 'other' }, preview)).toEqual({
    matched: 1_200,
    changed: 1_100,
    outcomes: [],
  })
  expect(await mill.tasks.retry({ state: 'cancelled' }, preview)).toMatchObject({
    matched: 100,
    changed: 100,
  })
  expect(await mill.tasks.remove({ queue: 'none' }, preview)).toMatchObject({ matched: 0, changed: 0 })
  expect(await mill.tasks.hold([ids[0]!, ids[100]!, JOB], preview)).toEqual({
    matched: 2,
    changed: 1,
    outcomes: ['refused', 'changed', 'unknown'],
  })
  expect(await mill.tasks.setPriority({ tag: 'a' }, 'low', preview)).toMatchObject({ matched: 0 })
  expect(line.requests('command')).toHaveLength(before)
  expect((await mill.tasks.list({ state: 'cancelled', limit: 1_000 })).tasks).toHaveLength(100)
})

test('an action over a filter stops at its limit, and goes on where it stopped, as one command', async () => {
  const world = new World()
  const line = world.line()
  const mill = world.mill(line)
  await world.settle(
    mill.enqueueMany(
      Array.from({ length: 25 }, (_, n) => other.with(n)),
      { atomic: true },
    ),
  )
  const filter = { type: 'other' }
  const seen = await mill.tasks.hold(filter, { preview: true, limit: 10 })
  expect(seen).toMatchObject({ matched: 10, changed: 10 })
  const first = await mill.tasks.hold(filter, { limit: 10 })
  expect(first).toMatchObject({ matched: 10, changed: 10 })
  expect((await mill.tasks.list({ limit: 100 })).tasks.filter(({ held }) => held)).toHaveLength(10)
  const second = await mill.tasks.hold(filter, { limit: 10, cursor: first.next })
  const third = await mill.tasks.hold(filter, { limit: 10, cursor: second.next })
  expect([second.changed, third.changed, third.next]).toEqual([10, 5, undefined])
  const nonces = line.requests('command').map((request) => (request as { nonce: string }).nonce)
  expect(new Set(nonces).size).toBe(1)
  for (const options of [
    { limit: 0 },
    { limit: 1.5 },
    { cursor: 'x' },
    { cursor: seen.next },
    { cursor: first.next, preview: true },
  ])
    await expect(mill.tasks.hold(filter, options)).rejects.toMatchObject({ code: 'invalid-argument' })
})
