/** Flows: what they become in the store, and how they run. */
import { describe, expect, test } from 'vitest'
import { chain, chord, defineTask, group, unchecked, type AnyFlow, type Schema } from '../../src/index.ts'
import { LIMITS } from '../../src/task/limits.ts'
import { World } from '../worker/world.ts'

const start = defineTask('start', { input: unchecked<number>(), output: unchecked<number>() })
const double = defineTask('double', { input: unchecked<number>(), output: unchecked<number>() })
const sum = defineTask('sum', { input: unchecked<readonly number[]>(), output: unchecked<number>() })
const shape = defineTask('shape', { input: unchecked<unknown>(), output: unchecked<unknown>() })
const note = defineTask('note', { input: unchecked<string>(), retry: false })
const broken = defineTask('broken', {
  input: unchecked<unknown>(),
  output: unchecked<number>(),
  retry: false,
})

const seen: string[] = []
const handlers = [
  start.handler((n) => n),
  double.handler((n) => n * 2),
  sum.handler((numbers) => numbers.reduce((total, n) => total + n, 0)),
  shape.handler((value) => value),
  note.handler((text) => void seen.push(text)),
  broken.handler(() => {
    throw new Error('broken')
  }),
]

async function worldWithWorker() {
  const world = new World()
  const mill = world.mill()
  const worker = mill.worker({ handlers })
  await world.settle(worker.start())
  seen.length = 0
  return { world, mill, worker }
}

describe('chains', () => {
  test('each step gets the result of the one before', async () => {
    const { world, mill } = await worldWithWorker()
    const { last, steps, all } = await mill.enqueueFlow(chain(start.with(3), double, double))
    expect(await world.settle(last.result({ within: '1m' }))).toBe(12)
    expect(steps.map(({ task }) => task.name)).toEqual(['start', 'double', 'double'])
    expect(all.map(({ id }) => id)).toEqual(steps.map(({ id }) => id))
    expect((await world.record(last.id))?.after).toEqual([{ parent: steps[1].id, ifFailed: 'cancel' }])
  })

  test('what comes behind a failure is cancelled', async () => {
    const { world, mill } = await worldWithWorker()
    const { steps } = await mill.enqueueFlow(chain(broken.with(1), double, double))
    const records = await world.ended(steps.map(({ id }) => id))
    expect(records.map(({ state }) => state)).toEqual(['failed', 'cancelled', 'cancelled'])
  })

  test('a draft in a chain has an input of its own', async () => {
    const { world, mill } = await worldWithWorker()
    const { last } = await mill.enqueueFlow(chain(broken.with(1), start.with(5)))
    const [record] = await world.ended([last.id])
    expect(record?.state).toBe('cancelled')
    const other = await mill.enqueueFlow(chain(start.with(1), start.with(5, { tags: ['x'] }), double))
    expect(await world.settle(other.last.result({ within: '1m' }))).toBe(10)
    expect((await world.record(other.steps[1].id))?.tags).toEqual(['x'])
  })

  test('a later step may also wait for tasks that stand elsewhere', async () => {
    const { world, mill } = await worldWithWorker()
    const other = await mill.enqueue(start, 1, { delay: '10s' })
    const { last, steps } = await mill.enqueueFlow(chain(start.with(1), start.with(2, { after: [other] })))
    expect((await world.record(last.id))?.after.map(({ parent }) => parent)).toEqual([steps[0].id, other.id])
    await world.ended([last.id])
  })

  test('bytes and nothing are results, too', async () => {
    const bytes = defineTask('bytes', { input: unchecked<number>(), output: unchecked<Uint8Array>() })
    const none = defineTask('none', { input: unchecked<Uint8Array>(), output: unchecked<undefined>() })
    const world = new World()
    const mill = world.mill()
    const got: unknown[] = []
    const worker = mill.worker({
      handlers: [
        bytes.handler((n) => new Uint8Array([n])),
        none.handler((input) => void got.push(input)),
        shape.handler((input) => void got.push(input)),
      ],
    })
    await world.settle(worker.start())
    const { all } = await mill.enqueueFlow(chain(bytes.with(7), none, shape))
    await world.ended(all.map(({ id }) => id))
    expect(got).toEqual([new Uint8Array([7]), undefined])
  })
})

