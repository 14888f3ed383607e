/** Tasks that have crashed their workers before are run alone, in a process of their own, as far as their worker can. */
import { afterEach, expect, test, vi } from 'vitest'
import {
  MemoryStore,
  Mill,
  systemPlatform,
  type Logger,
  type TaskHandle,
  type TaskStatus,
  type Worker,
} from '../../src/index.ts'
import type { WorkerOptions } from '../../src/worker/options.ts'
import type { ExchangeAnswer, ExchangeRequest } from '../../src/store/port.ts'
import { batched, elsewhere, handlers, inline, inThread } from './isolated/handlers.mjs'
import { silent } from './world.ts'

const MODULE = new URL('./isolated/handlers.mjs', import.meta.url)
/** Processes that fill their memory and are begun anew take long on a busy machine. */
const WITHIN = { within: '60s' } as const
vi.setConfig({ testTimeout: 70_000 })
const open: Mill[] = []

/** To the worker all its tasks seem to have crashed so often. */
class SuspiciousStore extends MemoryStore {
  crashes = 2

  override async exchange(request: ExchangeRequest): Promise<ExchangeAnswer> {
    const answer = await super.exchange(request)
    const claims = answer.claims.map((claim) => ({
      ...claim,
      counters: { ...claim.counters, crashes: claim.counters.crashes + this.crashes },
    }))
    return { ...answer, claims }
  }
}

async function world(
  options: Partial<WorkerOptions> = {},
  logger: Logger = silent,
): Promise<{ readonly mill: Mill; readonly worker: Worker; readonly store: SuspiciousStore }> {
  const store = new SuspiciousStore({ platform: systemPlatform })
  const mill = new Mill(store, { logger })
  const worker = mill.worker({ handlers, isolates: { module: MODULE }, ...options })
  open.push(mill)
  await worker.start()
  return { mill, worker, store }
}

function warnings(): { readonly logger: Logger; readonly texts: string[] } {
  const texts: string[] = []
  const warn = (first: object | string, second?: string): void =>
    void texts.push(typeof first === 'string' ? first : (second ?? ''))
  return { logger: { ...silent, warn }, texts }
}

afterEach(async () => {
  for (const mill of open.splice(0)) await mill.close({ drain: 0 })
})

async function ended(handle: TaskHandle): Promise<TaskStatus> {
  await handle.result(WITHIN).catch(() => undefined)
  return handle.status()
}

interface Who {
  readonly pid: number
  readonly calls: number
  readonly thread: number
}

test.each([
  ['inline', inline],
  ['in a thread', inThread],
])('a suspect whose handler runs %s is the only task of a fresh process', async (_, task) => {
  const { mill } = await world()
  const seen = new Set<number>()
  for (let n = 0; n < 3; n++) {
    const { pid, calls, thread } = (await mill.call(task, { act: 'who' }, WITHIN)) as Who
    expect([calls, thread]).toEqual([1, 0])
    seen.add(pid)
  }
  expect(seen.size).toBe(3)
  expect(seen.has(process.pid)).toBe(false)
})

test('a task that crashed once is no suspect', async () => {
  const { mill, store } = await world()
  store.crashes = 1
  expect(((await mill.call(inline, { act: 'who' }, WITHIN)) as Who).pid).toBe(process.pid)
})

test('a suspect that crashes its own process is convicted after three times, and its worker lives', async () => {
  const { mill } = await world()
  const { state, reason, counters } = await ended(await mill.enqueue(inline, { act: 'abort' }))
  expect([state, reason, counters.crashes, counters.isolatedCrashes]).toEqual(['failed', 'crashed', 3, 3])
})

test('a suspect of a batch handler is called for alone', async () => {
  const { mill } = await world()
  const handles = [await mill.enqueue(batched, 1), await mill.enqueue(batched, 2)]
  const results = await Promise.all(handles.map((handle) => handle.result(WITHIN)))
  expect(results.map((result) => [result.size, result.pid === process.pid])).toEqual([
    [1, false],
    [1, false],
  ])
})

test('a worker without a module runs suspects inline, and says so once', async () => {
  const { logger, texts } = warnings()
  const inlineOnly = handlers.filter(({ task }) => task.name === 'inline')
  const { mill } = await world({ isolates: undefined, handlers: inlineOnly }, logger)
  for (let n = 0; n < 3; n++)
    expect(((await mill.call(inline, { act: 'who' }, WITHIN)) as Who).pid).toBe(process.pid)
  expect(texts).toEqual([expect.stringContaining('give the worker isolates: { module }')])
})

test('a suspect that needs a transaction goes back, and runs inline', async () => {
  const { logger, texts } = warnings()
  const { mill } = await world({}, logger)
  const { counters, error } = await ended(
    await mill.enqueue(inline, { act: 'transaction' }, { retry: false }),
  )
  // inline the memory store has no transactions either: this is its own error
  expect([counters.returns, counters.failures, error?.name]).toEqual([1, 1, 'TypeError'])
  expect(texts.filter((text) => text.includes('needs a transaction'))).toHaveLength(1)
})

test('a suspect whose handler the modules do not export runs inline', async () => {
  const { logger, texts } = warnings()
  const { mill } = await world({ handlers: elsewhere.handler(() => process.pid) }, logger)
  expect(await mill.call(elsewhere, null, WITHIN)).toBe(process.pid)
  expect(texts.filter((text) => text.includes('export no handler of elsewhere'))).toHaveLength(1)
})
