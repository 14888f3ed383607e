/** A server with keys that the fuzzers throw at: both ports on the loopback, and a store that tells what was written. */
import { defineTask, MemoryStore, Mill, systemPlatform, unchecked, type Logger } from '@millrace/core'
import { createKey, createServer, type KeyRecord, type Listening, type Server } from '@millrace/server'
import { definitionsOf, WORKER } from './definitions.ts'
import type { Store } from '@millrace/core/store'

/** What of the port changes nothing. */
const READING: ReadonlySet<string> = new Set([
  'limits',
  'partitions',
  'budgets',
  'usage',
  'schedule',
  'schedules',
  'dueSchedules',
  'locks',
  'get',
  'outcomes',
  'list',
  'queues',
  'waitingRoutes',
  'dueSoon',
  'standing',
  'sessions',
  'definitions',
  'now',
])
const LIVING: ReadonlySet<string> = new Set(['open', 'close', 'reconnect', 'watch', 'constructor'])

/** Who asks. */
export type Asker = 'viewer' | 'producer' | 'worker' | 'admin' | 'nobody'
export const ASKERS: readonly Asker[] = ['viewer', 'producer', 'worker', 'admin', 'admin', 'nobody']

const GRANTS = {
  viewer: ['viewer', '**'],
  producer: ['producer', 'media.*'],
  worker: ['worker', 'media'],
  admin: ['admin', '**'],
} as const

/** What comes is to be answered, however much of it is nonsense. */
const PATIENT = { requestTimeoutMs: 5_000, harmPerSecond: 1_000_000, wastedPerSecond: 1_000_000 }

const greet = defineTask('greet', { input: unchecked<{ readonly name: string }>() })
/** A lease that lapses is no change by anybody. */
const LASTING_MS = 600_000
const TASK = '0198c0de-0000-7000-8000-000000000001'

export class Front implements AsyncDisposable {
  /** What the log says of errors: nobody is to cause any. */
  readonly errors: string[] = []
  readonly tokens: Readonly<Record<Asker, string>>
  /** Calls that may have changed the store. */
  writes = 0
  readonly #store: Store
  readonly #mill: Mill
  readonly #server: Server
  #listening!: Listening

  static async start(): Promise<Front> {
    const front = new Front()
    await front.#start()
    return front
  }

  private constructor() {
    const { keys, tokens } = issued()
    this.tokens = tokens
    this.#store = new MemoryStore({ platform: systemPlatform })
    this.#mill = new Mill(this.#store, { logger: this.#logger() })
    const unhurried = { perSecond: 1e9, burst: 1e9 }
    this.#server = createServer(withoutUpkeep(this.#mill), {
      auth: { keys },
      audit: () => undefined,
      requests: unhurried,
    })
  }

  get url(): string {
    return this.#listening.url
  }

  get grpcUrl(): string {
    return this.#listening.grpcUrl!
  }

  /** What the store holds. What time alone changes is left out. */
  async digest(): Promise<string> {
    const store = this.#store
    const held = await Promise.all([
      store.list({ filter: {}, limit: 1_000, cursor: null }).then(({ tasks }) => tasks),
      store
        .queues()
        .then((queues) => queues.map(({ queue, paused, retention }) => ({ queue, paused, retention }))),
      store.schedules({ after: null, limit: 1_000 }),
      store.limits({ names: null, limit: 1_000, cursor: null, keysMax: 10 }),
      store.partitions(),
      store.budgets(),
      store.sessions().then(lasting),
      store.locks().then(lasting),
    ])
    return JSON.stringify(held)
  }

  async #start(): Promise<void> {
    this.#listening = await this.#server.listen({ port: 0, grpcPort: 0, limits: PATIENT })
    await furnish(this.#mill, this.#store)
    for (const name of methodsOf(this.#store)) this.#count(name)
  }

  #count(name: string): void {
    const store = this.#store as unknown as Record<string, (...given: unknown[]) => unknown>
    const method = store[name]!.bind(store)
    store[name] = (...given) => {
      this.writes += 1
      return method(...given)
    }
  }

  #logger(): Logger {
    const hear = (...given: readonly unknown[]): void =>
      void this.errors.push(given.map((one) => textOf(one)).join(' '))
    return { debug() {}, info() {}, warn() {}, error: hear }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#listening.close('now')
    await this.#mill.close()
  }
}

function lasting<T extends { readonly expiresAt: number }>(leases: readonly T[]): readonly T[] {
  return leases.filter(({ expiresAt }) => expiresAt > Date.now() + LASTING_MS)
}

function textOf(value: unknown): string {
  if (typeof value === 'string') return value
  const { err } = value as { readonly err?: unknown }
  return err instanceof Error ? (err.stack ?? err.message) : JSON.stringify(value)
}

function issued(): { readonly keys: readonly KeyRecord[]; readonly tokens: Readonly<Record<Asker, string>> } {
  let keys: readonly KeyRecord[] = []
  const tokens: Record<string, string> = { nobody: 'mr_nobody_nothing' }
  for (const [name, [role, queues]] of Object.entries(GRANTS)) {
    const one = createKey(keys, { name, grants: [{ role, queues: [queues] }] }, new Date())
    keys = one.keys
    tokens[name] = one.token
  }
  return { keys, tokens: tokens as Record<Asker, string> }
}

/** So that nobody but who asks changes the store. */
function withoutUpkeep(mill: Mill): Mill {
  return new Proxy(mill, {
    get(target, name) {
      const value: unknown = Reflect.get(target, name, target)
      if (name !== '~served') return typeof value === 'function' ? (value.bind(target) as unknown) : value
      return { ...(value as object), startUpkeep: async () => ({ stop: async () => undefined }) }
    },
  })
}

function methodsOf(store: Store): readonly string[] {
  const found = new Set<string>()
  for (let one: object | null = store; one !== null && one !== Object.prototype;) {
    for (const [name, { value }] of Object.entries(Object.getOwnPropertyDescriptors(one)))
      if (typeof value === 'function' && !READING.has(name) && !LIVING.has(name)) found.add(name)
    one = Object.getPrototypeOf(one) as object | null
  }
  return [...found]
}

/** Something of each kind, so that there is something to spoil. */
async function furnish(mill: Mill, store: Store): Promise<void> {
  await store.openSession(definitionsOf(WORKER))
  await mill.enqueue(greet, { name: 'Ada' }, { id: TASK })
  for (let count = 0; count < 8; count++) await mill.enqueue(greet, { name: 'Ada' }, { queue: 'media' })
  await mill.limits.put('stripe', { concurrency: 3 })
}
