import { createServer } from 'node:net'
import { createServer as createHttpServer } from 'node:http'
import { once } from 'node:events'
import { describe, expect, test, vi } from 'vitest'
import { Server, ServerCredentials } from '@grpc/grpc-js'
import {
  AccessError,
  BackpressureError,
  InvalidArgumentError,
  StoreError,
  TooLargeError,
  type MillraceError,
} from '@millrace/core'
import { openHome } from '../../sqlite/test/home.ts'
import { RemoteStore } from '../src/remote/index.ts'
import { codecOf } from '../src/wire/codec.ts'
import { serviceDefinition } from '../src/grpc/definition.ts'
import { StoreService } from '../src/wire/generated/millrace/v1/store_pb.ts'
import { serve } from './harness.ts'
import type { TaskSpec } from '@millrace/core/store'
import type { AddressInfo, Server as NetServer } from 'node:net'

const SECRET = "SELECT secret FROM t at db.internal:5432, password 'x'"

async function listening(server: NetServer): Promise<number> {
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  return (server.address() as AddressInfo).port
}

async function openingOf(url: string): Promise<unknown> {
  const store = new RemoteStore({ url, token: 'x' })
  return store.open().then(
    () => store.close(),
    (error: unknown) => error,
  )
}

function refusalOf(run: () => unknown): unknown {
  try {
    run()
  } catch (error) {
    return error
  }
  return undefined
}

describe('errors', () => {
  const thrown: readonly (readonly [given: Error, told: Partial<MillraceError>])[] = [
    [
      new InvalidArgumentError('The cursor is none.', { hint: 'Take “next”.' }),
      { code: 'invalid-argument', message: 'The cursor is none.', hint: 'Take “next”.' },
    ],
    [new TooLargeError('Too much.'), { code: 'too-large', message: 'Too much.' }],
    [new BackpressureError('Too many.'), { code: 'backpressure', message: 'Too many.' }],
    [new AccessError('forbidden', 'No.'), { code: 'forbidden', message: 'No.' }],
    [
      new StoreError('store-busy', SECRET, { effect: 'none' }),
      { code: 'store-busy', effect: 'none' } as never,
    ],
    [
      new StoreError('store-unavailable', SECRET, { effect: 'unknown' }),
      { code: 'store-unavailable', effect: 'unknown' } as never,
    ],
    [
      new StoreError('store-full', SECRET, { effect: 'final' }),
      { code: 'store-full', effect: 'final' } as never,
    ],
    [new Error(SECRET), { code: 'store-unavailable', effect: 'unknown' } as never],
  ]

  for (const [given, told] of thrown) {
    test(`${given.name} ${'code' in given ? String(given.code) : ''} is the same again on a call and on a stream`, async () => {
      await using home = await openHome()
      const errors: unknown[] = []
      const log = (fields: unknown): void => void errors.push(fields)
      const logger = { debug() {}, info() {}, warn: log, error: log }
      await using served = await serve(home.store, { logger })
      const store = await served.open()
      vi.spyOn(home.store, 'queues').mockRejectedValue(given)
      vi.spyOn(home.store, 'outcomes').mockRejectedValue(given)
      const calls = [() => store.queues(), () => store.outcomes({ ids: [], bytesMax: 1 })]
      for (const call of calls) {
        const error = (await call().catch((caught: unknown) => caught)) as MillraceError
        expect(error).toMatchObject(told)
        expect(error.name).toBe(given instanceof StoreError || !('code' in given) ? 'StoreError' : given.name)
        expect(`${error.message} ${error.hint}`).not.toMatch(/secret|internal:5432|password/)
      }
      // what the caller is not told the log is
      const isHidden = !('code' in told) || (told as { code: string }).code.startsWith('store-')
      expect(errors.length > 0).toBe(isHidden && told.code !== 'store-busy')
    })
  }

  test('a call whose content is wrong is refused by itself, and the stream goes on', async () => {
    await using home = await openHome()
    await using served = await serve(home.store)
    const store = await served.open()
    const good = store.outcomes({ ids: ['00000000-0000-7000-8000-000000000001'], bytesMax: 1 })
    const bad = store.outcomes({ ids: ['no id'], bytesMax: 1 })
    await expect(bad).rejects.toMatchObject({ name: 'InvalidArgumentError' })
    expect(await good).toEqual([null])
  })
})

describe('what is large', () => {
  test('tasks that are too large for one answer come in several', async () => {
    await using home = await openHome()
    await using served = await serve(home.store)
    const store = await served.open()
    const id = (index: number): string => `00000000-0000-7000-8000-${String(index).padStart(12, '0')}`
    const ids = Array.from({ length: 80 }, (_one, index) => id(index))
    const input = 'x'.repeat(1_000_000)
    for (const one of ids) {
      await store.add({ groups: [{ tasks: [specOf(one, input)], under: null, gate: null }], again: false })
    }
    const found = await store.get(ids)
    expect(found.map((record) => record?.id)).toEqual(ids)
    expect(found.every((record) => record?.payload === input)).toBe(true)
    const asked = { ids, bytesMax: 2 ** 40 }
    expect((await store.outcomes(asked)).length).toBe(80)
  })

  test('a request beyond 16 MiB is refused, and the server goes on', async () => {
    await using home = await openHome()
    await using served = await serve(home.store)
    const store = await served.open()
    const request = {
      name: 'x',
      ifVersion: null,
      plan: 'x'.repeat(17 * 1_048_576),
      paused: false,
      nextAt: null,
    }
    await expect(store.putSchedule(request)).rejects.toMatchObject({ code: 'too-large' })
    expect(await store.schedules({ after: null, limit: 10 })).toEqual([])
  })
})

