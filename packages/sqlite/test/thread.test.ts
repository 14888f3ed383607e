/** The store's thread: its death, its end, and what calls that share a commit have to do with each other. */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { fileURLToPath } from 'node:url'
import { Worker } from 'node:worker_threads'
import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { defineTask, Mill, StoreError, unchecked } from '@millrace/core'
import { SqliteStore } from '../src/index.ts'
import { demand, exchange, group, groups, session, spec, succeeded } from './specs.ts'

let folder = ''
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'millrace-'))
})
afterEach(() => rmSync(folder, { recursive: true }))

async function openStore(name = 'home.db'): Promise<SqliteStore> {
  const store = new SqliteStore({ path: join(folder, name) })
  await store.open()
  return store
}

/** Runs something, and answers the threads that were spoken to. */
async function threadsOf(run: () => Promise<unknown>): Promise<readonly Worker[]> {
  const spy = vi.spyOn(Worker.prototype, 'postMessage')
  await run()
  const threads = [...new Set(spy.mock.contexts as Worker[])]
  spy.mockRestore()
  return threads
}

test('when the thread dies, calls under way are ambiguous, those that come meanwhile have no effect, and another thread goes on', async () => {
  const store = await openStore()
  const [thread] = await threadsOf(() => store.now())
  const underWay = store.add({ groups: groups(1_000), again: false }).catch((error: unknown) => error)
  await thread!.terminate()
  const error = await underWay
  expect(error).toBeInstanceOf(StoreError)
  expect(error).toMatchObject({ code: 'store-unavailable', effect: 'unknown' })
  await expect(async () => store.now()).rejects.toMatchObject({ code: 'store-unavailable', effect: 'none' })
  const [queue] = await vi.waitFor(() => store.queues(), 10_000)
  expect([undefined, 1_000]).toContain(queue?.counts.ready)
  await store.close()
})

test('a worker whose thread dies goes on, with its hints, and ends when it is told to', async () => {
  const store = await openStore()
  const mill = new Mill(store, { logger: { debug() {}, info() {}, warn() {}, error() {} } })
  const job = defineTask('job', { input: unchecked<number>() })
  const worker = mill.worker({ handlers: job.handler((n) => n + 1) })
  await worker.start()
  expect(await (await mill.enqueue(job, 1)).result({ within: '10s' })).toBe(2)
  const [thread] = await threadsOf(() => store.now())
  await thread!.terminate()
  expect(await (await mill.enqueue(job, 2)).result({ within: '10s' })).toBe(3)
  const begun = performance.now()
  await mill.close()
  expect(performance.now() - begun).toBeLessThan(3_000)
})

test('those who watch hear that everything may have changed when another thread goes on', async () => {
  const store = await openStore()
  const hints = store.watch()
  await hints.next()
  const next = hints.next()
  const [thread] = await threadsOf(() => store.now())
  await thread!.terminate()
  await vi.waitFor(() => store.now(), 10_000)
  expect(await next).toEqual({
    done: false,
    value: { ready: true, settled: true, cancel: true, schedules: true },
  })
  const heard = hints.next()
  await store.add({ groups: groups(1), again: false })
  expect(await heard).toMatchObject({ value: { ready: true } })
  await store.close()
})

test('a thread that cannot be started again says why', async () => {
  const store = await openStore()
  const [thread] = await threadsOf(() => store.now())
  await thread!.terminate()
  rmSync(folder, { recursive: true })
  await vi.waitFor(
    () => expect(async () => store.now()).rejects.toThrow(/The folder .* does not exist/),
    10_000,
  )
  await store.close()
  mkdirSync(folder)
})

test('a store can be opened anew after its thread died', async () => {
  const store = await openStore()
  const [thread] = await threadsOf(() => store.now())
  await thread!.terminate()
  await store.close()
  await store.open()
  expect(await store.queues()).toEqual([])
  await store.close()
})

test('a store that is not open says so', async () => {
  const store = new SqliteStore({ path: join(folder, 'home.db') })
  await expect(async () => store.now()).rejects.toMatchObject({ code: 'store-unavailable', effect: 'final' })
  await store.open()
  await store.close()
  await expect(async () => store.now()).rejects.toMatchObject({ code: 'store-unavailable', effect: 'final' })
})

