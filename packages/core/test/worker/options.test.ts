/** What a worker is told, and what it tells the store of itself. */
import { expect, test } from 'vitest'
import { defineTask, handlersByType, unchecked, type WorkerOptions } from '../../src/index.ts'
import { resolveWorkerOptions } from '../../src/worker/options.ts'
import { World } from './world.ts'

const one = defineTask('one', { input: unchecked<number>(), queue: 'a', retry: false, priority: 'high' })
const two = defineTask('two', { input: unchecked<number>(), queue: 'b' })
const oneHandler = one.handler(() => undefined)
const twoHandler = two.handler(() => undefined)

test('handlers come alone, in lists, or from functions; the same one may come twice', () => {
  const handlers = handlersByType([oneHandler, [() => [twoHandler]], oneHandler])
  expect([...handlers.keys()]).toEqual(['one', 'two'])
})

test('queues are those of the definitions, a list, or slots of their own', () => {
  const handlers = [oneHandler, twoHandler]
  expect(resolveWorkerOptions({ handlers })).toMatchObject({
    queues: new Map([
      ['a', 10],
      ['b', 10],
    ]),
    concurrency: 10,
    ttlMs: 15_000,
    drainMs: 25_000,
  })
  expect(resolveWorkerOptions({ handlers, queues: ['c', 'c'], concurrency: 3 }).queues).toEqual(
    new Map([['c', 3]]),
  )
  expect(resolveWorkerOptions({ handlers, queues: { a: 2, b: 3 } }).concurrency).toBe(5)
  expect(resolveWorkerOptions({ handlers, queues: { a: 2, b: 3 }, concurrency: 4 }).concurrency).toBe(4)
})

const refused: readonly [string, Partial<WorkerOptions>][] = [
  ['no handler', { handlers: [] }],
  ['something that is none', { handlers: [{}] as never }],
  ['two for one task', { handlers: [oneHandler, one.handler(() => undefined)] }],
  ['no queue', { queues: [] }],
  ['a queue that is no name', { queues: ['no queue'] }],
  ['no slots', { queues: { a: 0 } }],
  ['half a slot', { concurrency: 0.5 }],
  ['too many slots', { concurrency: 10_001 }],
  ['too short a lease', { lease: '999ms' }],
  ['a lease that is none', { lease: 'soon' as '1s' }],
  ['a drain that is none', { drain: -1 }],
  ['weights that are none', { priorities: [1, 2, 3, 4, 0] }],
  ['four weights', { priorities: [1, 2, 3, 4] as never }],
  ['a handler in a thread without isolates', { handlers: one.handler(() => undefined, { runIn: 'thread' }) }],
  [
    'a handler in a process without isolates',
    { handlers: one.handler(() => undefined, { runIn: 'process' }) },
  ],
  ['isolates without a module', { isolates: {} as never }],
  ['isolates of no module', { isolates: { module: [] } }],
  ['isolates of what is no module', { isolates: { module: 7 as never } }],
  ['no threads', { isolates: { module: 'x.mjs', threads: 0 } }],
  ['isolates of another kind', { isolates: { module: 'x.mjs', fibres: 1 } as never }],
  ['a budget that says nothing', { budget: {} }],
  ['a budget of nothing', { budget: { memoryMb: 0 } }],
  ['an offer that is no name', { offers: ['no offer'] }],
]

test.each(refused)('%s: refused', (_, options) => {
  const make = (): unknown => new World().mill().worker({ handlers: oneHandler, ...options })
  expect(make).toThrow(expect.objectContaining({ code: 'invalid-argument' }))
})

test('a handler in a thread says what its worker needs', () => {
  const make = (): unknown =>
    new World().mill().worker({ handlers: one.handler(() => undefined, { runIn: 'thread' }) })
  expect(make).toThrow('The handler of one runs in a thread, but the worker has no isolates.')
  expect(make).toThrow(
    expect.objectContaining({ hint: expect.stringContaining('import.meta.url') as unknown }),
  )
})

test('modules of isolates are URLs, or paths from the current folder', () => {
  const module = ['handlers.mjs', new URL('file:///a/b.mjs'), 'file:///c.mjs']
  const { isolates } = resolveWorkerOptions({ handlers: oneHandler, concurrency: 3, isolates: { module } })
  expect(isolates).toEqual({
    modules: [new URL(`file://${process.cwd()}/handlers.mjs`).href, 'file:///a/b.mjs', 'file:///c.mjs'],
    threads: 3,
    processes: 3,
    tasksMax: 1_000,
    idleMs: 30_000,
  })
})

test('a session publishes what its worker is, and what it handles', async () => {
  const world = new World()
  const mill = world.mill()
  const json = { type: 'number' }
  const documented = defineTask('documented', {
    input: {
      '~standard': {
        version: 1,
        vendor: 't',
        validate: (value: unknown) => ({ value }),
        jsonSchema: { input: () => json },
      },
    },
  })
  await world.settle(
    mill
      .worker({
        handlers: [oneHandler, documented.handler(() => undefined)],
        offers: ['gpu'],
        concurrency: 3,
      })
      .start(),
  )
  expect(await mill.workers.list()).toMatchObject([
    {
      queues: ['a', 'default'],
      types: ['one', 'documented'],
      offers: ['gpu'],
      concurrency: 3,
      host: expect.any(String) as unknown,
      pid: process.pid,
      running: 0,
    },
  ])
  const [first, second] = await mill.definitions()
  expect(first).toMatchObject({ type: 'one', queue: 'a', level: 1, schema: null })
  expect(JSON.parse(first!.options)).toMatchObject({ retry: { kind: 'delays', delaysMs: [] } })
  expect(second).toMatchObject({ type: 'documented', schema: '{"type":"number"}' })
})

test('strict priorities serve a level only when those above are empty', async () => {
  for (const [priorities, first] of [
    ['strict', 'critical'],
    [undefined, 'critical'],
  ] as const) {
    const world = new World()
    const mill = world.mill()
    const ran: string[] = []
    const task = defineTask('task', { input: unchecked<string>() })
    const handles = await mill.enqueueMany(
      (['batch', 'critical'] as const).flatMap((priority) =>
        Array.from({ length: 40 }, () => task.with(priority, { priority })),
      ),
      { atomic: true },
    )
    const worker = mill.worker({
      concurrency: 1,
      priorities,
      handlers: task.handler(async (level) => {
        ran.push(level)
        await world.sleep(100)
      }),
    })
    await world.settle(worker.start())
    await world.ended(handles.map(({ id }) => id))
    expect(ran[0]).toBe(first)
    expect(ran.slice(0, 40).includes('batch')).toBe(priorities !== 'strict')
  }
})

test.each([
  ['run', { until: 'idel' }, /until is "idel"/, /'idle'/],
  ['run', { untl: 'idle' }, /no "untl"/, /Did you mean until/],
  ['run', null, /are null/, /until/],
  ['stop', { dran: 0 }, /no "dran"/, /Did you mean drain/],
] as const)('%s with %o is refused, and does nothing', async (method, options, message, hint) => {
  const world = new World()
  const line = world.line()
  const worker = world.mill(line).worker({ handlers: oneHandler })
  await expect(worker[method](options as never)).rejects.toMatchObject({
    code: 'invalid-argument',
    message: expect.stringMatching(message) as unknown,
    hint: expect.stringMatching(hint) as unknown,
  })
  expect(line.calls).toEqual([])
  await world.settle(worker.start())
})
