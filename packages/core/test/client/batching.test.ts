/** Group commit: callers share trips, and nothing else. */
import { expect, test } from 'vitest'
import { defineTask, StoreError, unchecked, type MillraceError } from '../../src/index.ts'
import { World } from '../worker/world.ts'
import type { GroupAnswer } from '../../src/store/port.ts'

const job = defineTask('job', { input: unchecked<unknown>() })
const unavailable = (effect: 'none' | 'unknown' | 'final'): StoreError =>
  new StoreError('store-unavailable', 'The store is away.', { effect })

function outcomes(settled: readonly PromiseSettledResult<{ readonly outcome: string }>[]): string[] {
  return settled.map((one) =>
    one.status === 'fulfilled' ? one.value.outcome : ((one.reason as MillraceError).code as string),
  )
}

test('a hundred concurrent enqueues share two trips, so that the next hundred keep client and store busy', async () => {
  const world = new World()
  const line = world.line()
  const mill = world.mill(line)
  const enqueues = Array.from({ length: 100 }, (_, n) => mill.enqueue(job, n))
  const handles = await world.settle(Promise.all(enqueues))
  expect(line.requests('add').map(({ groups }) => groups.length)).toEqual([50, 50])
  expect(world.time.nowMs).toBe(0)
  expect(new Set(handles.map((handle) => handle.id)).size).toBe(100)
  expect(await world.store.queues()).toMatchObject([{ counts: { ready: 100 } }])
})

test('a few, or those of a store that works on several trips at once, share one', async () => {
  const world = new World()
  const [few, many] = [world.line(), world.line()]
  const one = world.mill(few)
  await world.settle(Promise.all(Array.from({ length: 10 }, (_, n) => one.enqueue(job, n))))
  expect(few.count('add')).toBe(1)
  many.order = 'in any order'
  const mill = world.mill(many)
  await world.settle(Promise.all(Array.from({ length: 100 }, (_, n) => mill.enqueue(job, n))))
  expect(many.count('add')).toBe(1)
})

test('a hundred share two trips, too, where a process stands between client and store', async () => {
  const world = new World()
  const line = world.line()
  line.order = 'in any order'
  line.inStages = true
  const mill = world.mill(line)
  await world.settle(Promise.all(Array.from({ length: 100 }, (_, n) => mill.enqueue(job, n))))
  expect(line.requests('add').map(({ groups }) => groups.length)).toEqual([50, 50])
})

test('a lone enqueue leaves at once, without a timer', async () => {
  const world = new World()
  const line = world.line()
  await world.mill(line).enqueue(job, 1)
  expect(line.count('add')).toBe(1)
  expect(world.time.nowMs).toBe(0)
})

test('while two trips are under way the others wait for the next', async () => {
  const world = new World()
  const line = world.line()
  line.keep('add', async (pass) => {
    await world.sleep(10)
    return pass()
  })
  const mill = world.mill(line)
  const all: Promise<unknown>[] = []
  for (let n = 0; n < 20; n++) world.time.at(n / 2, () => void all.push(mill.enqueue(job, n)))
  await world.time.advance(10)
  await world.settle(Promise.all(all))
  const sizes = line.requests('add').map((request) => request.groups.length)
  expect(sizes[0]).toBe(1)
  expect(sizes[1]).toBe(1)
  expect(sizes.length).toBeLessThanOrEqual(5)
  expect(sizes.reduce((sum, size) => sum + size, 0)).toBe(20)
})

test('a trip carries a thousand tasks, or eight MiB', async () => {
  const world = new World()
  const line = world.line()
  const mill = world.mill(line)
  await world.settle(Promise.all(Array.from({ length: 2_500 }, (_, n) => mill.enqueue(job, n))))
  expect(line.requests('add').map(({ groups }) => groups.length)).toEqual([1_000, 1_000, 500])
  const big = 'x'.repeat(1_000_000)
  const heavy = world.line()
  const other = world.mill(heavy)
  await world.settle(Promise.all(Array.from({ length: 20 }, () => other.enqueue(job, big))))
  expect(heavy.requests('add').map(({ groups }) => groups.length)).toEqual([8, 8, 4])
})

