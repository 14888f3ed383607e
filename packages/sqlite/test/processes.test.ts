/** Several processes on one file, and what is left when one of them is killed. */
import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { fileURLToPath } from 'node:url'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { SqliteStore } from '../src/index.ts'
import { demand, exchange, groups, session, succeeded } from './specs.ts'

const WORKER = new URL('./children/worker.ts', import.meta.url)
const PRODUCER = new URL('./children/producer.ts', import.meta.url)

let folder = ''
let path = ''
const children: Child[] = []
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'millrace-'))
  path = join(folder, 'home.db')
})
afterEach(() => {
  for (const child of children.splice(0)) child.kill()
  rmSync(folder, { recursive: true })
})

/** A process of its own, and the lines that it has written. */
class Child {
  readonly lines: string[] = []
  readonly #process: ChildProcess
  readonly #ended: Promise<unknown>
  #heard: (() => void) | undefined

  constructor(script: URL, ...args: readonly string[]) {
    this.#process = spawn(process.execPath, [fileURLToPath(script), ...args], {
      stdio: ['ignore', 'pipe', 'inherit'],
    })
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

  async ended(): Promise<void> {
    await this.#ended
  }
}

async function openStore(): Promise<SqliteStore> {
  const store = new SqliteStore({ path })
  await store.open()
  return store
}

function integrity(): unknown {
  const database = new DatabaseSync(path)
  const rows = database.prepare('PRAGMA integrity_check').all()
  database.close()
  return rows
}

test('processes share a file: each task is ended once, and none is lost', async () => {
  await (await openStore()).close()
  const workers = [new Child(WORKER, path, '1200'), new Child(WORKER, path, '1200')]
  const producers = [new Child(PRODUCER, path, '30', '20'), new Child(PRODUCER, path, '30', '20')]
  await Promise.all([...workers, ...producers].map((child) => child.ended()))
  const added = producers.flatMap((child) => child.ids('added'))
  const applied = workers.flatMap((child) => child.ids('applied'))
  expect(added).toHaveLength(1_200)
  expect(applied.toSorted()).toEqual(added.toSorted())
  expect(workers.flatMap((child) => [...child.ids('stale'), ...child.ids('cancelled')])).toEqual([])
  expect(integrity()).toEqual([{ integrity_check: 'ok' }])
})

test('a producer that is killed in the middle of writing leaves whole batches, and all that it was told of', async () => {
  await (await openStore()).close()
  for (const lines of [300, 2_000, 5_000]) {
    const producer = new Child(PRODUCER, path, '1000000', '100')
    await producer.wrote(lines, 'added')
    producer.kill()
    await producer.ended()
    expect(integrity()).toEqual([{ integrity_check: 'ok' }])
    const store = await openStore()
    for (const prefix of ['added', 'trying'] as const) {
      const ids = producer.ids(prefix)
      for (let from = 0; from < ids.length; from += 100) {
        const batch = await store.get(ids.slice(from, from + 100))
        const present = batch.filter((task) => task !== null).length
        // what was tried and not answered is there as a whole, or not at all
        expect(prefix === 'added' ? [100] : [0, 100]).toContain(present)
      }
    }
    await store.close()
  }
})

test('a worker that is killed loses its lease, and its tasks go on elsewhere', async () => {
  const store = await openStore()
  for (let batch = 0; batch < 5; batch++) await store.add({ groups: groups(1_000), again: false })
  const worker = new Child(WORKER, path, '5000')
  await worker.wrote(500, 'applied')
  worker.kill()
  await worker.ended()
  expect(integrity()).toEqual([{ integrity_check: 'ok' }])
  const heir = session({ ttlMs: 10 * 3_600_000 })
  await store.openSession(heir)
  await store.shiftClock(2 * 3_600_000)
  const { tasks } = await store.reclaim({
    session: heir.session,
    nonce: 'aa'.repeat(8),
    again: false,
    tasksMax: 100,
    graceMs: 0,
  })
  expect(tasks.every(({ cause }) => cause === 'lapsed')).toBe(true)
  const settlements = tasks.map(({ fence }) => {
    return {
      fence,
      seq: 1,
      transition: { to: 'pending', count: 'crash', delayMs: null, error: null },
      notes: null,
    } as const
  })
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
  await store.close()
})

test('what another process writes is heard of soon', async () => {
  const store = await openStore()
  const hints = store.watch()
  await hints.next()
  const producer = new Child(PRODUCER, path, '1', '1')
  const heard = hints.next()
  await producer.wrote(1, 'added')
  const before = performance.now()
  expect((await heard).value).toMatchObject({ ready: true })
  expect(performance.now() - before).toBeLessThan(2_000)
  await hints.return?.()
  await store.close()
})
