/**
 * A worker whose main thread is blocked, in a process of its own and with a lease of three seconds, while another session looks
 * on that would take its task.
 */
import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import process from 'node:process'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { defineTask, Mill, unchecked, type Store, type Worker } from '@millrace/core'
import { PostgresStore } from '@millrace/postgres'
import { RedisStore } from '@millrace/redis'
import { SqliteStore } from '@millrace/sqlite'
import type { TaskRecord } from '@millrace/core/store'
import { startPostgres } from '../servers/postgres.ts'
import { startRedis } from '../servers/redis.ts'

const CHILD = fileURLToPath(new URL('./blocking/worker.ts', import.meta.url))
const PLANTS = new URL('./blocking/plants.mjs', import.meta.url).href
const BLOCKED_MS = 5_000
/** Longer than it takes to find out. */
const TOO_LONG_MS = 9_000

const job = defineTask('job', { input: unchecked<number>(), output: unchecked<string>() })
const quiet = { debug() {}, info() {}, warn() {}, error() {} }

interface Engine {
  readonly url: string
  readonly store: () => Store
  readonly end: () => Promise<void>
}

const ENGINES: readonly (readonly [string, () => Promise<Engine>])[] = [
  [
    'SQLite',
    async () => {
      const folder = mkdtempSync(join(tmpdir(), 'millrace-'))
      const path = join(folder, 'home.db')
      return {
        url: `sqlite:${path}`,
        store: () => new SqliteStore({ path }),
        end: async () => rmSync(folder, { recursive: true }),
      }
    },
  ],
  [
    'Postgres',
    async () => {
      const server = await startPostgres()
      const { url } = server
      return {
        url,
        store: () => new PostgresStore({ url }),
        end: async () => {
          await server[Symbol.asyncDispose]()
        },
      }
    },
  ],
  [
    'Redis',
    async () => {
      const server = await startRedis({ fsync: 'everysec' })
      const { url } = server
      return {
        url,
        store: () => new RedisStore({ url }),
        end: async () => {
          await server[Symbol.asyncDispose]()
        },
      }
    },
  ],
]

interface Orders {
  readonly worker?: { readonly maxBlock?: string }
  readonly handler?: { readonly maxBlock?: string }
  readonly forMs?: number
  /** In which way it is broken: see blocking/plants.mjs. */
  readonly plant?: string
}

class Child {
  readonly lines: string[] = []
  readonly #process: ChildProcess
  #heard: (() => void) | undefined