test('a hundred callers who share trips do not share a fate', async () => {
  const world = new World()
  const line = world.line()
  const mill = world.mill(line)
  const taken = await mill.enqueue(job, 'taken', { id: '00000000-0000-4000-8000-000000000001' })
  await mill.enqueue(job, 'holder', { unique: { key: 'k' } })
  let busy = 2
  line.keep('add', async (pass, request) => {
    const { groups } = request
    const locked = (index: number): boolean =>
      busy > 0 && groups[index]!.tasks[0]!.unique?.key === 'job:locked'
    const answers = await pass({ ...request, groups: groups.filter((_, index) => !locked(index)) })
    const left = [...answers]
    const all = groups.map((_, index): GroupAnswer => (locked(index) ? { outcome: 'busy' } : left.shift()!))
    if (all.some(({ outcome }) => outcome === 'busy')) busy -= 1
    return all
  })
  const before = line.count('add')
  const callers = Array.from({ length: 100 }, (_, n) => {
    if (n === 10) return mill.enqueue(job, 'another', { id: taken.id })
    if (n === 20) return mill.enqueue(job, 'x'.repeat(2_000_000))
    if (n === 30) return mill.enqueue(job, new Date())
    if (n === 40) return mill.enqueue(job, n, { unique: { key: 'k', then: 'reject' } })
    if (n === 50) return mill.enqueue(job, n, { after: ['00000000-0000-4000-8000-00000000dead'] })
    if (n === 60) return mill.enqueue(job, n, { unique: { key: 'locked' } })
    return mill.enqueue(job, n)
  })
  const ends = Promise.allSettled(callers)
  const bystanders = callers.filter((_, n) => n === 0 || n % 10 !== 0)
  const settled = await world.settle(Promise.allSettled(bystanders))
  expect(world.time.nowMs).toBe(0)
  expect(new Set(outcomes(settled))).toEqual(new Set(['created']))
  const all = outcomes(await world.settle(ends))
  expect([10, 20, 30, 40, 50, 60].map((n) => all[n])).toEqual([
    'conflict',
    'too-large',
    'invalid-payload',
    'unique',
    'unknown-parent',
    'created',
  ])
  // the two trips of all, the trip of those with keys, and two more for the one that met a lock
  const trips = line.requests('add').slice(before)
  expect(trips).toHaveLength(5)
  // those say that it may have been there before: the first of them may still be under way
  expect(trips.map(({ again }) => again)).toEqual([false, false, false, true, true])
})

test('a trip of keyed tasks that hangs delays nobody else', async () => {
  const world = new World()
  const line = world.line()
  line.keep('add', async (pass, request) => {
    if (request.groups.some(({ tasks }) => tasks[0]!.unique !== null)) await world.sleep(12_000)
    return pass()
  })
  const mill = world.mill(line, { maxPending: 200 })
  const keyed = Array.from({ length: 3 }, (_, n) => mill.enqueue(job, n, { unique: { key: 'k' } }))
  await world.settle(Promise.all(Array.from({ length: 97 }, (_, n) => mill.enqueue(job, n))))
  await world.settle(Promise.all(Array.from({ length: 97 }, (_, n) => mill.enqueue(job, n))))
  expect(world.time.nowMs).toBe(0)
  const handles = await world.settle(Promise.all(keyed))
  expect(handles.map(({ outcome }) => outcome)).toEqual(['created', 'duplicate', 'duplicate'])
  expect(world.time.nowMs).toBe(12_000)
})

test('one that stays locked out is told so after the patience, and only that one', async () => {
  const world = new World()
  const line = world.line()
  const mill = world.mill(line)
  line.keep('add', async (pass, request) => {
    const answers = await pass({
      ...request,
      groups: request.groups.filter(({ tasks }) => tasks[0]!.unique?.key !== 'job:locked'),
    })
    const left = [...answers]
    return request.groups.map(({ tasks }): GroupAnswer =>
      tasks[0]!.unique?.key === 'job:locked' ? { outcome: 'busy' } : left.shift()!,
    )
  })
  const locked = mill.enqueue(job, 1, { unique: { key: 'locked' } })
  const other = await mill.enqueue(job, 2, { unique: { key: 'other' } })
  expect(other.outcome).toBe('created')
  const error = await world.refusal(locked)
  expect(error).toMatchObject({ code: 'store-busy', effect: 'none' })
  expect(world.time.nowMs).toBeGreaterThan(14_000)
  expect(world.time.nowMs).toBeLessThanOrEqual(15_000)
})