test('calls that were made before close are answered', async () => {
  const store = await openStore()
  const adds = Array.from({ length: 20 }, () => store.add({ groups: groups(50), again: false }))
  await store.close()
  const answers = await Promise.all(adds)
  expect(answers.flat().every(({ outcome }) => outcome === 'added')).toBe(true)
})

test('calls that share a commit share no fate', async () => {
  const store = await openStore()
  const taken = spec({ idMadeBy: 'client' })
  await store.add({ groups: [group(taken)], again: false })
  const [fine, mixed, conflicting, refused, read] = await Promise.allSettled([
    store.add({ groups: groups(3), again: false }),
    store.add({ groups: [group(spec()), group(taken), group(spec())], again: false }),
    store.add({ groups: [group({ ...taken, digest: 'another-digest-1' })], again: false }),
    store.list({ filter: {}, limit: 10, cursor: 'nonsense' }),
    store.queues(),
  ])
  expect(fine).toMatchObject({ status: 'fulfilled', value: [{}, {}, {}].map(() => ({ outcome: 'added' })) })
  expect(mixed).toMatchObject({
    value: [{ tasks: [{ outcome: 'created' }] }, { tasks: [{ outcome: 'duplicate' }] }, {}],
  })
  expect(conflicting).toMatchObject({ value: [{ outcome: 'rejected', rejection: { code: 'conflict' } }] })
  expect(refused).toMatchObject({ status: 'rejected', reason: { code: 'invalid-argument' } })
  expect(read).toMatchObject({ value: [{ counts: { ready: 6 } }] })
  await store.close()
})

test('many calls at once lose nothing and take nothing twice', async () => {
  const store = await openStore()
  const request = session()
  await store.openSession(request)
  const adding = Array.from({ length: 40 }, () => store.add({ groups: groups(25), again: false }))
  const claimed: string[] = []
  const work = async (): Promise<void> => {
    for (let idle = 0; idle < 50;) {
      const { claims } = await store.exchange(exchange(request.session, { demand: demand(17) }))
      idle = claims.length === 0 ? idle + 1 : 0
      claimed.push(...claims.map(({ id }) => id))
      const { verdicts } = await store.exchange(
        exchange(request.session, { settlements: claims.map(succeeded) }),
      )
      expect(verdicts).toEqual(claims.map(() => 'applied'))
      if (claimed.length === 1_000) return
    }
  }
  await Promise.all([...adding, work(), work(), work()])
  expect(new Set(claimed).size).toBe(1_000)
  expect(claimed.length).toBe(1_000)
  const [queue] = await store.queues()
  expect(queue?.counts).toMatchObject({ ready: 0, running: 0, succeeded: 1_000 })
  await store.close()
})

test('while another process keeps the lock calls wait, and the main thread does not', async () => {
  const store = await openStore()
  const stranger = new DatabaseSync(join(folder, 'home.db'))
  stranger.exec('BEGIN IMMEDIATE')
  const waiting = store.add({ groups: groups(5), again: false })
  let over = false
  void waiting.then(() => (over = true))
  // What only reads does not need the lock. And it is this thread that gives the lock back: if it waited, it never would.
  for (let n = 0; n < 50; n++) expect(await store.queues()).toEqual([])
  expect(over).toBe(false)
  stranger.exec('ROLLBACK')
  stranger.close()
  expect(await waiting).toHaveLength(5)
  await store.close()
})

/** Runs a script of its own on the test's file, and answers how it ended. */
async function run(
  script: URL,
  spoke: () => void = () => undefined,
): Promise<{ code: number | null; output: string }> {
  const child = spawn(process.execPath, [fileURLToPath(script), join(folder, 'home.db')], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  let output = ''
  child.stdout.once('data', spoke)
  child.stdout.on('data', (data: Buffer) => (output += data.toString()))
  const [code] = (await once(child, 'close')) as [number | null]
  return { code, output }
}

test('an idle store keeps no process alive, listened to or not', async () => {
  expect(await run(new URL('./children/idle.ts', import.meta.url))).toEqual({ code: 0, output: 'idle\n' })
})

test('a call under way does', async () => {
  const stranger = new DatabaseSync(join(folder, 'home.db'))
  await (await openStore()).close()
  stranger.exec('BEGIN IMMEDIATE')
  const waiting = new URL('./children/waiting.ts', import.meta.url)
  const ended = await run(waiting, () => stranger.exec('ROLLBACK'))
  stranger.close()
  expect(ended).toEqual({ code: 0, output: 'still here\nadded\n' })
})
