/** What stands around enqueues and handlers, on the memory store and a clock that is moved. */
import { expect, test, vi } from 'vitest'
import {
  chain,
  defineTask,
  MemoryStore,
  Mill,
  NonRetryableError,
  SnoozeError,
  systemPlatform,
  unchecked,
  type Logger,
  type Plugin,
} from '../../src/index.ts'
import { testMill } from '../../src/testing/index.ts'

const add = defineTask('add', {
  input: unchecked<{ a: number; b: number }>(),
  output: unchecked<number>(),
  retry: { attempts: 2, backoff: 'fixed', base: '1s' },
})
const picky = defineTask('picky', {
  input: {
    '~standard': {
      version: 1,
      vendor: 'test',
      validate: (value: unknown) =>
        value === 'good' ? { value: 'good' } : { issues: [{ message: 'it is not good' }] },
      types: undefined as { readonly input: string; readonly output: string } | undefined,
    },
  },
})
const adding = add.handler(({ a, b }) => a + b)

function logged(): { readonly logger: Logger; readonly lines: unknown[][] } {
  const lines: unknown[][] = []
  const write =
    (level: string) =>
    (...line: readonly unknown[]): void =>
      void lines.push([level, ...line])
  return { lines, logger: { debug() {}, info() {}, warn: write('warn'), error: write('error') } }
}

/** Says when it comes and goes. */
function onion(name: string, said: string[]): Plugin {
  const around = async (what: string, next: () => unknown): Promise<void> => {
    said.push(`${name} ${what}`)
    await next()
    said.push(`${name} ${what} done`)
  }
  return {
    name,
    enqueue: (_, next) => around('enqueue', next),
    run: (_, next) => around('run', next),
    open: () => void said.push(`${name} open`),
    close: () => void said.push(`${name} close`),
  }
}

test('the first is the outermost, and is opened first and closed last', async () => {
  const said: string[] = []
  {
    await using t = await testMill({
      handlers: adding,
      plugins: [onion('outer', said), onion('inner', said)],
    })
    const handle = await t.mill.enqueue(add, { a: 1, b: 2 })
    await t.untilIdle()
    expect(await handle.result({ within: 1 })).toBe(3)
  }
  expect(said).toEqual([
    'outer open',
    'inner open',
    'outer enqueue',
    'inner enqueue',
    'inner enqueue done',
    'outer enqueue done',
    'outer run',
    'inner run',
    'inner run done',
    'outer run done',
    'inner close',
    'outer close',
  ])
})

test('drafts are changed before they are checked, and the caller keeps what it gave', async () => {
  const seen: unknown[] = []
  const change: Plugin = {
    name: 'change',
    async enqueue({ drafts }, next) {
      for (const draft of drafts) {
        draft.input = 'good'
        draft.options = { ...draft.options, headers: { by: 'plugin' }, metadata: { was: 'changed' } }
      }
      seen.push(...(await next()).map(({ outcome }) => outcome))
    },
  }
  await using t = await testMill({ plugins: [change] })
  const options = { tags: ['mine'] }
  const draft = picky.with('bad', options)
  await t.mill.enqueue(picky, 'bad', options)
  await t.mill.enqueueMany([draft, picky.with('bad', { ...options, after: [draft] })], { atomic: true })
  await t.mill.enqueueMany([picky.with('bad', options)])
  await t.mill.enqueueFlow(chain(picky.with('bad', options), picky.with('bad', options)))
  expect(seen).toEqual(Array.from({ length: 6 }, () => 'created'))
  const found = t.assertEnqueued(picky, {
    input: 'good',
    headers: { by: 'plugin' },
    metadata: { was: 'changed' },
    tags: ['mine'],
  })
  expect(found).toHaveLength(6)
  expect(found.filter(({ after }) => after.length === 1)).toHaveLength(2)
  expect([draft.input, draft.options]).toEqual(['bad', { tags: ['mine'] }])
})

const REFUSED = [
  ['throws', async () => Promise.reject(new Error('boom')), 'The plugin wrong failed: boom'],
  [
    'throws at once',
    () => {
      throw new Error('boom')
    },
    'The plugin wrong failed: boom',
  ],
  ['does not call next', () => undefined, 'The plugin wrong did not call next.'],
  [
    'changes an id',
    ({ drafts }, next) => {
      drafts[0]!.options = { id: '0199c0de-0000-7000-8000-000000000001' }
      return next()
    },
    'The plugin wrong changed the id of a draft of add.',
  ],
] as const satisfies readonly (readonly [string, NonNullable<Plugin['enqueue']>, string])[]

test.each(REFUSED)(
  'an enqueue whose plugin %s enqueues nothing, and names it',
  async (_, enqueue, message) => {
    await using t = await testMill({
      plugins: [
        { name: 'fine', enqueue: (_call, next) => next() },
        { name: 'wrong', enqueue },
      ],
    })
    const refused = { code: 'plugin', plugin: 'wrong', message }
    await expect(t.mill.enqueue(add, { a: 1, b: 2 })).rejects.toMatchObject(refused)
    await expect(t.mill.enqueueMany([add.with({ a: 1, b: 2 })])).rejects.toMatchObject(refused)
    expect(() => t.assertEnqueued(add)).toThrow('Nothing was.')
  },
)