test('a bounded queue turns callers away, and takes them again', async () => {
  const world = new World()
  const line = world.line()
  line.keep('add', async (pass) => {
    await world.sleep(100)
    return pass()
  })
  const mill = world.mill(line, { maxPending: 10 })
  const taken = Array.from({ length: 10 }, (_, n) => mill.enqueue(job, n))
  await expect(mill.enqueue(job, 11)).rejects.toMatchObject({
    code: 'backpressure',
    hint: expect.stringContaining('enqueueMany') as unknown,
  })
  await expect(mill.enqueueMany([job.with(12)], { atomic: true })).rejects.toMatchObject({
    code: 'backpressure',
  })
  expect(await mill.enqueueMany([job.with(13)])).toMatchObject([
    { outcome: 'rejected', error: { code: 'backpressure' } },
  ])
  await world.settle(Promise.all(taken))
  expect((await world.settle(mill.enqueue(job, 14))).outcome).toBe('created')
  expect(await world.store.queues()).toMatchObject([{ counts: { ready: 11 } }])
})

test('tasks with unique keys and without share one bound', async () => {
  const world = new World()
  const line = world.line()
  line.keep('add', async (pass) => {
    await world.sleep(100)
    return pass()
  })
  const mill = world.mill(line, { maxPending: 10 })
  const all = Array.from({ length: 30 }, (_, n) =>
    mill.enqueue(job, n, n % 2 === 0 ? {} : { unique: { key: `${n}` } }),
  )
  const seen = outcomes(await world.settle(Promise.allSettled(all)))
  expect(seen).toEqual([...Array<string>(10).fill('created'), ...Array<string>(20).fill('backpressure')])
})

test('payloads under way are bounded in bytes, too, and the error says so', async () => {
  const world = new World()
  const line = world.line()
  line.keep('add', async (pass) => {
    await world.sleep(100)
    return pass()
  })
  const mill = world.mill(line, { maxPendingBytes: 1_000 })
  const big = 'x'.repeat(600)
  const first = mill.enqueue(job, big)
  await expect(mill.enqueue(job, big)).rejects.toMatchObject({
    code: 'backpressure',
    message: expect.stringContaining('maxPendingBytes is 1000') as unknown,
    hint: expect.stringContaining('raise maxPendingBytes') as unknown,
  })
  await world.settle(first)
  // what has arrived makes room
  const half = 'x'.repeat(400)
  await world.settle(Promise.all([mill.enqueue(job, half), mill.enqueue(job, half)]))
  // whoever comes when nothing is under way is taken, whatever its size
  expect((await world.settle(mill.enqueue(job, 'x'.repeat(5_000)))).outcome).toBe('created')
  const answers = await world.settle(mill.enqueueMany(Array.from({ length: 1_000 }, () => job.with(big))))
  expect(new Set(answers.map(({ outcome }) => outcome))).toEqual(new Set(['created']))
})

test('by default 64 MiB of payloads may be under way', async () => {
  const world = new World()
  const line = world.line()
  line.keep('add', async (pass) => {
    await world.sleep(100)
    return pass()
  })
  const mill = world.mill(line)
  const big = 'x'.repeat(1_048_574) // a MiB with its quotes
  const all = Array.from({ length: 66 }, () => mill.enqueue(job, big))
  const seen = outcomes(await world.settle(Promise.allSettled(all)))
  expect(seen.filter((outcome) => outcome === 'backpressure')).toHaveLength(2)
  expect(seen.indexOf('backpressure')).toBe(64)
})

test('a bulk larger than the bound still goes through an empty queue', async () => {
  const world = new World()
  const mill = world.mill(undefined, { maxPending: 10 })
  const answers = await world.settle(mill.enqueueMany(Array.from({ length: 2_500 }, (_, n) => job.with(n))))
  expect(new Set(answers.map(({ outcome }) => outcome))).toEqual(new Set(['created']))
})

test('a lost answer is asked for again with the same ids, and nothing is doubled', async () => {
  const world = new World()
  const line = world.line()
  const mill = world.mill(line)
  const given = '00000000-0000-4000-8000-000000000002'
  let losses = 2
  line.keep('add', async (pass) => {
    const answers = await pass()
    if (losses-- > 0) throw unavailable('unknown')
    return answers
  })
  const enqueues = [mill.enqueue(job, 1), mill.enqueue(job, 2), mill.enqueue(job, 3, { id: given })]
  const handles = await world.settle(Promise.all(enqueues))
  // only we can know an id that was drawn just now; of one that was given nobody knows who came first
  expect(handles.map(({ outcome }) => outcome)).toEqual(['created', 'created', 'duplicate'])
  const requests = line.requests('add')
  expect(requests.map(({ again }) => again)).toEqual([false, true, true])
  expect(new Set(requests.map(({ groups }) => JSON.stringify(groups))).size).toBe(1)
  expect(await world.store.queues()).toMatchObject([{ counts: { ready: 3 } }])
})

