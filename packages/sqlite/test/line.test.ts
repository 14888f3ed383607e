/** The line to the thread: what is called in one turn travels together, and costs one commit. */
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Worker } from 'node:worker_threads'
import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { defineTask, Mill, unchecked } from '@millrace/core'
import { SqliteStore } from '../src/index.ts'
import { demand, exchange, groups, session } from './specs.ts'

let folder = ''
let store: SqliteStore
beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), 'millrace-'))
  store = new SqliteStore({ path: join(folder, 'home.db') })
  await store.open()
})
afterEach(async () => {
  vi.restoreAllMocks()
  await store.close()
  rmSync(folder, { recursive: true })
})

/**
 * Commits since the write-ahead log began: frames that say how large the database is after them
 * (https://sqlite.org/walformat.html, "The WAL Frame Header").
 */
function commits(): number {
  const wal = readFileSync(join(folder, 'home.db-wal'))
  const frameBytes = 24 + wal.readUInt32BE(8)
  let count = 0
  for (let at = 32; at + frameBytes <= wal.length; at += frameBytes) {
    if (wal.readUInt32BE(at + 4) > 0) count += 1
  }
  return count
}

test('what is added and asked for in one turn takes one message and one commit', async () => {
  const request = session()
  await store.openSession(request)
  const messages = vi.spyOn(Worker.prototype, 'postMessage')
  const before = commits()
  const [added, answer] = await Promise.all([
    store.add({ groups: groups(3), again: false }),
    store.exchange(exchange(request.session, { demand: demand(10) })),
  ])
  expect(added.map(({ outcome }) => outcome)).toEqual(['added', 'added', 'added'])
  expect(answer.claims).toHaveLength(3)
  expect(messages).toHaveBeenCalledOnce()
  expect(commits() - before).toBe(1)
})

test('an idle worker starts what its own process enqueues after one commit', async () => {
  const job = defineTask('job', { input: unchecked<number>() })
  const mill = new Mill(store, { logger: { debug() {}, info() {}, warn() {}, error() {} } })
  const started = Promise.withResolvers<number>()
  await using worker = mill.worker({ handlers: job.handler(() => started.resolve(commits())) })
  await worker.start()
  // what a client and a worker do once: look whether there are budgets, and ask who leads
  await mill.enqueue(job, 0, { delay: '1h' })
  await expect.poll(() => store.locks()).toHaveLength(1)
  const before = commits()
  await mill.enqueue(job, 1)
  expect((await started.promise) - before).toBe(1)
})

test('a request that cannot travel is refused, and those of the same turn are not', async () => {
  const [refused, now] = await Promise.allSettled([store.get([(() => undefined) as never]), store.now()])
  expect(refused).toMatchObject({ status: 'rejected', reason: { name: 'DataCloneError' } })
  expect(now.status).toBe('fulfilled')
})