  constructor(
    url: string,
    does: string,
    { worker = {}, handler = {}, forMs = BLOCKED_MS, plant }: Orders = {},
  ) {
    const orders = JSON.stringify({ worker, handler, forMs })
    // with an option of node as workers have it, which no thread can be started with
    this.#process = spawn(process.execPath, ['--max-old-space-size=512', CHILD, url, does, orders], {
      stdio: ['ignore', 'pipe', 'inherit'],
      env: plant === undefined ? process.env : brokenBy(plant),
    })
    let rest = ''
    this.#process.stdout!.on('data', (data: Buffer) => {
      const lines = (rest + data.toString()).split('\n')
      rest = lines.pop()!
      this.lines.push(...lines)
      this.#heard?.()
    })
  }

  /** Resolves with the first line that begins so. */
  async wrote(prefix: string): Promise<string> {
    for (;;) {
      const line = this.lines.find((written) => written.startsWith(prefix))
      if (line !== undefined) return line
      await new Promise<void>((resolve) => (this.#heard = resolve))
    }
  }

  /** It comes to its end by itself once it is asked to. */
  async stop(): Promise<number | null> {
    if (this.#process.exitCode !== null) return this.#process.exitCode
    const exited = once(this.#process, 'exit')
    this.#process.kill('SIGTERM')
    await exited
    return this.#process.exitCode
  }

  kill(): void {
    this.#process.kill('SIGKILL')
  }
}

function brokenBy(plant: string): NodeJS.ProcessEnv {
  const { NODE_OPTIONS = '' } = process.env
  return { ...process.env, NODE_OPTIONS: `${NODE_OPTIONS} --import=${PLANTS}`, MILLRACE_PLANT: plant }
}

interface Place {
  readonly engine: Engine
  readonly store: Store
  readonly mill: Mill
}

const places = new Map<string, Place>()
beforeAll(async () => {
  const started = ENGINES.map(async ([name, start]) => {
    const engine = await start()
    const store = engine.store()
    const mill = new Mill(store, { logger: quiet })
    places.set(name, { engine, store, mill })
    await mill.open()
  })
  await Promise.all(started)
}, 60_000)
afterAll(async () => {
  for (const { mill, engine } of places.values()) {
    await mill.close()
    await engine.end()
  }
})

/** A child that has begun with the only task, and somebody who would take that. */
class Scene implements AsyncDisposable {
  readonly child: Child
  readonly #place: Place
  #onlooker: Worker | undefined
  #id = ''

  private constructor(place: Place, child: Child) {
    this.#place = place
    this.child = child
  }

  static async begin(name: string, does: string, orders?: Orders): Promise<Scene> {
    const place = places.get(name)!
    const scene = new Scene(place, new Child(place.engine.url, does, orders))
    const { mill } = place
    await scene.child.wrote('ready')
    scene.#id = (await mill.enqueue(job, 1, { retry: { delays: ['0ms', '0ms'] } })).id
    await scene.child.wrote('started')
    scene.#onlooker = mill.worker({ lease: '3s', handlers: job.handler(() => 'onlooker') })
    await scene.#onlooker.start()
    return scene
  }

  /** How the task ended says its record. */
  async ended(): Promise<TaskRecord> {
    await this.#place.mill
      .handle(job, this.#id)
      .result({ within: '12s' })
      .catch(() => undefined)
    return this.record()
  }

  async record(): Promise<TaskRecord> {
    return (await this.#place.store.get([this.#id]))[0]!
  }

  async cancel(): Promise<void> {
    await this.#place.mill.tasks.cancel(this.#id)
  }

  /** As if its lease had ended. */
  async dispossess(): Promise<void> {
    const { session } = await this.record()
    await this.#place.store.closeSession(session!)
  }

  async leave(): Promise<void> {
    await this.#onlooker?.stop({ drain: 0 })
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.leave()
    this.child.kill()
  }
}

// on all engines at the same time: a test waits for what goes on in its child
const LIMIT = { timeout: 40_000 } as const

describe('its main thread blocked for longer than the lease, it keeps that and its task', () => {
  test.concurrent.each(ENGINES)('on %s', LIMIT, async (engine) => {
    // what the handler says counts while it runs
    const orders = { worker: { maxBlock: '100ms' }, handler: { maxBlock: '1m' } }
    await using scene = await Scene.begin(engine, 'blocks', orders)
    const { child } = scene
    expect(await scene.ended()).toMatchObject({
      state: 'succeeded',
      result: '"child"',
      counters: { claims: 1, crashes: 0, failures: 0 },
    })
    const [, deciseconds, by, tasks] = (await child.wrote('blocked')).split(' ')
    expect([by, tasks]).toEqual(['these', '1'])
    const [, stood] = (await child.wrote('stood')).split(' ')
    expect(Number(stood)).toBeGreaterThanOrEqual(BLOCKED_MS / 100)
    expect(Math.abs(Number(deciseconds) - Number(stood))).toBeLessThanOrEqual(6)
    await child.wrote('succeeded')
    expect(child.lines.filter((line) => line === 'lost' || line.startsWith('error'))).toEqual([])
    expect(await child.stop()).toBe(0)
  })
})

describe('blocked for longer than it may be, its task is taken over, and what it brings then counts for nothing', () => {
  test.concurrent.each(ENGINES)('on %s', LIMIT, async (engine) => {
    const orders = { worker: { maxBlock: '600ms' }, forMs: TOO_LONG_MS }
    await using scene = await Scene.begin(engine, 'blocks', orders)
    const { child } = scene
    expect(await scene.ended()).toMatchObject({
      state: 'succeeded',
      result: '"onlooker"',
      counters: { claims: 2, crashes: 1, failures: 0 },
    })
    await child.wrote('lost')
    expect(await child.stop()).toBe(0)
    expect(child.lines).not.toContain('succeeded')
    expect(await scene.record()).toMatchObject({ result: '"onlooker"', counters: { claims: 2 } })
  })
})

describe('a handler that never gives up the thread sees that it is asked to stop', () => {
  test.concurrent.each(ENGINES)('on %s', LIMIT, async (engine) => {
    await using scene = await Scene.begin(engine, 'looks', { forMs: 10_000 })
    await scene.cancel()
    expect(await scene.child.wrote('saw')).toBe('saw cancel')
    expect(await scene.ended()).toMatchObject({ state: 'cancelled' })
    expect(await scene.child.stop()).toBe(0)
  })
})

describe('a handler that never gives up the thread sees that its lease is lost', () => {
  test.concurrent.each(ENGINES)('on %s', LIMIT, async (engine) => {
    await using scene = await Scene.begin(engine, 'looks', { forMs: 10_000 })
    await scene.dispossess()
    expect(await scene.child.wrote('saw')).toBe('saw lost')
    expect(await scene.ended()).toMatchObject({ state: 'succeeded', counters: { claims: 2, crashes: 1 } })
    expect(await scene.child.stop()).toBe(0)
  })
})

describe('without its heart it trusts its lease no more, and goes on under another one', () => {
  test.concurrent.each(ENGINES)('on %s', LIMIT, async (engine) => {
    await using scene = await Scene.begin(engine, 'loses its heart')
    const { child } = scene
    await scene.leave()
    expect(await child.wrote('saw')).toBe('saw lost')
    expect(child.lines).toContain('lost')
    expect(await child.wrote('error renewing the lease')).toMatch('has ended')
    expect(await scene.ended()).toMatchObject({
      state: 'succeeded',
      result: '"child"',
      counters: { claims: 2, crashes: 1 },
    })
    expect(await child.stop()).toBe(0)
  })
})

describe('a worker that is broken on purpose does not pass for a sound one', () => {
  test.concurrent('it beats on the main thread alone: blocked, it loses its task', LIMIT, async () => {
    const orders = { handler: { maxBlock: '1m' }, plant: 'beats on the main thread alone' }
    await using scene = await Scene.begin('Postgres', 'blocks', orders)
    expect(await scene.ended()).toMatchObject({ result: '"onlooker"', counters: { claims: 2, crashes: 1 } })
  })

  test.concurrent('it beats for a thread that is silent: nobody takes its task over', LIMIT, async () => {
    const orders = { worker: { maxBlock: '600ms' }, forMs: TOO_LONG_MS }
    const plant = 'beats for a thread that is silent'
    await using scene = await Scene.begin('SQLite', 'blocks', { ...orders, plant })
    expect(await scene.ended()).toMatchObject({ result: '"child"', counters: { claims: 1, crashes: 0 } })
  })

  test.concurrent(
    'it hears nothing until its thread is free: its handler sees no request to stop',
    LIMIT,
    async () => {
      const orders = { forMs: BLOCKED_MS, plant: 'hears nothing until the thread is free' }
      await using scene = await Scene.begin('Redis', 'looks', orders)
      await scene.cancel()
      expect(await scene.child.wrote('saw')).toBe('saw nothing')
    },
  )
})

describe('nor does one that is broken in other ways', () => {
  test.concurrent('it does not look at its lease: its handler sees no loss', LIMIT, async () => {
    const orders = { forMs: BLOCKED_MS, plant: 'does not look at its lease' }
    await using scene = await Scene.begin('SQLite', 'looks', orders)
    await scene.dispossess()
    expect(await scene.child.wrote('saw')).toBe('saw nothing')
  })

  test.concurrent('it does not miss its heart: nobody is told that it has ended', LIMIT, async () => {
    const plant = 'does not miss its heart'
    await using scene = await Scene.begin('Postgres', 'loses its heart', { plant })
    // its own clock still tells it that the lease is over
    expect(await scene.ended()).toMatchObject({ counters: { claims: 2, crashes: 1 } })
    expect(scene.child.lines.filter((line) => line.includes('has ended'))).toEqual([])
  })
})