test.each([
  // as soon as the store counts as down; what is in doubt is asked for as long as there is time
  ['none', 'store-unavailable', 5_000],
  ['unknown', 'ambiguous', 14_000],
] as const)(
  'a store that stays away (effect %s) is a typed error in time: %s',
  async (effect, code, fromMs) => {
    const world = new World()
    const line = world.line()
    line.keep('add', () => Promise.reject(unavailable(effect)))
    const error = await world.refusal(world.mill(line).enqueue(job, 1))
    expect(error.code).toBe(code)
    expect(world.time.nowMs).toBeGreaterThanOrEqual(fromMs)
    expect(world.time.nowMs).toBeLessThanOrEqual(fromMs + 1_000)
  },
)

test('who is left in doubt is told the id to repeat it with, and that makes no second task', async () => {
  const world = new World()
  const line = world.line()
  const mill = world.mill(line)
  line.keep('add', async (pass) => {
    await pass()
    throw unavailable('unknown')
  })
  const error = (await world.refusal(mill.enqueue(job, 1))) as MillraceError
  expect(error.code).toBe('ambiguous')
  const id = /[0-9a-f-]{36}/.exec(error.hint!)![0]
  line.free('add')
  expect(await mill.enqueue(job, 1, { id })).toMatchObject({ id, outcome: 'duplicate' })
  expect(await world.store.queues()).toMatchObject([{ counts: { ready: 1 } }])
})

test('what will not work is not tried again; what may have worked before that stays in doubt', async () => {
  const world = new World()
  const line = world.line()
  line.keep('add', () => Promise.reject(unavailable('final')))
  const mill = world.mill(line)
  await expect(mill.enqueue(job, 1)).rejects.toMatchObject({ code: 'store-unavailable', effect: 'final' })
  expect(line.count('add')).toBe(1)
  let first = true
  line.keep('add', () => {
    const error = unavailable(first ? 'unknown' : 'final')
    first = false
    return Promise.reject(error)
  })
  expect((await world.refusal(mill.enqueue(job, 2))).code).toBe('ambiguous')
})

test('an error that is none of a store goes through as it is', async () => {
  const world = new World()
  const line = world.line()
  line.keep('add', () => Promise.reject(new TypeError('a bug')))
  await expect(world.mill(line).enqueue(job, 1)).rejects.toThrow(TypeError)
  expect(line.count('add')).toBe(1)
})

test('a closing client answers what is under way, waits out locks, and refuses the rest', async () => {
  const world = new World()
  const line = world.line()
  let busy = true
  line.keep('add', async (pass, request) => {
    await world.sleep(50)
    if (busy && request.groups[0]!.tasks[0]!.unique !== null) {
      busy = false
      return request.groups.map((): GroupAnswer => ({ outcome: 'busy' }))
    }
    return pass()
  })
  const mill = world.mill(line)
  const pending = [mill.enqueue(job, 1), mill.enqueue(job, 2, { unique: { key: 'k' } })]
  await world.time.advance(10)
  const closing = mill.close()
  await expect(mill.enqueue(job, 3)).rejects.toMatchObject({ code: 'closed' })
  await expect(mill.enqueueMany([job.with(4)])).rejects.toMatchObject({ code: 'closed' })
  await expect(mill.call(job, 5, { within: '1s' })).rejects.toMatchObject({ code: 'closed' })
  expect((await world.settle(Promise.all(pending))).map(({ outcome }) => outcome)).toEqual([
    'created',
    'created',
  ])
  await world.settle(closing)
  expect(line.calls.at(-1)!.method).toBe('close')
  await expect(mill.tasks.list()).rejects.toMatchObject({ code: 'closed' })
  await expect(mill.open()).rejects.toMatchObject({ code: 'closed' })
  expect(() => mill.worker({ handlers: job.handler(() => undefined) })).toThrow('closed')
})
