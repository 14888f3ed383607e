/** Real servers that are killed, or hang: producers fail fast and recover by themselves, workers resume, nothing is lost. */
import { randomUUID } from 'node:crypto'
import process from 'node:process'
import { setImmediate as turn } from 'node:timers/promises'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { describe, expect, test } from 'vitest'
import {
  codeOf,
  connect,
  createMill,
  defineTask,
  Mill,
  unchecked,
  type Store,
  type StoreError,
} from 'millrace'
import { familyOf, signalAll } from '../servers/family.ts'
import { startPostgres } from '../servers/postgres.ts'
import { startRedis } from '../servers/redis.ts'
import { storeOf, wrapped } from './rig/store-of.ts'
import type { PrivateServer } from '../servers/server.ts'

const job = defineTask('job', { input: unchecked<number>() })
const quiet = { debug() {}, info() {}, warn() {}, error() {} }

const STORES = [
  ['Postgres', startPostgres],
  // with `everysec` a Redis whose disk is slow may answer before it has written
  ['Redis', () => startRedis({ fsync: 'always' })],
] as const

type Outage = (server: PrivateServer) => Promise<() => Promise<void>>

interface Started {
  readonly url: string
  readonly server: PrivateServer
}

const OUTAGES: readonly (readonly [string, Outage])[] = [
  [
    'is killed',
    async (server) => {
      await server.kill('SIGKILL')
      return () => server.start()
    },
  ],
  [
    'hangs',
    async (server) => {
      const pids = familyOf(server.pid!)
      signalAll(pids, 'SIGSTOP')
      return async () => signalAll(pids.toReversed(), 'SIGCONT')
    },
  ],
]

/** Producers that never pause, each with one call at a time; how each call ended is written down. */
class Producers {
  readonly acknowledged: string[] = []
  readonly untouched: string[] = []
  readonly codes = new Map<string, number>()
  /** How long calls took that were refused because the store was known to be down, in milliseconds. */
  readonly refusals: number[] = []
  readonly #mill: Mill
  readonly #all: Promise<unknown>
  #stopped = false
  longestMs = 0

  constructor(mill: Mill, count: number) {
    this.#mill = mill
    this.#all = Promise.all(Array.from({ length: count }, () => this.#produce()))
  }

  async stop(): Promise<void> {
    this.#stopped = true
    await this.#all
  }

  async #produce(): Promise<void> {
    while (!this.#stopped) {
      const id = randomUUID()
      const begun = performance.now()
      try {
        await this.#mill.enqueue(job, 1, { id })
        this.acknowledged.push(id)
      } catch (error) {
        this.#note(id, error as StoreError, performance.now() - begun)
      }
      this.longestMs = Math.max(this.longestMs, performance.now() - begun)
      await turn()
    }
  }

  #note(id: string, { code, effect, message }: StoreError, tookMs: number): void {
    this.codes.set(code, (this.codes.get(code) ?? 0) + 1)
    if (!message.includes('has been away')) return
    this.refusals.push(tookMs)
    if (effect === 'none' && this.untouched.length < 2_000) this.untouched.push(id)
  }
}

function percentile(values: readonly number[], share: number): number {
  return values.toSorted((a, b) => a - b)[Math.floor(values.length * share)]!
}

async function present(mill: Mill, ids: readonly string[]): Promise<number> {
  let count = 0
  for (let from = 0; from < ids.length; from += 100) {
    const found = await Promise.all(ids.slice(from, from + 100).map((id) => mill.tasks.get(id)))
    count += found.filter((task) => task !== undefined).length
  }
  return count
}

setFlagsFromString('--expose-gc')
const collect = runInNewContext('gc') as () => void

function heapBytes(): number {
  collect()
  return process.memoryUsage().heapUsed
}

/** What became of producers and a worker by an outage. */
interface Course {
  readonly producers: Producers
  /** How long most refusals took at most, in milliseconds. */
  readonly p99: number
  /** From the end of the outage to the next task that was acknowledged, and that was run, in milliseconds. */
  readonly producersMs: number
  readonly workerMs: number
  /** By how much the heap grew while 20 000 calls were refused. */
  readonly grownBytes: number
  /** How many acknowledged tasks are not there. */
  readonly lost: number
  /** How many are there of whom was said that they are not. */
  readonly ghosts: number
}

