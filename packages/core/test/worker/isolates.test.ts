/** Real threads and processes, on the memory store and the real clock. */
import { spawn } from 'node:child_process'
import { afterEach, expect, test, vi } from 'vitest'
import {
  MemoryStore,
  Mill,
  systemPlatform,
  type TaskHandle,
  type TaskStatus,
  type Worker,
} from '../../src/index.ts'
import type { WorkerOptions } from '../../src/worker/options.ts'
import { checked, child, handlers, inProcess, inThread } from './isolated/handlers.mjs'
import { Holding } from '../../src/worker/holding.ts'
import { Run } from '../../src/worker/run.ts'
import { silent } from './world.ts'

const MODULE = new URL('./isolated/handlers.mjs', import.meta.url)
/** Processes that fill their memory and are begun anew take long on a busy machine. */
const WITHIN = { within: '60s' } as const
vi.setConfig({ testTimeout: 70_000 })
const PLACES = [
  ['a thread', inThread],
  ['a process', inProcess],
] as const

const open: { readonly mill: Mill; readonly worker: Worker; readonly started: Set<string> }[] = []

async function world(
  options: Partial<WorkerOptions> = {},
  store: MemoryStore = new MemoryStore({ platform: systemPlatform }),
): Promise<Mill> {
  const mill = new Mill(store, { logger: silent })
  const worker = mill.worker({ handlers, isolates: { module: MODULE }, ...options })
  const begun = new Set<string>()
  worker.on('started', ({ task }) => begun.add(task.id))
  open.push({ mill, worker, started: begun })
  await worker.start()
  return mill
}

afterEach(async () => {
  for (const { mill } of open.splice(0)) await mill.close({ drain: 0 })
})

async function ended(handle: TaskHandle): Promise<TaskStatus> {
  await handle.result(WITHIN).catch(() => undefined)
  return handle.status()
}

interface Who {
  readonly pid: number
  readonly thread: number
  readonly calls: number
  readonly env: string | null
}

test.each(PLACES)('a handler runs in %s, and the next one in the same', async (place, task) => {
  const mill = await world()
  const first = (await mill.call(task, { act: 'who' }, WITHIN)) as Who
  const second = (await mill.call(task, { act: 'who' }, WITHIN)) as Who
  expect(second).toEqual({ ...first, calls: 2 })
  expect(first.pid === process.pid).toBe(place === 'a thread')
  expect(first.thread > 0).toBe(place === 'a thread')
})

test.each(PLACES)('in %s errors keep code, text and cause, and are tried again', async (_, task) => {
  const mill = await world()
  const handle = await mill.enqueue(task, { act: 'throw', text: 'no luck' })
  const { error, counters, state, reason } = await ended(handle)
  expect({ state, reason, failures: counters.failures }).toEqual({
    state: 'failed',
    reason: 'error',
    failures: 3,
  })
  expect(error).toMatchObject({ name: 'Error', message: 'no luck', code: 'E_TEXT' })
  expect(error?.stack).toContain('handlers.mjs')
})

test.each(PLACES)('in %s a handler can refuse, put off, save and go on', async (_, task) => {
  const mill = await world()
  const refused = await ended(await mill.enqueue(task, { act: 'refuse', text: 'never' }))
  expect([refused.counters.failures, refused.error?.code]).toEqual([1, 'non-retryable'])
  const later = await ended(await mill.enqueue(task, { act: 'later', by: 5, text: 'later' }))
  expect([later.counters.failures, later.error?.code]).toEqual([3, 'retry-after'])
  const snoozed = await ended(await mill.enqueue(task, { act: 'snooze', by: 5 }))
  expect([snoozed.result, snoozed.counters.snoozes, snoozed.counters.failures]).toEqual(['awake', 1, 0])
})

test.each(PLACES)('in %s a handler reports, logs and enqueues as one inline does', async (_, task) => {
  const mill = await world()
  const status = await ended(await mill.enqueue(task, { act: 'talk', text: 'hello' }))
  const [one, again] = status.result as {
    readonly id: string
    readonly outcome: string
    readonly name: string
  }[]
  expect(one).toEqual({ id: one!.id, outcome: 'created', name: 'child' })
  expect(again).toEqual({ ...one, outcome: 'duplicate' })
  expect((await mill.tasks.get(one!.id))?.input).toBe('hello')
  expect(status.progress).toEqual({ fraction: 0.5, message: 'half' })
  expect(status.logs.map(({ level, message }) => [level, message])).toEqual([
    ['info', 'half way'],
    ['warn', 'cannot travel'],
  ])
})

