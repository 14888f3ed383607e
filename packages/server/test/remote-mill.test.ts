import { fork } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import { describe, expect, test, vi } from 'vitest'
import { defineTask, Mill, unchecked, type Logger } from '@millrace/core'
import { freePort } from '../../../test/servers/server.ts'
import { openHome } from '../../sqlite/test/home.ts'
import { RemoteStore } from '../src/remote/index.ts'
import { ADMIN, identity, serve, type Harness } from './harness.ts'

const double = defineTask('double', { input: unchecked<number>(), output: unchecked<number>() })
const narrow = defineTask('narrow', {
  input: unchecked<number>(),
  output: unchecked<number>(),
  queue: 'media',
})

/** A client over a server, and what it logged of warnings and errors. */
async function millOver(served: Harness, token?: string): Promise<{ mill: Mill; logged: string[] }> {
  const logged: string[] = []
  const log = (...words: readonly unknown[]): void => void logged.push(JSON.stringify(words))
  const logger: Logger = { debug() {}, info() {}, warn: log, error: log }
  return { mill: new Mill(await served.open(token), { logger }), logged }
}

describe('a client and a worker over a server', () => {
  test('a thousand tasks are enqueued, run, and answered', async () => {
    await using home = await openHome()
    await using served = await serve(home.store)
    const { mill, logged } = await millOver(served)
    await using _ = mill
    const worker = mill.worker({ handlers: [double.handler((n) => n * 2)] })
    await worker.start()
    const drafts = Array.from({ length: 1_000 }, (_one, index) => double.with(index))
    const handles = await mill.enqueueMany(drafts, { atomic: true })
    const results = await Promise.all(handles.map((handle) => handle.result({ within: '15s' })))
    expect(results).toEqual(drafts.map((_one, index) => index * 2))
    const [counts] = await mill.queues.list()
    expect(counts).toMatchObject({ queue: 'default', counts: { succeeded: 1_000, ready: 0, running: 0 } })
    expect(logged).toEqual([])
  })

  test('a worker for one queue runs it without an error, and its leadership is the server’s', async () => {
    await using home = await openHome()
    await using served = await serve(home.store)
    served.tokens.set('narrow', identity('key:narrow', 'worker', ['media']))
    const { mill, logged } = await millOver(served, 'narrow')
    await using _ = mill
    const worker = mill.worker({ handlers: [narrow.handler((n) => n + 1)] })
    const failed: unknown[] = []
    worker.on('error', (event) => failed.push(event))
    await worker.start()
    const handle = await mill.enqueue(narrow, 1)
    expect(await handle.result({ within: '10s' })).toBe(2)
    // as long as its upkeep needs to have done each of its duties: the slowest but for pruning comes every 15 s
    await vi.waitFor(async () => expect((await home.store.locks()).length).toBe(0))
    await expect(mill.enqueue(double, 1)).rejects.toMatchObject({ code: 'forbidden' })
    expect(failed).toEqual([])
    expect(logged).toEqual([])
  })

  test('what is under way when the server dies is done once', async () => {
    await using home = await openHome()
    const port = await freePort()
    const first = await serve(home.store, { port })
    const { mill } = await millOver(first)
    await using _ = mill
    const drafts = Array.from({ length: 3_000 }, (_one, index) => double.with(index))
    const enqueued = mill.enqueueMany(drafts)
    await vi.waitFor(async () => expect((await home.store.queues()).length).toBe(1), { interval: 1 })
    first.kill()
    await using second = await serve(home.store, { port, tokens: first.tokens })
    const answers = await enqueued
    expect(answers.map(({ outcome }) => outcome === 'created' || outcome === 'duplicate')).not.toContain(
      false,
    )
    const [queue] = await (await second.open()).queues()
    expect(queue!.counts.ready).toBe(3_000)
  })

  test('a worker lives through the death of its server', async () => {
    await using home = await openHome()
    const port = await freePort()
    await using first = await serve(home.store, { port })
    const { mill } = await millOver(first)
    const begun = Promise.withResolvers<void>()
    const goOn = Promise.withResolvers<void>()
    const slow = double.handler(async (n) => {
      begun.resolve()
      await goOn.promise
      return n * 2
    })
    await mill.worker({ handlers: [slow] }).start()
    const handle = await mill.enqueue(double, 21)
    await begun.promise
    first.kill()
    await using _second = await serve(home.store, { port, tokens: first.tokens })
    await using _ = mill
    goOn.resolve()
    expect(await handle.result({ within: '15s' })).toBe(42)
    const [record] = await home.store.get([handle.id])
    expect(record!.counters).toMatchObject({ claims: 1, crashes: 0, failures: 0 })
  })

  test('a handler that blocks its thread keeps its lease, which the server would else take for dead', async () => {
    await using home = await openHome()
    const child = fork(join(import.meta.dirname, 'server-process.ts'), [home.path])
    try {
      const [port] = (await once(child, 'message')) as [number]
      await using mill = new Mill(new RemoteStore({ url: `http://127.0.0.1:${port}`, token: ADMIN }))
      const warmed = Promise.withResolvers<void>()
      const blocking = double.handler((n) => {
        if (n === 0) return 0
        // two leases long, and as long as the server may take to look for what lapsed
        Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 4_500)
        return n * 2
      })
      const worker = mill.worker({ handlers: [blocking], lease: '2s' })
      worker.on('succeeded', () => warmed.resolve())
      await worker.start()
      const first = await mill.enqueue(double, 0)
      await first.result({ within: '10s' })
      await warmed.promise
      const handle = await mill.enqueue(double, 4)
      expect(await handle.result({ within: '15s' })).toBe(8)
      const record = (await home.store.get([handle.id]))[0]!
      expect(record.counters).toMatchObject({ claims: 1, crashes: 0, returns: 0 })
    } finally {
      child.kill()
    }
  })

  test('the server takes over what a dead worker held, without any worker', async () => {
    await using home = await openHome()
    await using served = await serve(home.store)
    const store = await served.open()
    const session = '00000000-0000-7000-8000-000000000001'
    const worker = { session, ttlMs: 60_000, host: 'h', pid: 1, queues: ['default'], types: ['double'] }
    await store.openSession({ ...worker, offers: [], concurrency: 1, state: 'running', definitions: [] })
    const { mill } = await millOver(served)
    await using _ = mill
    const handle = await mill.enqueue(double, 1)
    const demand = {
      types: ['double'],
      offers: [],
      queues: [{ queue: 'default', slots: [1, 1, 1, 1, 1] as const, tasksMax: 1 }],
      tasksMax: 1,
      quantum: 1,
      bytesMax: 1_000,
      cursor: null,
      turn: null,
    }
    const nonce = '0000000000000001'
    const answer = await store.exchange({ session, nonce, again: false, settlements: [], demand })
    expect(answer.claims.map(({ id }) => id)).toEqual([handle.id])
    // as when its lease lapses
    await store.closeSession(session)
    const upkeep = await served.parts.mill['~served'].startUpkeep()
    await vi.waitFor(async () => expect((await handle.status()).state).not.toBe('running'), 8_000)
    expect((await home.store.get([handle.id]))[0]!.counters).toMatchObject({ claims: 1, crashes: 1 })
    await upkeep.stop()
    expect(await home.store.locks()).toEqual([])
    expect((await home.store.sessions()).filter((one) => one.types.length === 0)).toEqual([])
  })

  test('a store that is closed leaves nothing, and answers nothing', async () => {
    await using home = await openHome()
    await using served = await serve(home.store)
    const store = await served.open()
    expect(store.retentionBytes).toBe(home.store.retentionBytes)
    await store.close()
    expect(() => store.watch()).toThrow(/not open/)
    await expect(store.now()).rejects.toMatchObject({ code: 'store-unavailable', effect: 'none' })
  })
})
