/** A server that has lost its latest writes, or all of them, and clients that remember more than it does. */
import { createClient, RESP_TYPES } from '@redis/client'
import { Redis } from 'ioredis'
import { expect, test, vi } from 'vitest'
import { demand, exchange, group, session, spec } from '../../sqlite/test/specs.ts'
import { openHome, serverUrl, useServer, type RedisHome } from './home.ts'
import { RedisStore, type RedisClient } from '../src/index.ts'

useServer()

interface Raw {
  sendCommand(args: readonly (string | Buffer)[]): Promise<unknown>
}

async function withServer<T>(act: (client: Raw) => Promise<T>): Promise<T> {
  const client = await createClient({ url: serverUrl() }).connect()
  try {
    return await act(client.withTypeMapping({ [RESP_TYPES.BLOB_STRING]: Buffer }) as unknown as Raw)
  } finally {
    client.destroy()
  }
}

/** All of a home as it is now: what a replica had when it took over, or a file when the server died. */
async function photograph({ namespace }: RedisHome): Promise<() => Promise<void>> {
  return withServer(async (client) => {
    const keys = (await client.sendCommand(['KEYS', `{mr:${namespace}}*`])) as readonly Buffer[]
    const values = await Promise.all(keys.map((key) => client.sendCommand(['DUMP', key])))
    return () =>
      withServer(async (later) => {
        await later.sendCommand(['FLUSHALL'])
        for (const [index, key] of keys.entries()) {
          await later.sendCommand(['RESTORE', key, '0', values[index] as Buffer])
        }
        // who serves anew has no old connections
        await later.sendCommand(['CLIENT', 'KILL', 'TYPE', 'normal', 'SKIPME', 'yes'])
      })
  })
}

async function add(store: RedisStore, type: string): Promise<void> {
  await vi.waitFor(() => store.add({ groups: [group(spec({ type }))], again: true }), { timeout: 5_000 })
}

interface Side {
  readonly store: RedisStore
  close(): Promise<void>
}

const sides: Readonly<Record<string, (home: RedisHome) => Promise<Side>>> = {
  async 'the store'({ store }) {
    return { store, close: async () => undefined }
  },
  async 'node-redis'(home) {
    const client = createClient({ url: serverUrl() })
    client.on('error', () => undefined)
    await client.connect()
    return guest(home, client, () => client.destroy())
  },
  async ioredis(home) {
    const client = new Redis(serverUrl())
    client.on('error', () => undefined)
    return guest(home, client, () => client.disconnect())
  },
}

async function guest({ namespace }: RedisHome, client: RedisClient, end: () => void): Promise<Side> {
  const store = new RedisStore({ client, namespace })
  await store.open()
  const close = async (): Promise<void> => {
    await store.close()
    end()
  }
  return { store, close }
}

test.each(Object.entries(sides))(
  'a name whose number was lost with a failover is never taken for another by a connection of %s',
  async (_, open) => {
    await using home = await openHome()
    const side = await open(home)
    const { store } = side
    const mine = session()
    await store.openSession(mine)
    await add(store, 'work')
    const goBack = await photograph(home)
    await add(store, 'email')
    await goBack()
    const other = await home.open()
    await add(other, 'invoice')
    await add(store, 'email')
    const { tasks } = await other.list({ filter: {}, limit: 10, cursor: null })
    expect(tasks.map(({ type }) => type)).toEqual(['email', 'invoice', 'work'])
    const wanted = demand(10, { types: ['email'] })
    const { claims } = await store.exchange(exchange(mine.session, { demand: wanted }))
    expect(claims.map(({ type }) => type)).toEqual(['email'])
    await side.close()
  },
)

test('a worker that knows more names than the server goes on', async () => {
  await using home = await openHome()
  const { store } = home
  const mine = session()
  await store.openSession(mine)
  await add(store, 'work')
  await add(store, 'email')
  await withServer((client) => client.sendCommand(['HDEL', `{mr:${home.namespace}}R`, '["email",[]]']))
  const { claims } = await store.exchange(exchange(mine.session, { demand: demand(1) }))
  expect(claims.map(({ type }) => type)).toEqual(['work'])
})

test('a worker whose store was made anew claims what it asks for, though the names have other numbers', async () => {
  await using home = await openHome()
  const { store } = home
  const mine = session()
  await store.openSession(mine)
  const wanted = demand(10)
  await add(store, 'work')
  await add(store, 'other')
  await store.exchange(exchange(mine.session, { demand: wanted }))
  await withServer((client) => client.sendCommand(['FLUSHALL']))
  await add(store, 'other')
  await add(store, 'work')
  await store.openSession(mine)
  const { claims } = await store.exchange(exchange(mine.session, { demand: wanted }))
  expect(claims.map(({ type }) => type)).toEqual(['work'])
})
