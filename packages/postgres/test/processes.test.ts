/** Several processes on one schema, and what is left when one of them is killed. */
import { spawn, type ChildProcess } from 'node:child_process'
import { randomUUID } from 'node:crypto'
import { once } from 'node:events'
import process from 'node:process'
import { fileURLToPath } from 'node:url'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { PostgresStore } from '../src/index.ts'
import { serverOf, sql, withServer } from './home.ts'
import { demand, exchange, groups, session, succeeded } from '../../sqlite/test/specs.ts'

withServer()

let schema = ''
const children: Child[] = []
beforeEach(() => {
  schema = `p_${randomUUID().slice(0, 8)}`
})
afterEach(() => {
  for (const child of children.splice(0)) child.kill()
})

/** A process of its own, and the lines that it has written. */
class Child {
  readonly lines: string[] = []
  readonly #process: ChildProcess
  readonly #ended: Promise<unknown[]>
  #heard: (() => void) | undefined

  constructor(script: URL, ...args: readonly string[]) {
    const all = [fileURLToPath(script), serverOf().url, schema, ...args]
    this.#process = spawn(process.execPath, all, { stdio: ['ignore', 'pipe', 'inherit'] })
    this.#ended = once(this.#process, 'exit')
    let rest = ''
    this.#process.stdout!.on('data', (data: Buffer) => {
      const lines = (rest + data.toString()).split('\n')
      rest = lines.pop()!
      this.lines.push(...lines)
      this.#heard?.()
    })
    children.push(this)
  }

  /** Resolves when it has written so many lines that begin so. */
  async wrote(count: number, prefix: string): Promise<void> {
    while (this.ids(prefix).length < count) await new Promise<void>((resolve) => (this.#heard = resolve))
  }

  ids(prefix: string): readonly string[] {
    return this.lines.filter((line) => line.startsWith(prefix)).map((line) => line.slice(prefix.length + 1))
  }

  kill(): void {
    this.#process.kill('SIGKILL')
  }

  /** The exit code. */
  async ended(): Promise<unknown> {
    return (await this.#ended)[0]
  }
}

function worker(total: number): Child {
  return new Child(new URL('./children/worker.ts', import.meta.url), String(total))
}

function producer(batches: number, size: number): Child {
  return new Child(new URL('./children/producer.ts', import.meta.url), String(batches), String(size))
}

async function openStore(): Promise<PostgresStore> {
  const store = new PostgresStore({ url: serverOf().url, schema })
  await store.open()
  return store
}

async function connections(): Promise<number> {
  const rows = await sql(
    "SELECT count(*)::integer AS count FROM pg_stat_activity WHERE application_name = 'millrace'",
  )
  return (rows as readonly { count: number }[])[0]!.count
}

/** What a process that was killed had sent may still be carried out: until its connections are gone. */
async function untilConnections(most: number): Promise<void> {
  while ((await connections()) > most);
}

test('processes share a schema: each task is ended once, and none is lost', async () => {
  await (await openStore()).close()
  const workers = [worker(3_000), worker(3_000), worker(3_000)]
  const producers = [producer(30, 50), producer(30, 50)]
  await Promise.all([...workers, ...producers].map((child) => child.ended()))
  const added = producers.flatMap((child) => child.ids('added'))
  const applied = workers.flatMap((child) => child.ids('applied'))
  expect(added).toHaveLength(3_000)
  expect(applied.toSorted()).toEqual(added.toSorted())
  expect(workers.flatMap((child) => [...child.ids('stale'), ...child.ids('cancelled')])).toEqual([])
}, 60_000)

test('a producer that is killed in the middle of writing leaves whole batches, and all that it was told of', async () => {
  const store = await openStore()
  const child = producer(1_000_000, 100)
  await child.wrote(2_000, 'added')
  child.kill()
  await child.ended()
  for (const prefix of ['added', 'trying'] as const) {
    const ids = child.ids(prefix)
    for (let from = 0; from < ids.length; from += 100) {
      const batch = await store.get(ids.slice(from, from + 100))
      const present = batch.filter((task) => task !== null).length
      // what was tried and not answered is there as a whole, or not at all
      expect(prefix === 'added' ? [100] : [0, 100]).toContain(present)
    }
  }
  await store.close()
}, 60_000)

test('a worker that is killed loses its lease, and its tasks go on elsewhere', async () => {
  const store = await openStore()
  for (let batch = 0; batch < 5; batch++) await store.add({ groups: groups(1_000), again: false })
  const own = await connections()
  const child = worker(5_000)
  await child.wrote(500, 'applied')
  child.kill()
  await child.ended()
  await untilConnections(own)
  const heir = session({ ttlMs: 10 * 3_600_000 })
  await store.openSession(heir)
  await store.shiftClock(2 * 3_600_000)
  const nonce = 'aa'.repeat(8)
  const { tasks } = await store.reclaim({
    session: heir.session,
    nonce,
    again: false,
    tasksMax: 100,
    graceMs: 0,
  })
  expect(tasks.every(({ cause }) => cause === 'lapsed')).toBe(true)
  const transition = { to: 'pending', count: 'crash', delayMs: null, error: null } as const
  const settlements = tasks.map(({ fence }) => ({ fence, seq: 1, transition, notes: null }))
  await store.exchange(exchange(heir.session, { settlements }))
  let ended = 0
  for (;;) {
    const { claims } = await store.exchange(exchange(heir.session, { demand: demand(1_000) }))
    if (claims.length === 0) break
    ended += claims.length
    await store.exchange(exchange(heir.session, { settlements: claims.map(succeeded) }))
  }
  const [queue] = await store.queues()
  expect(queue?.counts).toMatchObject({ ready: 0, running: 0, succeeded: 5_000 })
  expect(ended).toBeLessThanOrEqual(4_500)
  // what the dead worker left behind is cleared away, too
  expect(await sql(`SELECT count(*)::integer AS claims FROM ${schema}.claims`)).toEqual([{ claims: 0 }])
  await store.close()
}, 60_000)

test('what another process writes is heard of soon', async () => {
  const store = await openStore()
  const hints = store.watch()
  await hints.next()
  // the second one says that this process listens now
  await hints.next()
  const child = producer(1, 1)
  const heard = hints.next()
  await child.wrote(1, 'added')
  const before = performance.now()
  expect((await heard).value).toMatchObject({ ready: true })
  // sooner than a listener that hears nothing is found out, by an echo that does not come back for two seconds
  expect(performance.now() - before).toBeLessThan(1_500)
  await store.close()
}, 30_000)

test('a process holds a few connections, whatever it does', async () => {
  await untilConnections(0)
  const store = await openStore()
  const hints = store.watch()
  await hints.next()
  const request = session()
  await store.openSession(request)
  await Promise.all([
    ...Array.from({ length: 200 }, () => store.add({ groups: groups(5), again: false })),
    ...Array.from({ length: 50 }, () => store.exchange(exchange(request.session, { demand: demand(5) }))),
    ...Array.from({ length: 50 }, () => store.queues()),
  ])
  expect(await connections()).toBeLessThanOrEqual(5)
  await store.close()
}, 30_000)

test('an idle store keeps no process alive, listened to or not', async () => {
  const child = new Child(new URL('./children/idle.ts', import.meta.url))
  expect(await child.ended()).toBe(0)
  expect(child.lines).toEqual(['idle'])
}, 30_000)
