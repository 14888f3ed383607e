/** What the Redis store refuses to work with, and that it says what to do. */
import { createServer, type AddressInfo, type Server } from 'node:net'
import { createClient } from '@redis/client'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { InvalidArgumentError, StoreError } from '@millrace/core'
import { startRedis, type RedisOptions, type RedisServer } from '../../../test/servers/redis.ts'
import { RedisStore, type RedisStoreOptions } from '../src/index.ts'

let server: RedisServer
beforeAll(async () => void (server = await startRedis()))
afterAll(() => server.server.stop())

async function redis(url: string, ...args: readonly string[]): Promise<void> {
  const client = await createClient({ url }).connect()
  await client.sendCommand(args)
  client.destroy()
}

async function refusal(options: RedisStoreOptions): Promise<StoreError> {
  const store = new RedisStore(options)
  const error = await store.open().catch((reason: unknown) => reason)
  await store.close()
  if (!(error instanceof StoreError)) throw new Error(`It was not refused: ${String(error)}`)
  expect(error.effect).toBe('final')
  expect(error.hint).toMatch(/\w/)
  return error
}

interface Case {
  readonly what: string
  readonly code: StoreError['code']
  readonly message: RegExp
  readonly server?: RedisOptions
  /** A command that prepares the server. */
  readonly prepare?: readonly string[]
  readonly options?: Partial<Omit<RedisStoreOptions, 'url' | 'client'>>
  readonly database?: number
}

const cases: readonly Case[] = [
  {
    what: 'a server that asks for a password',
    code: 'store-unavailable',
    message: /asks for a password/,
    server: { args: ['--requirepass', 'secret'] },
  },
  {
    what: 'a server without an append-only file',
    code: 'store-unavailable',
    message: /keeps no append-only file/,
    server: { args: ['--appendonly', 'no'] },
  },
  {
    what: 'a server that never syncs its file',
    code: 'store-unavailable',
    message: /never syncs/,
    server: { args: ['--appendfsync', 'no'] },
  },
  {
    what: 'a server that evicts data',
    code: 'store-unavailable',
    message: /evicts data \(allkeys-lru\)/,
    server: { args: ['--maxmemory-policy', 'allkeys-lru'] },
  },
  {
    what: 'a database that the server does not have',
    code: 'store-unavailable',
    message: /DB index is out of range/,
    database: 99,
  },
  {
    what: 'a replica',
    code: 'store-readonly',
    message: /is a replica/,
    server: { args: ['--replicaof', '127.0.0.1', '1'] },
  },
  {
    what: 'a schema that is newer than the code',
    code: 'store-schema',
    message: /has schema 99/,
    prepare: ['HSET', '{mr:new}m', 'home', 'x', 'schema', '99'],
    options: { namespace: 'new' },
  },
  {
    what: 'keys of another application',
    code: 'store-schema',
    message: /not of Millrace/,
    prepare: ['SET', '{mr:other}m', 'x'],
    options: { namespace: 'other' },
  },
  {
    what: 'a store that is not there, without leave to make it',
    code: 'store-schema',
    message: /not there yet/,
    options: { namespace: 'missing', migrate: false },
  },
]

test.each(cases)(
  '$what is refused with $code',
  async ({ server: own, prepare, options, database, code, message }) => {
    await using another = own === undefined ? null : await startRedis(own)
    const { url } = another ?? server
    if (prepare !== undefined) await redis(url, ...prepare)
    const error = await refusal({ url: database === undefined ? url : `${url}/${database}`, ...options })
    expect(error.message).toMatch(message)
    expect(error.code).toBe(code)
  },
)

test('a wrong password is refused, and never shown', async () => {
  await using guarded = await startRedis({ args: ['--requirepass', 'secret'] })
  const url = guarded.url.replace('//', '//:wrong@')
  const error = await refusal({ url })
  expect(error.message).toMatch(/refuses the user or the password/)
  expect(`${error.message} ${error.hint}`).not.toMatch(/wrong/)
  const store = new RedisStore({ url: guarded.url.replace('//', '//:secret@') })
  await store.open()
  expect(await store.queues()).toEqual([])
  await store.close()
})

test('what may lose tasks is worked with when that is asked for, and a warning says so', async () => {
  await using careless = await startRedis({ args: ['--appendonly', 'no'] })
  const warnings: string[] = []
  const onWarning = (message: string): void => void warnings.push(message)
  const store = new RedisStore({ url: careless.url, unsafe: true, onWarning })
  await store.open()
  expect(await store.queues()).toEqual([])
  await store.close()
  expect(warnings).toEqual([expect.stringContaining('tasks may be lost')])
})

test('a server that is not there is refused at once', async () => {
  const { url, server: gone } = await startRedis()
  await gone.stop()
  const error = await refusal({ url })
  expect(error).toMatchObject({ code: 'store-unavailable' })
  expect(error.message).toMatch(/cannot be reached/)
})