function specOf(id: string, payload: string): TaskSpec {
  const policy = { retry: { kind: 'fixed', attempts: 3, baseMs: 1_000 } } as const
  const times = { dueByMs: null, timeoutMs: null, startByMs: null, deadlineMs: null }
  const lists = { needs: [], after: [], tags: [], metadata: {}, headers: {} }
  const due = { inMs: 0 }
  const made = { id, idMadeBy: 'client', digest: id.slice(-16), type: 'work', queue: 'q', level: 2 } as const
  return { ...made, ...times, ...lists, lane: null, due, held: false, payload, policy, unique: null }
}

describe('what is no server', () => {
  test('nothing listens', async () => {
    const server = createServer()
    const port = await listening(server)
    server.close()
    await once(server, 'close')
    expect(await openingOf(`http://127.0.0.1:${port}`)).toMatchObject({
      code: 'store-unavailable',
      effect: 'none',
      message: `The server at 127.0.0.1:${port} cannot be reached: connect ECONNREFUSED 127.0.0.1:${port}`,
      hint: expect.stringContaining('See that the server runs') as string,
    })
  })

  test('a server of something else', async () => {
    const server = createHttpServer((_request, response) => response.end('hello'))
    const port = await listening(server)
    const error = await openingOf(`http://127.0.0.1:${port}`)
    server.close()
    expect(error).toMatchObject({ code: 'store-unavailable' })
  })

  test('TLS where there is none', async () => {
    await using home = await openHome()
    await using served = await serve(home.store)
    const error = await openingOf(`https://127.0.0.1:${served.port}`)
    expect(error).toMatchObject({ code: 'store-unavailable', effect: 'none' })
  })

  test('one of gRPC, but with other services, and one with another protocol', async () => {
    const server = new Server()
    const port = await new Promise<number>((resolve, reject) =>
      server.bindAsync('127.0.0.1:0', ServerCredentials.createInsecure(), (error, bound) =>
        error === null ? resolve(bound) : reject(error),
      ),
    )
    expect(await openingOf(`http://127.0.0.1:${port}`)).toMatchObject({
      message: expect.stringContaining('no Millrace server') as string,
    })
    const { output } = StoreService.method.describe
    const later = codecOf<object>(output).encode({ protocol: 2, kind: 'sqlite', retentionBytes: 1 })
    server.addService(
      { Describe: serviceDefinition(StoreService)['Describe']! },
      { Describe: (_call: unknown, answer: (error: null, bytes: Buffer) => void) => answer(null, later) },
    )
    const error = await openingOf(`http://127.0.0.1:${port}`)
    server.forceShutdown()
    expect(error).toMatchObject({ code: 'store-schema', effect: 'final' })
  })
})

describe('the URL of a server', () => {
  test.each([
    ['http://example.com:8080', 'store-url', /without TLS/],
    ['http://10.0.0.1:8080', 'store-url', /without TLS/],
    ['http://localhost.example.com', 'store-url', /without TLS/],
    ['https://user:secret@example.com', 'store-url', /name or a password/],
    ['https://example.com/path', 'store-url', /more than a host/],
    ['ftp://example.com', 'store-url', /cannot be read/],
    ['nonsense', 'store-url', /cannot be read/],
  ])('%s is refused', (url, code, why) => {
    const refusal = refusalOf(() => new RemoteStore({ url }))
    expect(refusal).toMatchObject({ code, message: expect.stringMatching(why) as string })
    expect(String(refusal)).not.toContain('secret')
  })

  test.each([
    'https://example.com',
    'https://example.com:8443/',
    'http://localhost:1',
    'http://127.0.0.2:1',
    'http://[::1]:1',
  ])('%s is taken', (url) => {
    expect(new RemoteStore({ url }).kind).toBe('server')
  })

  test('a token that cannot be one is refused before it is sent, and so is half a certificate', () => {
    const url = 'https://example.com'
    expect(() => new RemoteStore({ url, token: 'two\nlines' })).toThrow(/token holds/)
    expect(() => new RemoteStore({ url, cert: 'x' })).toThrow(/private key/)
    expect(() => new RemoteStore({ url: 'http://127.0.0.1', ca: 'x' })).toThrow(/Certificates are given/)
    // @ts-expect-error there is no such option
    expect(() => new RemoteStore({ url, tokn: 'x' })).toThrow(/tokn/)
  })
})