test('an enqueue is made once, however often and late next is called, and what comes behind it is told so', async () => {
  let late: (() => unknown) | undefined
  const plugins: Record<string, NonNullable<Plugin['enqueue']>> = {
    twice: async (_, next) => {
      await next()
      await Promise.resolve(next()).catch(() => undefined) // in vain
    },
    after: async (_, next) => {
      await next()
      throw new Error('boom')
    },
    late: (_, next) => void (late = next),
    // nobody waits for it, and all the same nobody is told too early
    hasty: (_, next) => void next(),
  }
  const asked = async (name: string): Promise<unknown> => {
    await using t = await testMill({ plugins: [{ name, enqueue: plugins[name]! }] })
    const answer = await t.mill.enqueue(add, { a: 1, b: 2 }).catch((error: Error) => error.message)
    const count = (await t.mill.tasks.list({})).tasks.length
    return [typeof answer === 'string' ? answer : answer.outcome, count]
  }
  expect(await asked('twice')).toEqual(['The plugin twice called next twice.', 1])
  expect(await asked('after')).toEqual([
    'The plugin after failed after what it stands around was done: boom',
    1,
  ])
  expect(await asked('late')).toEqual(['The plugin late did not call next.', 0])
  expect(late).toThrow('called next after it had ended')
  expect(await asked('hasty')).toEqual(['created', 1])
})

test('what the store or a schema refuses goes through as it is', async () => {
  const plugin: Plugin = {
    name: 'through',
    async enqueue(_, next) {
      await next()
    },
  }
  await using t = await testMill({ plugins: [plugin] })
  await expect(t.mill.enqueue(picky, 'bad')).rejects.toMatchObject({ code: 'invalid-payload' })
  expect(await t.mill.enqueueMany([picky.with('bad'), picky.with('good')])).toMatchObject([
    { outcome: 'rejected', error: { code: 'invalid-payload' } },
    { outcome: 'created' },
  ])
})

test.each([
  ['throws', async () => Promise.reject(new Error('boom')), 'The plugin wrong failed: boom'],
  ['does not call next', () => undefined, 'The plugin wrong did not call next.'],
  [
    'calls next twice',
    async (_: unknown, next: () => Promise<unknown>) => {
      await next()
      await next()
    },
    'The plugin wrong called next twice.',
  ],
])('an attempt whose plugin %s fails, and is made again', async (_, run, message) => {
  let calls = 0
  const handler = add.handler(({ a, b }) => (calls++, a + b))
  const wrong: Plugin = {
    name: 'wrong',
    run: (call, next) => ('items' in call.ctx || call.ctx.attempt > 1 ? next() : run(call, next)),
  }
  await using t = await testMill({ handlers: handler, plugins: [wrong] })
  const handle = await t.mill.enqueue(add, { a: 1, b: 2 })
  await t.advance(0)
  expect(await handle.status()).toMatchObject({ state: 'scheduled', error: { code: 'plugin', message } })
  await t.untilIdle()
  expect(await handle.result({ within: 1 })).toBe(3)
  expect(calls).toBe(message.includes('twice') ? 2 : 1)
})

test('a plugin that swallows an error, or answers something else, changes nothing', async () => {
  const swallow: Plugin = {
    name: 'swallow',
    async run(_, next) {
      await next().catch(() => undefined)
      return 'something else'
    },
  }
  const fails = defineTask('fails', { input: unchecked(), retry: false })
  await using t = await testMill({
    handlers: [adding, fails.handler(() => Promise.reject(new Error('no')))],
    plugins: [swallow],
  })
  const [sum, failure] = await t.mill.enqueueMany([add.with({ a: 1, b: 2 }), fails.with(0)], { atomic: true })
  await t.untilIdle()
  expect(await sum.result({ within: 1 })).toBe(3)
  expect(await failure.status()).toMatchObject({ state: 'failed', error: { message: 'no', code: null } })
})

test('a plugin says what is to become of a task as a handler does', async () => {
  const judge: Plugin = {
    name: 'judge',
    async run({ input }, next) {
      const { a } = input as { readonly a: number }
      if (a === 0) throw new NonRetryableError('never')
      if (a === 1) throw new SnoozeError('1h')
      await next()
    },
  }
  await using t = await testMill({ handlers: adding, plugins: [judge] })
  const [never, later] = await t.mill.enqueueMany([add.with({ a: 0, b: 0 }), add.with({ a: 1, b: 0 })], {
    atomic: true,
  })
  await t.untilIdle()
  expect(await never.status()).toMatchObject({ state: 'failed', counters: { failures: 1 } })
  expect(await later.status()).toMatchObject({ state: 'scheduled', counters: { failures: 0, snoozes: 1 } })
})