test.each(PLACES)(
  'in %s a handler that reports each step floods nobody, and the last word is kept',
  async (_, task) => {
    const mill = await world()
    let notes = 0
    const note = vi.spyOn(Run.prototype, 'note').mockImplementation(function count(this: Run, progress) {
      notes += 1
      Holding.prototype.note.call(this, progress)
    })
    const { progress, logs } = await ended(await mill.enqueue(task, { act: 'chatter' }))
    note.mockRestore()
    expect(progress?.fraction).toBe(1)
    expect(logs.map(({ message }) => message)).toEqual(
      Array.from({ length: 100 }, (__, n) => `step ${n + 1}000`),
    )
    expect(notes).toBeLessThan(100)
  },
)

test('an isolate knows what its task is, and what it waited for', async () => {
  const mill = await world({ handlers: [handlers, child.handler((input) => `done ${String(input)}`)] })
  const parent = await mill.enqueue(child, 'before')
  const after = await mill.enqueue(inThread, { act: 'parents' }, { after: [parent] })
  expect(await after.result(WITHIN)).toEqual([['done before'], 'done before'])
  const handle = await mill.enqueue(inThread, { act: 'about' }, { tags: ['red'], metadata: { who: 'me' } })
  expect(await handle.result(WITHIN)).toMatchObject({
    task: { id: handle.id, type: 'in-thread', tags: ['red'], metadata: { who: 'me' } },
    attempt: 1,
    idempotencyKey: handle.id,
    fence: { task: handle.id, epoch: 1 },
  })
})

test('schemas are applied where the handler runs', async () => {
  const mill = await world()
  const handle = await mill.enqueue(checked, 'good')
  const made = (await handle.result(WITHIN)) as { readonly received: string; readonly thread: number }
  expect([made.received, made.thread > 0]).toEqual(['good', true])
  const { state, reason, error } = await ended(await mill.enqueue(checked, 'bad result'))
  expect([state, reason, error?.code]).toEqual(['failed', 'invalid', 'invalid-payload'])
})

test('a process sees the environment that it is given, and no password', async () => {
  process.env['MILLRACE_TEST_NAMED'] = 'named'
  process.env['PGPASSWORD'] = 'secret'
  process.env['MILLRACE_STORE'] = 'memory:'
  const mill = await world()
  const seen = async (text: string): Promise<string | null> =>
    ((await mill.call(inProcess, { act: 'who', text }, WITHIN)) as Who).env
  expect([await seen('MILLRACE_TEST_NAMED'), await seen('PGPASSWORD'), await seen('MILLRACE_STORE')]).toEqual(
    ['named', null, null],
  )
  expect(await seen('PATH')).toBe(process.env['PATH'])
})

test.each(PLACES.flatMap(([place, task]) => ['spin', 'hang'].map((act) => ({ place, task, act }))))(
  'in $place what does $act ends within a second of its timeout, and its siblings do not notice',
  async ({ task, act }) => {
    const mill = await world({ concurrency: 4 })
    await Promise.all([1, 2, 3, 4].map(() => mill.call(task, { act: 'pause', by: 100 }, WITHIN))) // pools are warm
    const siblings = [1, 2, 3].map(() => mill.call(task, { act: 'pause', by: 1_500 }, WITHIN))
    const handle = await mill.enqueue(task, { act }, { timeout: '300ms', retry: false })
    const { error, reason, startedAt, finishedAt } = await ended(handle)
    expect([reason, error?.name]).toEqual(['timeout', 'TimeoutError'])
    expect(finishedAt! - startedAt!).toBeGreaterThanOrEqual(300)
    expect(finishedAt! - startedAt!).toBeLessThan(1_300)
    expect(await Promise.all(siblings)).toEqual(['paused', 'paused', 'paused'])
  },
)

test.each(PLACES)(
  'in %s a handler that heeds its signal is let go on, and its isolate used again',
  async (_, task) => {
    const mill = await world()
    const before = (await mill.call(task, { act: 'who' }, WITHIN)) as Who
    const { reason } = await ended(
      await mill.enqueue(task, { act: 'heed' }, { timeout: '100ms', retry: false }),
    )
    expect(reason).toBe('timeout')
    expect(((await mill.call(task, { act: 'who' }, WITHIN)) as Who).calls).toBe(before.calls + 2)
  },
)

test.each(PLACES)('what runs in %s can be cancelled, whatever it does', async (_, task) => {
  const mill = await world()
  const handle = await mill.enqueue(task, { act: 'spin' })
  await started(handle)
  await handle.cancel('enough')
  expect((await ended(handle)).state).toBe('cancelled')
})

async function started({ id }: TaskHandle): Promise<void> {
  await expect.poll(() => open.some((one) => one.started.has(id)), { timeout: 10_000 }).toBe(true)
}

