/** What an audit finds where something was made wrong behind the store's back, and what a repair leaves. */
import { createClient, RESP_TYPES } from '@redis/client'
import { expect, test } from 'vitest'
import { startRedis } from '../../../test/servers/redis.ts'
import { looksUnderLoad } from '../../../test/examination/load.ts'
import { auditOf, codesOf, planted } from '../../../test/examination/plants.ts'
import { RedisStore } from '../src/index.ts'
import { openHome, serverUrl, useServer } from './home.ts'
import type { Shop } from '../../core/src/conformance/audit.ts'

useServer()

/** The keys of a home, without their prefix. */
class Keys {
  readonly #send: (args: readonly (string | Buffer)[]) => Promise<unknown>
  readonly #prefix: string

  constructor(send: (args: readonly (string | Buffer)[]) => Promise<unknown>, namespace: string) {
    this.#send = send
    this.#prefix = `{mr:${namespace}}`
  }

  call(command: string, key: string | Buffer, ...args: readonly (string | Buffer)[]): Promise<unknown> {
    return this.#send([command, Buffer.concat([Buffer.from(this.#prefix), Buffer.from(key)]), ...args])
  }

  /** Those of a kind; `length` without the letter. */
  async named(letter: string, length: number): Promise<readonly Buffer[]> {
    const all = (await this.#send(['KEYS', `${this.#prefix}${letter}*`])) as readonly Buffer[]
    return all.map((key) => key.subarray(this.#prefix.length)).filter((key) => key.length === length + 1)
  }

  async first(letter: string, length: number): Promise<Buffer> {
    return (await this.named(letter, length))[0]!
  }
}

async function withKeys(namespace: string, work: (keys: Keys) => Promise<unknown>): Promise<void> {
  const client = await createClient({ url: serverUrl(), RESP: 2 }).connect()
  const raw = client.withTypeMapping({ [RESP_TYPES.BLOB_STRING]: Buffer }) as unknown as {
    sendCommand(args: readonly (string | Buffer)[]): Promise<unknown>
  }
  await work(new Keys((args) => raw.sendCommand(args), namespace))
  client.destroy()
}

const bytes = (id: string): Buffer => Buffer.from(id.replaceAll('-', ''), 'hex')
const task = (letter: string, id: string): Buffer => Buffer.concat([Buffer.from(letter), bytes(id)])
const GHOST = '00000000-0000-4000-8000-00000000dead'

type Plant = readonly [
  what: string,
  spoil: (keys: Keys, shop: Shop) => Promise<unknown>,
  found: readonly string[],
  left?: readonly string[],
]

const PLANTS: readonly Plant[] = [
  ['a list is gone', async (keys) => keys.call('DEL', await keys.first('l', 7)), ['lost-place, repair']],
  [
    'nobody knows of the lists',
    async (keys) => {
      for (const key of await keys.named('a', 3)) await keys.call('DEL', key)
    },
    ['lost-place, repair'],
  ],
  [
    'what is later is gone',
    async (keys) => keys.call('DEL', await keys.first('d', 6)),
    ['lost-place, repair'],
  ],
  [
    'its time is not known',
    async (keys) => keys.call('DEL', await keys.first('n', 3)),
    ['lost-place, repair'],
  ],
  [
    'what is ready by its dueBy is gone',
    async (keys) => {
      for (const key of await keys.named('9', 7)) await keys.call('DEL', key)
    },
    ['lost-place, repair'],
  ],
  [
    'a ghost is due later',
    async (keys) => {
      const key = await keys.first('d', 6)
      await keys.call('ZADD', key, '1', Buffer.concat([Buffer.alloc(6), bytes(GHOST), Buffer.from([2])]))
    },
    ['stray-place, repair'],
  ],
  [
    'a ghost is in a series, before the others',
    async (keys) => {
      for (const key of await keys.named('P', 7)) await keys.call('ZADD', key, '-5', bytes(GHOST))
    },
    ['lost-place, repair', 'stray-place, repair'],
  ],
  [
    'a series is gone',
    async (keys) => {
      for (const key of await keys.named('P', 7)) await keys.call('DEL', key)
    },
    ['lost-place, operator'],
    ['lost-place, operator'],
  ],
  [
    'who ended is to expire',
    async (keys, { succeeded }) => keys.call('ZADD', 'e', '9e12', bytes(succeeded)),
    ['stray-place, repair'],
  ],
  ['nobody expires', async (keys) => keys.call('DEL', 'e'), ['lost-place, repair']],
  ['nobody is due soon', async (keys) => keys.call('DEL', 'O'), ['lost-place, repair']],
  [
    'a ghost is due soon',
    async (keys) => keys.call('ZADD', 'O', '9e12', bytes(GHOST)),
    ['stray-place, repair'],
  ],
  [
    'who waits is taken over',
    async (keys, { succeeded }) => keys.call('ZADD', 'o', '9e12', bytes(succeeded)),
    ['stray-place, repair'],
  ],
  [
    'a ghost runs',
    async (keys, { ids }) => {
      const rec = (await keys.call('HGET', 'r', bytes(ids[4]!))) as Buffer
      await keys.call('HSET', 'r', bytes(GHOST), rec)
    },
    ['stray-claim, repair'],
  ],
  [
    'a session holds a ghost',
    async (keys) => keys.call('SADD', await keys.first('u', 16), bytes(GHOST)),
    ['stray-claim, repair'],
  ],
  [
    'a session has let go what runs',
    async (keys, { running }) => keys.call('SREM', await keys.first('u', 16), bytes(running)),
    ['lost-claim, repair'],
  ],
  ['nobody knows of the session', async (keys) => keys.call('DEL', 'S'), ['lost-claim, repair']],
  [
    'a ghost holds a key',
    async (keys) => keys.call('HSET', 'k', 'of a ghost', bytes(GHOST)),
    ['stray-key, repair'],
  ],
  [
    'what runs holds the key that it had while it waited',
    async (keys, { ids }) => keys.call('HSET', 'k', 'let go', bytes(ids[4]!)),
    ['stray-key, repair'],
  ],
  ['the keys are gone', async (keys) => keys.call('DEL', 'k'), ['lost-key, repair']],
  ['a window never ends', async (keys) => keys.call('DEL', 'U'), ['stray-key, repair']],
  ['the end of no window', async (keys) => keys.call('ZADD', 'U', '9e12', 'nothing'), ['stray-key, repair']],
  [
    'a ghost waits',
    async (keys, { running }) =>
      keys.call('SADD', task('w', running), Buffer.concat([bytes(GHOST), Buffer.from('c')])),
    ['stray-edge, repair'],
  ],
  [
    'nobody waits for what runs',
    async (keys, { running }) => keys.call('DEL', task('w', running)),
    ['wait-count, operator'],
    ['wait-count, operator'],
  ],
  [
    'a ghost is behind a gate',
    async (keys) => keys.call('SADD', 'Ggate', bytes(GHOST)),
    ['stray-edge, repair'],
  ],
  [
    'the gate is gone',
    async (keys) => keys.call('DEL', 'ggate'),
    ['orphaned-edge, operator'],
    ['orphaned-edge, operator'],
  ],
  [
    'what is left of a ghost',
    async (keys) => keys.call('HSET', task('x', GHOST), 'l', '[]'),
    ['stray-payload, repair'],
  ],
  [
    'the payload of a ghost',
    async (keys) => keys.call('SET', task('p', GHOST), 'x'),
    ['stray-payload, repair'],
  ],
  [
    'a payload is gone',
    async (keys) => keys.call('DEL', await keys.first('p', 16)),
    ['lost-payload, operator'],
    ['lost-payload, operator'],
  ],
  [
    'what a limit counts is gone',
    async (keys) => keys.call('DEL', 'Fapi'),
    ['limit-count, repair'],
    ['limit-count, repair'],
  ],
  ['a limit is gone', async (keys) => keys.call('HDEL', 'H', 'api'), ['stray-limit, repair']],
  [
    'a queue counts too many',
    async (keys) => keys.call('HINCRBY', await keys.first('q', 3), 'p', '7'),
    ['queue-counts, repair'],
  ],
  [
    'a queue counts nothing',
    async (keys) => keys.call('HDEL', await keys.first('q', 3), 'p', 'b', 'r', 's', 'f', 'L', 'N'),
    ['queue-counts, repair'],
  ],
  [
    'an order of arrival is gone',
    async (keys) => keys.call('SET', 'A0', Buffer.alloc(160)),
    ['lost-place, operator', 'queue-counts, repair'],
    ['lost-place, operator'],
  ],
]

for (const [what, spoil, found, left = []] of PLANTS) {
  test(`${what}: ${found.join(' and ')}`, async () => {
    await using home = await openHome()
    const looks = await planted(home, (made) => withKeys(home.namespace, (keys) => spoil(keys, made)))
    expect(looks.before).toEqual([])
    expect(codesOf(looks.found)).toEqual(found)
    expect(codesOf(looks.after)).toEqual(left)
  })
}

test('who waits for what has ended is told by a repair', async () => {
  await using home = await openHome()
  const { found, after } = await planted(home, ({ running }) =>
    withKeys(home.namespace, async (keys) => {
      // as if it had ended without a word
      const rec = (await keys.call('GET', task('t', running))) as Buffer
      rec.writeUInt16BE(rec.readUInt16BE(1) & ~128, 1)
      await keys.call('SET', task('t', running), rec)
    }),
  )
  expect(codesOf(found)).toEqual(['orphaned-edge, repair'])
  expect(after).toEqual([])
})

test('how the server is set, and what it hides, is said', async () => {
  await using server = await startRedis({ args: ['--maxclients', '40', '--replica-read-only', 'no'] })
  const admin = await createClient({ url: server.url }).connect()
  const store = new RedisStore({ url: server.url, unsafe: true, onWarning: () => undefined })
  await store.open()
  const engine = async (): Promise<readonly string[]> =>
    (await auditOf(store)).map(({ code, subject }) => `${code} ${subject}`).toSorted()
  expect(await engine()).toEqual(['engine-settings replica-read-only'])
  await admin.sendCommand([
    'CONFIG',
    'SET',
    'replica-read-only',
    'yes',
    'appendfsync',
    'no',
    'appendonly',
    'no',
  ])
  await admin.sendCommand(['CONFIG', 'SET', 'maxmemory-policy', 'allkeys-lru', 'maxmemory', '100mb'])
  expect(await engine()).toEqual([
    'engine-durability appendfsync',
    'engine-durability appendonly',
    'engine-settings maxmemory-policy',
  ])
  await admin.sendCommand(['CONFIG', 'SET', 'maxmemory-policy', 'noeviction', 'maxmemory', '1mb'])
  expect(await engine()).toContain('engine-pressure maxmemory')
  await admin.sendCommand(['ACL', 'SETUSER', 'default', '-info', '-config', '-scan'])
  const unseen = new Set<string>()
  let cursor: string | null = null
  do {
    const page = await store.audit({ cursor, limit: 1_000, repair: false })
    for (const what of page.unseen) unseen.add(what.slice(0, 30))
    cursor = page.next
  } while (cursor !== null)
  expect([...unseen]).toEqual([
    'Redis does not allow INFO: nob',
    'Redis does not allow CONFIG GE',
    'Redis does not allow SCAN: it ',
  ])
  await store.close()
  admin.destroy()
})

test('a store at work finds nothing, however often it looks', async () => {
  await using home = await openHome()
  const { looks, tasks, found, examination } = await looksUnderLoad(
    () => new RedisStore({ url: serverUrl(), namespace: home.namespace }),
    5,
  )
  expect({ found, findings: examination.findings }).toEqual({ found: [], findings: [] })
  expect(looks).toBeGreaterThanOrEqual(5)
  expect(tasks).toBeGreaterThan(100)
}, 60_000)