test('a batch is one call', async () => {
  const seen: unknown[] = []
  const watch: Plugin = {
    name: 'watch',
    async run({ input, ctx }, next) {
      seen.push([input, 'items' in ctx ? ctx.items.length : 1, await next()])
    },
  }
  const batch = add.batch({ size: 10 }, (items) => items.map(({ a, b }) => a + b))
  await using t = await testMill({ handlers: batch, plugins: [watch] })
  await t.mill.enqueueMany([add.with({ a: 1, b: 2 }), add.with({ a: 3, b: 4 })])
  await t.untilIdle()
  expect(seen).toEqual([
    [
      [
        { a: 1, b: 2 },
        { a: 3, b: 4 },
      ],
      2,
      [3, 7],
    ],
  ])
})

test('event hears what workers emit; what it throws is logged, and what nobody hears is logged all the same', async () => {
  const { logger, lines } = logged()
  const heard: string[] = []
  const listen: Plugin = {
    name: 'listen',
    event(e) {
      heard.push(e.name)
      if (e.name === 'succeeded') throw new Error('at once')
      if (e.name === 'started') return Promise.reject(new Error('later'))
      return undefined
    },
  }
  const mill = new Mill(new MemoryStore({ platform: systemPlatform }), { logger, plugins: [listen] })
  const worker = mill.worker({ handlers: adding })
  worker.on('succeeded', () => {
    throw new Error('a listener')
  })
  await mill.enqueue(add, { a: 1, b: 2 })
  await worker.run({ until: 'idle' })
  await mill.close()
  expect(heard).toEqual(['started', 'succeeded', 'error'])
  const failure = (message: string): unknown => [
    'error',
    {
      err: expect.objectContaining({ code: 'plugin', message }) as unknown,
      event: expect.any(String) as unknown,
    },
    'a plugin failed at what it heard',
  ]
  expect(lines).toContainEqual(failure('The plugin listen failed in its event: later'))
  expect(lines).toContainEqual(failure('The plugin listen failed in its event: at once'))
  expect(lines).toContainEqual([
    'error',
    { err: new Error('a listener') },
    "a listener of 'succeeded' failed",
  ])
})

test('what cannot be opened is said by whatever needs it, and what was opened before is closed', async () => {
  const said: string[] = []
  const open = vi.fn<() => Promise<never>>(() => Promise.reject(new Error('no key')))
  const plugins = [onion('fine', said), { name: 'wrong', open, close: () => void said.push('wrong close') }]
  const mill = new Mill(new MemoryStore({ platform: systemPlatform }), { plugins })
  const refused = { code: 'plugin', message: 'The plugin wrong failed in its open: no key' }
  await expect(mill.enqueue(add, { a: 1, b: 2 })).rejects.toMatchObject(refused)
  await expect(mill.open()).rejects.toMatchObject(refused)
  await expect(mill.worker({ handlers: adding }).start()).rejects.toMatchObject(refused)
  await mill.close()
  expect(open).toHaveBeenCalledTimes(1)
  expect(said).toEqual(['fine open', 'fine close'])
})

test('open may enqueue, and a close that hangs keeps nobody', async () => {
  const { logger, lines } = logged()
  const plugin: Plugin = {
    name: 'both',
    enqueue: (_, next) => next(),
    open: (mill) => mill.enqueue(add, { a: 1, b: 2 }),
    close: () => new Promise(() => undefined),
  }
  {
    await using t = await testMill({ plugins: [plugin], logger })
    expect(t.assertEnqueued(add)).toHaveLength(1)
  }
  expect(lines).toEqual([['warn', { plugin: 'both' }, 'a plugin was not closed within 5000 ms']])
})

test.each([
  ['no list', { name: 'x', run: () => 0 }, 'plugins is an object, which is no list.'],
  ['no plugin', [7], 'plugins[0] is 7, which is no plugin.'],
  ['what makes one', [() => ({ name: 'x' })], 'plugins[0] is a function, which is no plugin.'],
  ['no name', [{ run: () => 0 }], 'plugins[0] has the name undefined.'],
  ['an unknown member', [{ name: 'x', onRun: () => 0 }], 'The options of the plugin x have no "onRun".'],
  ['no function', [{ name: 'x', run: 'fast' }], 'run of the plugin x is "fast", which is no function.'],
  ['nothing to do', [{ name: 'x' }], 'The plugin x does nothing.'],
  [
    'one name twice',
    [
      { name: 'x', close() {} },
      { name: 'x', open() {} },
    ],
    'Two plugins are called "x".',
  ],
])('%s is refused in a line', (_, plugins, message) => {
  const store = new MemoryStore({ platform: systemPlatform })
  expect(() => new Mill(store, { plugins: plugins as never })).toThrow(
    expect.objectContaining({ code: 'invalid-argument', message }),
  )
})

test('an instance of a class may have members of its own', async () => {
  class Counter implements Plugin {
    readonly name = 'counter'
    count = 0
    async run(_: unknown, next: () => Promise<unknown>): Promise<void> {
      this.count += 1
      await next()
    }
  }
  const counter = new Counter()
  await using t = await testMill({ handlers: adding, plugins: [counter] })
  await t.mill.enqueue(add, { a: 1, b: 2 })
  await t.untilIdle()
  expect(counter.count).toBe(1)
})