/** Something that listens, and answers what it is told to; nothing by default. */
async function listener(answer: (text: string) => string = () => ''): Promise<Server> {
  const listening = createServer((socket) => {
    socket.on('data', (data) => void socket.write(answer(String(data))))
    socket.on('error', () => undefined)
  })
  await new Promise<void>((resolve) => listening.listen(0, '127.0.0.1', resolve))
  return listening
}

function urlOf(listening: Server): string {
  return `redis://127.0.0.1:${(listening.address() as AddressInfo).port}`
}

test('what accepts a connection and then says nothing is refused in time', async () => {
  const silent = await listener()
  const before = performance.now()
  const error = await refusal({ url: urlOf(silent), timeoutMs: 200 })
  expect(error.message).toMatch(/cannot be reached/)
  expect(performance.now() - before).toBeLessThan(2_000)
  silent.close()
})

test('a server of a cluster that does not have the store is refused, and says who does', async () => {
  const elsewhere = await listener((text) => {
    const replies = text.split(/(?=\*\d+\r\n)/).map((command) => {
      return command.includes('HELLO') ? '%0\r\n' : '-MOVED 1234 10.0.0.7:6379\r\n'
    })
    return replies.join('')
  })
  const error = await refusal({ url: urlOf(elsewhere), timeoutMs: 2_000 })
  expect(error.message).toMatch(/node of a cluster, and another one has these keys/)
  elsewhere.close()
})

/** A server that says this of itself. */
async function informant(...lines: readonly string[]): Promise<Server> {
  const info = lines.map((line) => `${line}\r\n`).join('')
  const answerOne = (command: string): string => {
    if (command.includes('HELLO')) return '%0\r\n'
    return command.includes('\r\nINFO\r\n') ? `$${info.length}\r\n${info}\r\n` : '+OK\r\n'
  }
  return listener((text) =>
    text
      .split(/(?=\*\d+\r\n)/)
      .map(answerOne)
      .join(''),
  )
}

test('a version that is too old is refused', async () => {
  const old = await informant('redis_version:6.2.14', 'role:master', 'aof_enabled:1')
  const error = await refusal({ url: urlOf(old), timeoutMs: 2_000 })
  expect(error.message).toMatch(/has version 6\.2\.14/)
  old.close()
})

test('a server that still reads its append-only file, and says that it keeps none, is not refused for good', async () => {
  const busy = await informant('redis_version:7.0.15', 'role:master', 'loading:1', 'aof_enabled:0')
  const store = new RedisStore({ url: urlOf(busy), timeoutMs: 2_000 })
  const open = store.open()
  await expect(open).rejects.toMatchObject({ code: 'store-unavailable', effect: 'none' })
  await expect(open).rejects.toThrow(/still loading/)
  await store.close()
  busy.close()
})

const mistaken: readonly (readonly [string, RedisStoreOptions])[] = [
  ['no URL', { url: '' }],
  ['a URL of something else', { url: 'http://localhost' }],
  ['a URL without a host', { url: 'redis://' }],
  ['a URL with a folder', { url: 'redis://localhost/a/b' }],
  ['a password with a bare %', { url: 'redis://:100%@localhost' }],
  ['a password with a bare #, so that its beginning looks like a port', { url: 'redis://u:12#3@localhost' }],
  ['options behind a ?, which nobody would read', { url: 'redis://localhost?protocol=3' }],
  ['an empty namespace', { url: 'redis://localhost', namespace: '' }],
  ['a namespace that could break out of its hash tag', { url: 'redis://localhost', namespace: 'a}b' }],
  ['no patience at all', { url: 'redis://localhost', timeoutMs: 0 }],
]

test.each(mistaken)('%s is no valid option', (_, options) => {
  expect(() => new RedisStore(options)).toThrow(InvalidArgumentError)
})

test('an error about a URL does not repeat it', () => {
  expect(() => new RedisStore({ url: 'redis://user:hunter2@' })).toThrow(
    expect.objectContaining({ message: expect.not.stringContaining('hunter2') as string }),
  )
})

test('several clients may make one store at once', async () => {
  const stores = Array.from({ length: 4 }, () => new RedisStore({ url: server.url, namespace: 'crowd' }))
  await Promise.all(stores.map((store) => store.open()))
  expect(await Promise.all(stores.map((store) => store.queues()))).toEqual([[], [], [], []])
  await Promise.all(stores.map((store) => store.close()))
})

test('nothing can be done before the store is opened, nor after it was closed', async () => {
  const store = new RedisStore({ url: server.url })
  await expect(store.queues()).rejects.toMatchObject({
    code: 'store-unavailable',
    effect: 'final',
  })
  await store.open()
  await store.close()
  await expect(store.queues()).rejects.toMatchObject({
    code: 'store-unavailable',
    effect: 'final',
  })
})

test.each([
  [{ url: 'redis://localhost', migrat: false }, /no "migrat"/, /Did you mean migrate/],
  ['redis://localhost', /are "/, /url/],
])('options %s are refused, and say which there are', (options, message, hint) => {
  expect(() => new RedisStore(options as never)).toThrow(
    expect.objectContaining({
      code: 'invalid-argument',
      message: expect.stringMatching(message) as unknown,
      hint: expect.stringMatching(hint) as unknown,
    }),
  )
})