describe('groups and chords', () => {
  test('a chord gets the results in the order of its parts', async () => {
    const { world, mill } = await worldWithWorker()
    const parts = [3, 1, 2].map((n) => start.with(n, { delay: n * 1_000 }))
    const { last } = await mill.enqueueFlow(chord(parts, shape))
    expect(await world.settle(last.result({ within: '1m' }))).toEqual([3, 1, 2])
  })

  test('nested flows give nested results', async () => {
    const { world, mill } = await worldWithWorker()
    const flow = chain(
      start.with(1),
      group([double, chain(double, double), group([double, start.with(9)])]),
      shape,
    )
    const { last, steps } = await mill.enqueueFlow(flow)
    expect(await world.settle(last.result({ within: '1m' }))).toEqual([2, 4, [2, 9]])
    expect(steps[1][2][1].task).toBe(start)
  })

  test('a group alone answers handles of all', async () => {
    const { world, mill } = await worldWithWorker()
    const { last } = await mill.enqueueFlow(group([start.with(1), chain(start.with(2), double)]))
    const results = last.map((handle) => world.settle(handle.result({ within: '1m' })))
    expect(await Promise.all(results)).toEqual([1, 4])
  })

  test.each([
    ['all succeed', start, ['ended', 'succeeded'], ['succeeded', 'succeeded', 'cancelled']],
    ['one fails', broken, ['ended', 'failed'], ['cancelled', 'succeeded', 'succeeded']],
  ] as const)('callbacks when %s', async (_, second, told, states) => {
    const { world, mill } = await worldWithWorker()
    const onSucceeded = note.with('succeeded')
    const onEnded = note.with('ended')
    const onFailed = note.with('failed')
    const { all } = await mill.enqueueFlow(
      group([start.with(1), second.with(1)], { onSucceeded, onEnded, onFailed }),
    )
    await world.ended(all.map(({ id }) => id))
    expect(seen.toSorted()).toEqual(told)
    const callbacks = await world.ended([onSucceeded.id!, onEnded.id!, onFailed.id!])
    expect(callbacks.map(({ state }) => state)).toEqual(states)
  })

  test('onFailed does not wait for the rest', async () => {
    const { world, mill } = await worldWithWorker()
    const slow = start.with(1, { delay: '1h' })
    const onFailed = note.with('failed')
    await mill.enqueueFlow(group([slow, broken.with(1)], { onFailed }))
    await world.ended([onFailed.id!])
    expect(seen).toEqual(['failed'])
    expect((await world.record(slow.id!))?.state).toBe('pending')
  })
})

describe('inputs that come from parents', () => {
  const positive: Schema<number> = {
    '~standard': {
      version: 1,
      vendor: 'test',
      validate: (value) =>
        typeof value === 'number' && value > 0 ? { value } : { issues: [{ message: 'not positive' }] },
    },
  }
  const strict = defineTask('strict', { input: positive })

  test('what the schema refuses fails without a run', async () => {
    const world = new World()
    const mill = world.mill()
    let runs = 0
    const worker = mill.worker({ handlers: [start.handler((n) => n), strict.handler(() => void runs++)] })
    await world.settle(worker.start())
    const { last } = await mill.enqueueFlow(chain(start.with(-1), strict))
    const [record] = await world.ended([last.id])
    expect(record).toMatchObject({ state: 'failed', reason: 'invalid' })
    expect(record?.error?.message).toMatch(/input of strict does not match its schema: not positive/)
    expect(runs).toBe(0)
    // an operator can give it another
    await mill.tasks.retry([last.id], { input: 1 })
    expect((await world.ended([last.id]))[0]?.state).toBe('succeeded')
  })

  test('results that are too large together fail the step', async () => {
    const big = defineTask('big', { input: unchecked<number>(), output: unchecked<string>() })
    const texts = defineTask('texts', { input: unchecked<readonly string[]>(), output: unchecked<number>() })
    const world = new World()
    const mill = world.mill()
    const worker = mill.worker({
      handlers: [
        big.handler(() => 'x'.repeat(1_000_000)),
        texts.handler((all) => all.reduce((bytes, text) => bytes + text.length, 0)),
      ],
    })
    await world.settle(worker.start())
    const fits = await mill.enqueueFlow(
      chord(
        [1, 2, 3, 4, 5, 6, 7, 8].map((n) => big.with(n)),
        texts,
      ),
    )
    expect(await world.settle(fits.last.result({ within: '1m' }))).toBe(8_000_000)
    const over = await mill.enqueueFlow(
      chord(
        [1, 2, 3, 4, 5, 6, 7, 8, 9].map((n) => big.with(n)),
        texts,
      ),
    )
    const [record] = await world.ended([over.last.id])
    expect(record).toMatchObject({ state: 'failed', reason: 'invalid', error: { code: 'too-large' } })
  })

  test('readers see where the input comes from', async () => {
    const world = new World()
    const mill = world.mill()
    const { last, steps } = await mill.enqueueFlow(chain(start.with(1), double))
    expect(await last.status()).toMatchObject({ state: 'blocked', input: undefined, inputFrom: 'parents' })
    expect(await steps[0].status()).toMatchObject({ input: 1, inputFrom: null })
  })

  test('a step that is started over finds the results, and says so if they are gone', async () => {
    const world = new World()
    const mill = world.mill()
    let mood = 'bad'
    const worker = mill.worker({
      handlers: [
        start.handler((n) => n),
        broken.handler((input) => {
          if (mood === 'bad') throw new Error('bad')
          return Number(input)
        }),
      ],
    })
    await world.settle(worker.start())
    const { last, steps } = await mill.enqueueFlow(chain(start.with(4), broken))
    await world.ended([last.id])
    mood = 'good'
    await mill.tasks.retry([last.id])
    expect(await world.settle(last.result({ within: '1m' }))).toBe(4)
    mood = 'bad'
    const again = await mill.enqueueFlow(chain(start.with(5), broken))
    await world.ended([again.last.id])
    await mill.tasks.remove([again.steps[0].id])
    await mill.tasks.retry([again.last.id])
    const [record] = await world.ended([again.last.id])
    expect(record).toMatchObject({ state: 'failed', reason: 'invalid' })
    expect(record?.error?.message).toMatch(new RegExp(`result of ${again.steps[0].id}, which is gone`))
    expect(steps.length).toBe(2)
  })

  test('a store that cannot be read costs the step no attempt', async () => {
    const world = new World()
    const line = world.line()
    const mill = world.mill(line, { storeTimeout: 1_000 })
    const worker = mill.worker({ handlers })
    await world.settle(worker.start())
    let refusals = 3
    line.keep('outcomes', (pass) => {
      if (refusals-- > 0)
        throw Object.assign(new Error('away'), { code: 'store-unavailable', effect: 'none' })
      return pass()
    })
    const { last } = await world.settle(mill.enqueueFlow(chain(start.with(4), double)))
    const [record] = await world.ended([last.id])
    expect(record).toMatchObject({ state: 'succeeded', counters: { failures: 0 } })
  })
})

