import { setTimeout as after } from 'node:timers/promises'
import { describe, expect, test, vi } from 'vitest'
import { defineTask, Mill, unchecked, type Logger } from '@millrace/core'
import { freePort } from '../../../test/servers/server.ts'
import { openHome } from '../../sqlite/test/home.ts'
import { RemoteStore } from '../src/remote/index.ts'
import { identity, serve, type Harness } from './harness.ts'

const double = defineTask('double', { input: unchecked<number>(), output: unchecked<number>() })
const narrow = defineTask('narrow', { input: unchecked<number>(), output: unchecked<number>(), queue: 'media' })

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
    expect(answers.map(({ outcome }) => outcome === 'created' || outcome === 'duplicate')).not.toContain(false)
    const [queue] = await (await second.open()).queues()
    expect(queue!.counts.ready).toBe(3_000)
  })

  test('a worker lives through the death of its server', async () => {
    await using home = await openHome()
    const port = await freePort()
    const first = await serve(home.store, { port })
    const { mill } = await millOver(first)
    await using _ = mill
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
    goOn.resolve()
    expect(await handle.result({ within: '15s' })).toBe(42)
    const [record] = await home.store.get([handle.id])
    expect(record!.counters).toMatchObject({ claims: 1, crashes: 0, failures: 0 })
  })

  test('a handler that blocks its thread keeps its lease: the heart beats on another one', async () => {
    await using home = await openHome()
    await using served = await serve(home.store)
    const { mill } = await millOver(served)
    await using _ = mill
    const renewals = vi.spyOn(home.store, 'renew')
    let duringBlock = 0
    const blocking = double.handler(async (n, ctx) => {
      // its server lives on this very thread: what is renewed meanwhile is answered after that, so the block is short
      await after(2_000, undefined, { ref: false })
      const before = renewals.mock.calls.length
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 800)
      ctx.throwIfLost()
      await vi.waitFor(() => expect(renewals.mock.calls.length).toBeGreaterThan(before), { timeout: 5_000 })
      duringBlock = renewals.mock.calls.length - before
      return n * 2
    })
    await mill.worker({ handlers: [blocking], lease: '2s' }).start()
    const handle = await mill.enqueue(double, 4)
    expect(await handle.result({ within: '15s' })).toBe(8)
    expect(duringBlock).toBeGreaterThan(0)
  })

  test('a client that is idle does not hold its process', async () => {
    await using home = await openHome()
    await using served = await serve(home.store)
    const store = new RemoteStore({ url: served.url, token: 'admin-token' })
    await store.open()
    expect(store.retentionBytes).toBe(home.store.retentionBytes)
    await store.close()
    expect(() => store.watch()).toThrow(/not open/)
  })
})