/** @param mill whom the producers use */
async function courseOf({ url, server }: Started, begin: Outage, mill: Mill): Promise<Course> {
  // who is first makes the tables, and may take its time
  await using working = await connect(url, { logger: quiet })
  await mill.open()
  let ran = 0
  const handler = job.handler(() => void (ran += 1))
  await working.worker({ handlers: handler, lease: '30s', concurrency: 50 }).start()
  const producers = new Producers(mill, 32)
  await expect.poll(() => producers.acknowledged.length, { timeout: 10_000 }).toBeGreaterThan(500)
  await expect.poll(() => ran, { timeout: 10_000 }).toBeGreaterThan(100)

  const end = await begin(server)
  await expect.poll(() => producers.refusals.length, { timeout: 10_000 }).toBeGreaterThan(2_000)
  const heapBefore = heapBytes()
  const refusedBefore = producers.refusals.length
  await expect
    .poll(() => producers.refusals.length, { timeout: 10_000 })
    .toBeGreaterThan(refusedBefore + 20_000)
  const grownBytes = heapBytes() - heapBefore
  const p99 = percentile(producers.refusals, 0.99)
  const [acknowledged, done] = [producers.acknowledged.length, ran]
  await end()
  const backMs = performance.now()
  const since = (): number => performance.now() - backMs
  await expect
    .poll(() => producers.acknowledged.length, { timeout: 10_000, interval: 5 })
    .toBeGreaterThan(acknowledged)
  const producersMs = since()
  await expect.poll(() => ran, { timeout: 10_000, interval: 5 }).toBeGreaterThan(done)
  const workerMs = since()
  await producers.stop()
  const lost = producers.acknowledged.length - (await present(working, producers.acknowledged))
  const ghosts = await present(working, producers.untouched)
  return { producers, p99, producersMs, workerMs, grownBytes, lost, ghosts }
}

const PRODUCING = { logger: quiet, storeTimeout: '3s', maxPending: 1_000 } as const

/** It answers its first request before it has written, and never writes it. */
function forgetful(store: Store): Store {
  let isFirst = true
  return wrapped(store, {
    async add(request) {
      if (!isFirst) return store.add(request)
      isFirst = false
      const created = (): { readonly outcome: 'created' } => ({ outcome: 'created' })
      return request.groups.map(({ tasks }) => ({ outcome: 'added', tasks: tasks.map(created) }))
    },
  })
}

test('a store that forgets what it acknowledged is found', async () => {
  await using server = await startRedis({ fsync: 'always' })
  await using mill = new Mill(forgetful(storeOf(server.url)), PRODUCING)
  const { lost } = await courseOf(server, OUTAGES[0]![1], mill)
  expect(lost).toBeGreaterThan(0)
}, 90_000)

const PATIENT = { logger: quiet, storeTimeout: '3s' } as const
const LATER_MS = 5_000

interface MadeWhileDown {
  /** Of what the first call was told. */
  readonly code: string | undefined
  readonly firstMs: number
  /** What became of a later call, once the server is back. */
  readonly later: string
}

/** @param server that was killed before the client was made */
async function madeWhileDown({ server }: Started, mill: Mill): Promise<MadeWhileDown> {
  const begun = performance.now()
  const code = await mill.enqueue(job, 1).then(() => undefined, codeOf)
  const firstMs = performance.now() - begun
  await server.start()
  const end = performance.now() + LATER_MS
  let later = 'never'
  while (later === 'never' && performance.now() < end)
    later = await mill.enqueue(job, 2).then(
      ({ outcome }) => outcome,
      () => 'never',
    )
  return { code, firstMs, later }
}

/** What it was told when it was opened first it is told for ever. */
function stubborn(store: Store): Store {
  let opened: Promise<void> | undefined
  return wrapped(store, { open: () => (opened ??= store.open()) })
}

test('a store that cannot be opened any more once it was down is found', async () => {
  await using server = await startRedis({ fsync: 'always' })
  await server.server.kill('SIGKILL')
  await using mill = new Mill(stubborn(storeOf(server.url)), PATIENT)
  expect(await madeWhileDown(server, mill)).toMatchObject({ later: 'never' })
}, 60_000)

describe.each(STORES)('%s', (_, start) => {
  test.each(OUTAGES)(
    'that %s: producers fail fast and recover, the worker resumes, and nothing acknowledged is lost',
    async (_outage, begin) => {
      await using server = await start()
      await using mill = createMill(server.url, PRODUCING)
      const course = await courseOf(server, begin, mill)
      const { producers, p99, producersMs, workerMs, grownBytes, lost, ghosts } = course
      expect(p99).toBeLessThan(5)
      expect(producersMs).toBeLessThan(3_000)
      expect(workerMs).toBeLessThan(3_000)
      expect(producers.longestMs).toBeLessThan(3_500)
      // an id and a number of each refusal are kept here
      expect(grownBytes).toBeLessThan(8_000_000)
      for (const code of producers.codes.keys())
        expect(['store-unavailable', 'ambiguous', 'backpressure']).toContain(code)
      expect({ lost, ghosts }).toEqual({ lost: 0, ghosts: 0 })
    },
    90_000,
  )

  test('that is down when a client is made: connect rejects, the first call fails in time, a later one succeeds', async () => {
    await using server = await start()
    await server.server.kill('SIGKILL')
    await expect(connect(server.url, { logger: quiet })).rejects.toMatchObject({ code: 'store-unavailable' })
    await using mill = createMill(server.url, PATIENT)
    const { code, firstMs, later } = await madeWhileDown(server, mill)
    expect({ code, later }).toEqual({ code: 'store-unavailable', later: 'created' })
    expect(firstMs).toBeLessThan(3_200)
  }, 60_000)
})
