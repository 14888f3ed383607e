/** `handle.settled` and `handle.updates`. */
import { expect, test } from 'vitest'
import { defineTask, unchecked, type Mill, type TaskUpdate } from '../../src/index.ts'
import { World } from '../worker/world.ts'

const job = defineTask('job', { input: unchecked<unknown>(), output: unchecked<unknown>(), retry: false })
const UNKNOWN = '00000000-0000-4000-8000-00000000dead'

async function all(updates: AsyncIterable<TaskUpdate>): Promise<readonly TaskUpdate[]> {
  const found: TaskUpdate[] = []
  for await (const update of updates) found.push(update)
  return found
}

function statesIn(updates: readonly TaskUpdate[]): readonly string[] {
  return updates.flatMap((update) => (update.type === 'state' ? [`${update.state} ${update.attempt}`] : []))
}

async function working(world: World, handlers: Parameters<Mill['worker']>[0]['handlers']): Promise<Mill> {
  const mill = world.mill()
  await world.settle(mill.worker({ handlers }).start())
  return mill
}

test('what came of a task is an answer, and only what went wrong with asking is thrown', async () => {
  const world = new World()
  const mill = await working(world, [
    job.handler((input) => {
      if (input === 'bad') throw new Error('it broke')
      return { input }
    }),
  ])
  const [good, bad, held] = await world.settle(
    Promise.all([mill.enqueue(job, 1), mill.enqueue(job, 'bad'), mill.enqueue(job, 2, { held: true })]),
  )
  const within = '10s'
  expect(await world.settle(good.settled({ within }))).toEqual({ outcome: 'succeeded', result: { input: 1 } })
  expect(await world.settle(bad.settled({ within }))).toMatchObject({
    outcome: 'failed',
    error: { code: 'task-failed', reason: 'error', message: expect.stringContaining('it broke') as unknown },
  })
  expect(await world.settle(held.settled({ within: '1s' }))).toMatchObject({
    outcome: 'unsettled',
    error: { code: 'wait-timeout' },
  })
  await held.cancel('enough')
  expect(await world.settle(held.settled({ within }))).toMatchObject({
    outcome: 'cancelled',
    error: { code: 'task-cancelled' },
  })
  expect(await world.refusal(mill.handle(job, UNKNOWN).settled({ within }))).toMatchObject({
    code: 'not-found',
  })
  expect(await world.refusal(good.settled({ within: 'soon' as '1s' }))).toMatchObject({
    code: 'invalid-argument',
  })
})

test('updates tell of states, progress and log lines, and end with the task', async () => {
  const world = new World()
  const mill = await working(world, [
    job.handler(async (_, ctx) => {
      for (const part of [0.25, 0.5]) {
        ctx.progress(part, `at ${part}`)
        ctx.log.info({ part }, 'on the way')
        await world.sleep(20_000)
      }
    }),
  ])
  const handle = await world.settle(mill.enqueue(job, 1, { delay: '3s' }))
  const updates = await world.settle(all(handle.updates()))
  expect(statesIn(updates)).toEqual(['scheduled 1', 'running 1', 'succeeded 1'])
  expect(updates.filter(({ type }) => type === 'progress')).toEqual([
    { type: 'progress', fraction: 0.25, message: 'at 0.25' },
    { type: 'progress', fraction: 0.5, message: 'at 0.5' },
  ])
  const logs = updates.flatMap((update) => (update.type === 'log' ? [update] : []))
  expect(logs.map(({ level, message }) => [level, message])).toEqual([
    ['info', 'on the way'],
    ['info', 'on the way'],
  ])
  // who comes when all is over sees how it ended, and all that was kept
  expect(statesIn(await world.settle(all(handle.updates())))).toEqual(['succeeded 1'])
})

test('each attempt is told, and a reader that is slow misses no line that is kept', async () => {
  const world = new World()
  const trying = defineTask('trying', {
    input: unchecked<number>(),
    retry: { attempts: 2, backoff: 'fixed', base: '10s' },
  })
  const mill = await working(world, [
    trying.handler(async (count, ctx) => {
      for (let n = 0; n < count; n++) {
        ctx.log.info(`line ${ctx.attempt}.${n}`)
        await world.sleep(1_000)
      }
      if (ctx.attempt === 1) throw new Error('again')
    }),
  ])
  const handle = await world.settle(mill.enqueue(trying, 90))
  const updates: TaskUpdate[] = []
  const read = async (): Promise<void> => {
    for await (const update of handle.updates()) {
      updates.push(update)
      if (updates.length % 20 === 0) await world.sleep(10_000)
    }
  }
  await world.settle(read(), 600_000)
  expect(statesIn(updates)).toEqual(['running 1', 'scheduled 2', 'running 2', 'succeeded 2'])
  const lines = updates.flatMap((update) => (update.type === 'log' ? [update.message] : []))
  expect(lines).toEqual(
    [1, 2].flatMap((attempt) => Array.from({ length: 90 }, (_, n) => `line ${attempt}.${n}`)),
  )
})

test('a task is looked at seldom while nothing happens, and not at all for nobody', async () => {
  const world = new World()
  const line = world.line()
  const mill = world.mill(line)
  const handle = await world.settle(mill.enqueue(job, 1, { held: true }))
  const updates = handle.updates()
  expect(await world.settle(updates.next())).toMatchObject({ value: { type: 'state', state: 'held' } })
  await world.time.advance(60_000)
  const before = line.count('get')
  const next = updates.next()
  await world.time.advance(60_000)
  expect(line.count('get') - before).toBeGreaterThan(50)
  expect(line.count('get') - before).toBeLessThan(70)
  await mill.tasks.cancel(handle.id)
  expect(await world.settle(next)).toMatchObject({ value: { state: 'cancelled' } })
  expect(await world.settle(updates.next())).toMatchObject({ done: true })
  const after = line.count('get')
  await world.time.advance(60_000)
  expect(line.count('get')).toBe(after)
})

test('updates end with a signal, with the client, and for a task that is not there', async () => {
  const world = new World()
  const mill = world.mill()
  const handle = await world.settle(mill.enqueue(job, 1, { held: true }))
  const stop = new AbortController()
  const aborted = world.refusal(all(handle.updates({ signal: stop.signal })))
  await world.time.advance(2_000)
  stop.abort(new Error('enough'))
  expect(await aborted).toMatchObject({ message: 'enough' })
  expect(await world.refusal(all(mill.handle(job, UNKNOWN).updates()))).toMatchObject({ code: 'not-found' })
  expect(() => handle.updates({ signal: 1 as never })).toThrow('signal is 1')
  expect(() => handle.updates({ abort: 1 } as never)).toThrow('abort')
  const read = all(handle.updates())
  await world.time.advance(2_000)
  await world.settle(mill.close())
  expect(statesIn(await read)).toEqual(['held 1'])
  expect(await world.refusal(all(handle.updates()))).toMatchObject({ code: 'closed' })
})