test('a loop in a thread sees at once that its lease is lost, and the thread is used again', async () => {
  const store = new MemoryStore({ platform: systemPlatform })
  const renew = store.renew.bind(store)
  let taken = false
  store.renew = async (request) => {
    const answer = await renew(request)
    if (!taken) return answer
    return { ...answer, lost: (request.held ?? []).map(({ fence }) => fence) }
  }
  const mill = await world({ lease: '1s', concurrency: 1 }, store)
  const { calls } = (await mill.call(inThread, { act: 'who' }, WITHIN)) as Who
  const handle = await mill.enqueue(inThread, { act: 'spin until lost' })
  await started(handle)
  const lost = new Promise<void>((resolve) => open[0]!.worker.on('lost', () => resolve()))
  taken = true
  await lost
  taken = false
  // of a thread that had to be ended it would be the first
  expect(((await mill.call(inThread, { act: 'who' }, WITHIN)) as Who).calls).toBe(calls + 2)
})

test.each([
  ['thread', inThread, { act: 'exit', by: 7 }, /^CrashError \(exit 7(, \d+ MiB)?\)$/, 'exit 7'],
  // a thread that fills its heap may take the process with it: full-heap.test.ts
  ['process', inProcess, { act: 'exit', by: 7 }, /^CrashError \(exit 7, \d+ MiB\)$/, 'exit 7'],
  ['process', inProcess, { act: 'abort' }, /^CrashError \(SIGABRT, \d+ MiB\)$/, 'SIGABRT'],
  ['process', inProcess, { act: 'fill heap' }, /^CrashError \(SIGABRT, \d+ MiB\)$/, 'SIGABRT'],
  ['process', inProcess, { act: 'segfault' }, /^CrashError \(SIGSEGV, \d+ MiB\)$/, 'SIGSEGV'],
  [
    'process',
    inProcess,
    { act: 'fill memory' },
    /^CrashError \(out of memory, [3-9]\d\d MiB\)$/,
    'out of memory',
  ],
] as const)('what crashes its %s (%#) fails after three crashes alone', async (_, task, act, name, code) => {
  const mill = await world()
  const { state, reason, error, counters, history } = await ended(await mill.enqueue(task, act))
  expect([state, reason, counters.failures]).toEqual(['failed', 'crashed', 0])
  expect(counters.isolatedCrashes).toBe(3)
  expect(error?.name).toMatch(name)
  expect(error?.code).toBe(code)
  const crashes = history.filter(({ event }) => event === 'crashed').map(({ detail }) => detail)
  expect(crashes).toHaveLength(2)
  expect(crashes[0]).toMatch(name)
})

test.each(PLACES)('a crash in %s that has run others convicts nobody', async (_, task) => {
  const mill = await world({ concurrency: 1 })
  await mill.call(task, { act: 'who' }, WITHIN)
  const { state, counters } = await ended(await mill.enqueue(task, { act: 'exit', by: 1 }))
  expect([state, counters.crashes, counters.isolatedCrashes]).toEqual(['failed', 4, 3])
})

test.each(
  PLACES.flatMap(([place, task]) => ['stray throw', 'stray rejection'].map((act) => ({ place, task, act }))),
)('a $act in $place fails its attempt once', async ({ task, act }) => {
  const mill = await world()
  const { error, counters, reason } = await ended(await mill.enqueue(task, { act }, { retry: false }))
  expect([reason, error?.code, counters.failures, counters.crashes]).toEqual(['error', 'unhandled', 1, 0])
  expect(error?.message).toContain('astray')
  expect(((await mill.call(task, { act: 'who' }, WITHIN)) as Who).calls).toBe(1)
})

test('there are no transactions in an isolate, and the error says so', async () => {
  const mill = await world()
  const { error } = await ended(await mill.enqueue(inThread, { act: 'transaction' }, { retry: false }))
  expect([error?.code, error?.message]).toEqual([
    'invalid-argument',
    'There are no transactions in an isolate.',
  ])
})

test('an isolate is followed by another after so many tasks', async () => {
  const mill = await world({ isolates: { module: MODULE, tasksMax: 2 }, concurrency: 1 })
  const calls: number[] = []
  for (let n = 0; n < 5; n++) calls.push(((await mill.call(inThread, { act: 'who' }, WITHIN)) as Who).calls)
  expect(calls).toEqual([1, 2, 1, 2, 1])
})

test('an isolate whose heap has grown is followed by another before it crashes', async () => {
  const mill = await world({ concurrency: 1 })
  const calls: unknown[] = []
  let crashes = 0
  open[0]!.worker.on('crashed', () => (crashes += 1))
  for (let n = 0; n < 20; n++) calls.push(await mill.call(inThread, { act: 'leak' }, WITHIN))
  expect(calls.slice(1)).toContain(1)
  expect(crashes).toBe(0)
}, 60_000)

