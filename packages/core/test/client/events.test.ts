/** `mill.events`. */
import { expect, test } from 'vitest'
import { defineTask, unchecked, type MillEvent } from '../../src/index.ts'
import { World } from '../worker/world.ts'

const job = defineTask('job', { input: unchecked<unknown>(), retry: false })

function told(events: readonly MillEvent[]): readonly unknown[] {
  return events.map((event) => (event.type === 'gap' ? ['gap', event.missed] : [event.type, event.task.id]))
}

/** Reads in the background, for as long as the client is open. */
function reading(iterator: AsyncIterable<MillEvent>): { events: MillEvent[]; over: Promise<void> } {
  const events: MillEvent[] = []
  const read = async (): Promise<void> => {
    for await (const event of iterator) events.push(event)
  }
  return { events, over: read() }
}

test('each end of a task is told once, to whoever asks for its type, wherever it ran', async () => {
  const world = new World()
  const there = world.mill()
  await world.settle(
    there
      .worker({
        handlers: [
          job.handler((input) => {
            if (input === 'bad') throw new Error('it broke')
          }),
        ],
      })
      .start(),
  )
  const before = await world.settle(there.enqueue(job, 0))
  await world.ended([before.id])
  await world.time.advance(1)
  const mill = world.mill()
  const all = reading(mill.events())
  const failures = reading(mill.events({ types: ['task.failed'] }))
  await world.time.advance(1_000)
  const held = await world.settle(mill.enqueue(job, 0, { held: true }))
  const bad = await world.settle(mill.enqueue(job, 'bad', { tags: ['t'] }))
  await world.ended([bad.id])
  await world.time.advance(3_000)
  await mill.tasks.cancel(held.id)
  const good = await world.settle(mill.enqueue(job, 1))
  await world.ended([good.id])
  await world.time.advance(60_000)
  expect(told(failures.events)).toEqual([['task.failed', bad.id]])
  expect(failures.events[0]).toMatchObject({
    at: expect.any(Number) as unknown,
    task: { type: 'job', state: 'failed', tags: ['t'], error: { message: 'it broke' }, attempt: 1 },
  })
  expect(told(all.events)).toEqual([
    ['task.failed', bad.id],
    ['task.cancelled', held.id],
    ['task.succeeded', good.id],
  ])
  // started over and failed again, it ends once more
  await mill.tasks.retry(bad.id)
  await world.time.advance(60_000)
  expect(told(failures.events)).toEqual([
    ['task.failed', bad.id],
    ['task.failed', bad.id],
  ])
  await world.settle(mill.close())
  await Promise.all([all.over, failures.over])
})

test('a reader that lags hears how many it missed, and goes on with the newest', async () => {
  const world = new World()
  const mill = world.mill()
  const events = mill.events({ types: ['task.cancelled'] })
  const first = events.next()
  await world.time.advance(1_000)
  const drafts = Array.from({ length: 2_500 }, (_, n) => job.with(n, { held: true }))
  const ids = (await world.settle(mill.enqueueMany(drafts, { atomic: true }))).map(({ id }) => id)
  await mill.tasks.cancel(ids[0]!)
  expect(await world.settle(first)).toMatchObject({ value: { task: { id: ids[0] } } })
  for (let n = 1; n < 2_500; n += 833) await mill.tasks.cancel(ids.slice(n, n + 833))
  await world.time.advance(60_000)
  const found: MillEvent[] = []
  for (let n = 0; n < 1_001; n++) found.push((await world.settle(events.next())).value as MillEvent)
  expect(told(found.slice(0, 1))).toEqual([['gap', 1_499]])
  expect(new Set(told(found.slice(1)).map(String))).toEqual(
    new Set(ids.slice(1_500).map((id) => String(['task.cancelled', id]))),
  )
  await mill.close()
})

test('nonsense is refused, a signal ends it, and so does the client', async () => {
  const world = new World()
  const mill = world.mill()
  expect(() => mill.events({ types: ['task.started' as 'task.failed'] })).toThrow('task.started')
  expect(() => mill.events({ types: [] })).toThrow('types')
  expect(() => mill.events({ type: 'task.failed' } as never)).toThrow('type')
  const stop = new AbortController()
  const aborted = world.refusal(reading(mill.events({ signal: stop.signal })).over)
  const open = reading(mill.events())
  await world.time.advance(5_000)
  stop.abort(new Error('enough'))
  expect(await aborted).toMatchObject({ message: 'enough' })
  await world.settle(mill.close())
  await open.over
  expect(await world.refusal(reading(mill.events()).over)).toMatchObject({ code: 'closed' })
})

test('what ended in one second, more than a look reads, is a gap once and no news for ever after', async () => {
  const world = new World()
  const mill = world.mill()
  const all = reading(mill.events())
  await world.time.advance(1_000)
  const handles = await world.settle(
    mill.enqueueMany(Array.from({ length: 11_000 }, (_, n) => job.with(n, { held: true }))),
  )
  const ids = handles.map((handle) => (handle.outcome === 'created' ? handle.id : ''))
  await mill.tasks.cancel(ids)
  await world.time.advance(5_000)
  const told = all.events.length
  expect(all.events.filter(({ type }) => type === 'gap')).toHaveLength(1)
  await world.time.advance(60_000)
  expect(all.events).toHaveLength(told)
  await world.settle(mill.close())
  await all.over
})

test('the longer a look takes, the longer it rests: looking is a tenth of the time', async () => {
  const world = new World()
  const line = world.line()
  const mill = world.mill(line)
  line.keep('list', async (pass) => {
    await world.sleep(100)
    return pass()
  })
  const all = reading(mill.events())
  await world.time.advance(1_000)
  const looks = (): number => line.calls.filter(({ method }) => method === 'list').length
  const [before, untilMs] = [looks(), world.time.nowMs + 20_000]
  while (world.time.nowMs < untilMs) {
    const { id } = await world.settle(mill.enqueue(job, 0, { held: true }))
    await mill.tasks.cancel(id)
    await world.time.advance(100)
  }
  expect(looks() - before).toBeGreaterThanOrEqual(18)
  expect(looks() - before).toBeLessThanOrEqual(21)
  await world.settle(mill.close())
  await all.over
})