describe('what is refused, before anything is written', () => {
  const keyed = defineTask('keyed', { input: unchecked<number>(), unique: { key: (n) => String(n) } })
  const draft = start.with(1)
  const any = (flow: unknown): never => flow as never
  let deep: AnyFlow = chain(start.with(1))
  for (let level = 2; level < LIMITS.flowDepth; level++) deep = chain(deep)

  test.each([
    ['a first step without an input', () => any(chain(double, double)), /double begins the flow/],
    ['one in a group', () => any(group([start.with(1), double])), /double begins the flow/],
    ['a draft twice', () => chain(draft, draft), /stands in the flow twice/],
    ['a flow twice', () => ((flow) => group([flow, flow]))(chain(start.with(1), double)), /twice/],
    ['a key made of an input that is not there', () => chain(start.with(1), keyed), /unique key of keyed/],
    ['what is no flow', () => any(start.with(1)), /which is none/],
    ['nothing', () => any(null), /The flow is null/],
    [
      'too many edges',
      () =>
        chain(
          group(Array.from({ length: 500 }, () => start.with(1))),
          group(Array.from({ length: 500 }, () => start.with(1))),
        ),
      /more than 200000 dependencies/,
    ],
  ])('%s', async (_, make, message) => {
    const world = new World()
    const line = world.line()
    const mill = world.mill(line)
    await expect((async () => mill.enqueueFlow(make() as never))()).rejects.toThrow(message)
    expect(line.count('add')).toBe(0)
  })

  test.each([
    ['an empty chain', () => chain(), /A chain of no steps/],
    ['an empty group', () => group([]), /A group of no steps/],
    ['no list', () => group(any(start.with(1))), /is no flow/],
    ['a text', () => chain(any('start')), /which is no definition/],
    ['a callback that is no draft', () => group([start.with(1)], any({ onEnded: start })), /onEnded is/],
    ['an unknown callback', () => group([start.with(1)], any({ onFailure: start })), /no "onFailure"/],
    ['too deep a flow', () => chain(chain(deep)), /65 levels deep/],
  ])('%s', (_, make, message) => {
    expect(make).toThrow(message)
  })

  test('a refused flow can be tried again; one that was written is there', async () => {
    const { world, mill } = await worldWithWorker()
    const parent = start.with(1, { after: ['0190a000-0000-7000-8000-000000000000'] })
    const flow = chain(parent, double)
    await expect(mill.enqueueFlow(flow)).rejects.toMatchObject({ code: 'unknown-parent' })
    const good = chain(start.with(1), double)
    const first = await mill.enqueueFlow(good)
    const second = await mill.enqueueFlow(good)
    expect(second.last).toMatchObject({ id: first.last.id, outcome: 'duplicate' })
    await world.ended([first.last.id])
  })
})

test('parts that share a unique key are one task: the step says so instead of running', async () => {
  const keyed = defineTask('keyed', {
    input: unchecked<number>(),
    output: unchecked<number>(),
    unique: { key: () => 'one' },
  })
  const world = new World()
  const mill = world.mill()
  const worker = mill.worker({ handlers: [keyed.handler((n) => n), shape.handler((value) => value)] })
  const { last } = await mill.enqueueFlow(chord([keyed.with(1), keyed.with(2)], shape))
  await world.settle(worker.start())
  const [record] = await world.ended([last.id])
  expect(record).toMatchObject({ state: 'failed', reason: 'invalid' })
  expect(record?.error?.message).toMatch(/made of 2 results, and the task waits for 1/)
})

test('a fan-in of 10 000', async () => {
  const { world, mill } = await worldWithWorker()
  const parts = Array.from({ length: 10_000 }, (_, n) => start.with(n))
  const { last } = await mill.enqueueFlow(chord(parts, sum))
  expect(await world.settle(last.result({ within: '1h' }), 4_000_000)).toBe(49_995_000)
})