test.each(PLACES)(
  'what was ended in %s is used by nobody, and no crash of who comes next',
  async (place, task) => {
    const mill = await world({ concurrency: 1 })
    const { pid } = (await mill.call(task, { act: 'who' }, WITHIN)) as Who
    const endless = await mill.enqueue(task, { act: 'spin' }, { timeout: '100ms', retry: false })
    const next = await ended(await mill.enqueue(task, { act: 'who' }))
    expect((await ended(endless)).reason).toBe('timeout')
    expect([(next.result as Who).calls, next.counters.crashes]).toEqual([1, 0])
    await expect.poll(() => alive(pid), { timeout: 2_000 }).toBe(place === 'a thread')
  },
)

test('isolates that cannot be started are tried again in time: tasks go back, and it is said', async () => {
  const errors: unknown[] = []
  const mill = await world({ isolates: { module: './there-is-none.mjs' }, concurrency: 4 })
  open[0]!.worker.on('error', ({ error }) => errors.push(error))
  const handles = await Promise.all([1, 2, 3, 4].map(() => mill.enqueue(inThread, { act: 'who' })))
  const returns = async (): Promise<number> =>
    Math.max(...(await Promise.all(handles.map(async (handle) => (await handle.status()).counters.returns))))
  await expect.poll(returns, { timeout: 10_000 }).toBeGreaterThan(0)
  expect(await returns()).toBe(1)
  expect(errors.length).toBeLessThanOrEqual(2)
  expect(errors[0]).toMatchObject({ message: expect.stringContaining('there-is-none') as unknown })
})

test('a process ends when its worker is killed, whatever it is doing', async () => {
  const script = `
    import { Mill, MemoryStore, systemPlatform } from ${JSON.stringify(new URL('../../src/index.ts', import.meta.url).href)}
    import { handlers, inProcess } from ${JSON.stringify(MODULE.href)}
    const mill = new Mill(new MemoryStore({ platform: systemPlatform }))
    const worker = mill.worker({ handlers, concurrency: 1, isolates: { module: ${JSON.stringify(MODULE.href)} } })
    await worker.start()
    const { pid } = await mill.call(inProcess, { act: 'who' }, { within: '15s' })
    worker.on('started', () => console.log(pid))
    await mill.enqueue(inProcess, { act: 'spin' })
  `
  const parent = spawn(process.execPath, ['--input-type=module', '--eval', script], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  const pid = await new Promise<number>((resolve) =>
    parent.stdout.once('data', (chunk: Buffer) => resolve(Number(chunk))),
  )
  expect(alive(pid)).toBe(true)
  parent.kill('SIGKILL')
  await expect.poll(() => alive(pid), { timeout: 3_000 }).toBe(false)
})

test('an isolate without work is ended', async () => {
  const mill = await world({ isolates: { module: MODULE, idle: 50 } })
  const { pid } = (await mill.call(inProcess, { act: 'who' }, WITHIN)) as Who
  await expect.poll(() => alive(pid), { timeout: 5_000 }).toBe(false)
})

function alive(pid: number): boolean {
  try {
    return process.kill(pid, 0)
  } catch {
    return false
  }
}

test.each(PLACES)(
  'a worker that stops leaves nothing of %s behind, and gives the tasks back',
  async (_, task) => {
    const mill = await world()
    const { pid } = (await mill.call(inProcess, { act: 'who' }, WITHIN)) as Who
    const handle = await mill.enqueue(task, { act: 'spin' })
    await started(handle)
    const [{ worker }] = open as [(typeof open)[0]]
    await worker.stop({ drain: 0 })
    expect(alive(pid)).toBe(false)
    const { state, counters } = await handle.status()
    // where it takes long to begin, it was given back before, too
    expect([state, counters.returns, counters.crashes, counters.failures]).toEqual([
      'ready',
      counters.claims,
      0,
      0,
    ])
  },
)

test('what is killed from outside is a crash, and the task is run again', async () => {
  const mill = await world()
  const { pid } = (await mill.call(inProcess, { act: 'who' }, WITHIN)) as Who
  const handle = await mill.enqueue(inProcess, { act: 'pause', by: 500 })
  await started(handle)
  process.kill(pid, 'SIGKILL')
  const { result, counters, history } = await ended(handle)
  expect([result, counters.crashes, counters.isolatedCrashes, counters.failures]).toEqual(['paused', 1, 0, 0])
  expect(history.find(({ event }) => event === 'crashed')?.detail).toMatch(
    /^CrashError \(SIGKILL, \d+ MiB\)$/,
  )
})
