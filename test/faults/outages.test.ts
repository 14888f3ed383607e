/** Real servers that are killed, or hang: producers fail fast and recover by themselves, workers resume, nothing is lost. */
import { execFileSync } from 'node:child_process'
import { randomUUID } from 'node:crypto'
import process from 'node:process'
import { setImmediate as turn } from 'node:timers/promises'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { describe, expect, test } from 'vitest'
import { connect, createMill, defineTask, unchecked, type Mill, type StoreError } from 'millrace'
import { startPostgres } from '../servers/postgres.ts'
import { startRedis } from '../servers/redis.ts'
import type { PrivateServer } from '../servers/server.ts'

const job = defineTask('job', { input: unchecked<number>() })
const quiet = { debug() {}, info() {}, warn() {}, error() {} }

const STORES = [
  ['Postgres', startPostgres],
  ['Redis', startRedis],
] as const

/** Postgres has a process for each connection. */
function familyOf(pid: number): readonly number[] {
  const lines = execFileSync('ps', ['-A', '-o', 'pid=,ppid='], { encoding: 'utf8' }).trim().split('\n')
  const children = lines.map((line) => line.trim().split(/\s+/).map(Number) as [number, number])
  return [pid, ...children.filter(([, parent]) => parent === pid).map(([child]) => child)]
}

const OUTAGES: readonly (readonly [string, (server: PrivateServer) => Promise<() => Promise<void>>])[] = [
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
      for (const pid of pids) process.kill(pid, 'SIGSTOP')
      return async () => {
        for (const pid of pids.toReversed()) process.kill(pid, 'SIGCONT')
      }
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
  const found = await Promise.all(ids.map((id) => mill.tasks.get(id)))
  return found.filter((task) => task !== undefined).length
}

setFlagsFromString('--expose-gc')
const collect = runInNewContext('gc') as () => void

function heapBytes(): number {
  collect()
  return process.memoryUsage().heapUsed
}

describe.each(STORES)('%s', (_, start) => {
  test.each(OUTAGES)(
    'that %s: producers fail fast and recover, the worker resumes, and nothing acknowledged is lost',
    async (_outage, begin) => {
      await using server = await start()
      await using mill = await connect(server.url, { logger: quiet, storeTimeout: '3s', maxPending: 1_000 })
      await using working = await connect(server.url, { logger: quiet })
      let ran = 0
      const handler = job.handler(() => void (ran += 1))
      await working.worker({ handlers: handler, lease: '30s', concurrency: 50 }).start()
      const producers = new Producers(mill, 32)
      await expect.poll(() => producers.acknowledged.length, { timeout: 10_000 }).toBeGreaterThan(500)
      await expect.poll(() => ran, { timeout: 10_000 }).toBeGreaterThan(100)

      const end = await begin(server.server)
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

      expect(p99).toBeLessThan(5)
      expect(producersMs).toBeLessThan(3_000)
      expect(workerMs).toBeLessThan(3_000)
      expect(producers.longestMs).toBeLessThan(3_500)
      // an id and a number of each refusal are kept here
      expect(grownBytes).toBeLessThan(8_000_000)
      for (const code of producers.codes.keys())
        expect(['store-unavailable', 'ambiguous', 'backpressure']).toContain(code)
      expect(await present(mill, producers.acknowledged)).toBe(producers.acknowledged.length)
      expect(await present(mill, producers.untouched)).toBe(0)
    },
    90_000,
  )

  test('that is down when a client is made: connect rejects, the first call fails in time, a later one succeeds', async () => {
    await using server = await start()
    await server.server.kill('SIGKILL')
    await expect(connect(server.url, { logger: quiet })).rejects.toMatchObject({ code: 'store-unavailable' })
    await using mill = createMill(server.url, { logger: quiet, storeTimeout: '3s' })
    const begun = performance.now()
    await expect(mill.enqueue(job, 1)).rejects.toMatchObject({ code: 'store-unavailable' })
    expect(performance.now() - begun).toBeLessThan(3_200)
    await server.server.start()
    await expect
      .poll(() => mill.enqueue(job, 2).catch(() => undefined), { timeout: 5_000 })
      .toMatchObject({ outcome: 'created' })
  }, 60_000)
})
