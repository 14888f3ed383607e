/**
 * On a cluster of three masters, by cluster clients of users: a script that needed keys of two slots would be refused, and
 * no case of the conformance suite makes one. While the slot of a home is moved nothing is done by halves.
 */
import { createCluster } from '@redis/client'
import { Cluster } from 'ioredis'
import { conformanceCases } from '@millrace/core/conformance'
import { StoreError } from '@millrace/core'
import { afterAll, afterEach, beforeAll, describe, expect, test, vi } from 'vitest'
import { demand, exchange, group, groups, session, spec, succeeded } from '../../sqlite/test/specs.ts'
import { flush } from '../../../test/servers/redis.ts'
import { startRedisCluster, type RedisCluster } from '../../../test/servers/redis-cluster.ts'
import { RedisStore, type RedisClient } from '../src/index.ts'
import type { TaskId } from '@millrace/core/store'

/** They use each script. */
const AREAS: ReadonlySet<string> = new Set([
  'enqueue',
  'dependencies',
  'gates',
  'claims',
  'leases',
  'reclaim',
  'filters',
  'retention',
  'lists',
  'watch',
])

let cluster: RedisCluster
let homes = 0
beforeAll(async () => void (cluster = await startRedisCluster()), 60_000)
afterAll(() => cluster[Symbol.asyncDispose]())

interface Owned {
  readonly client: RedisClient
  close(): void
}

const libraries: Readonly<Record<string, () => Promise<Owned>>> = {
  async 'node-redis'() {
    const client = createCluster({ rootNodes: cluster.nodes.map(({ url }) => ({ url })) })
    client.on('error', () => undefined)
    await client.connect()
    return { client, close: () => client.destroy() }
  },
  async ioredis() {
    const client = new Cluster(cluster.nodes.map(({ url }) => url))
    client.on('error', () => undefined)
    return { client, close: () => client.disconnect() }
  },
}

describe.each(Object.entries(libraries))('on a cluster, by %s', (_, connect) => {
  let own: Owned
  beforeAll(async () => void (own = await connect()))
  afterAll(() => own.close())

  afterEach(() => Promise.all(cluster.nodes.map(flush)))

  for (const { area, name, run } of conformanceCases.filter((one) => AREAS.has(one.area))) {
    test(`${area}: ${name}`, async () => {
      const namespace = `home-${(homes += 1)}`
      const stores: RedisStore[] = []
      const open = async (): Promise<RedisStore> => {
        const store = new RedisStore({ client: own.client, namespace })
        await store.open()
        stores.push(store)
        return store
      }
      const store = await open()
      await expect(run({ store, open, shiftClock: (ms) => store.shiftClock(ms) })).resolves.toBe(undefined)
      await Promise.all(stores.map((one) => one.close()))
    })
  }

  test('settings by which tasks could be lost are refused there, too', async () => {
    const set = async (policy: string): Promise<void> => {
      for (const node of cluster.nodes.keys()) {
        await cluster.ask(node, 'CONFIG', 'SET', 'maxmemory-policy', policy)
      }
    }
    await set('allkeys-lru')
    await expect(new RedisStore({ client: own.client, namespace: 'evicted' }).open()).rejects.toThrow(
      /evicts data/,
    )
    await set('noeviction')
  })

  test('while the slot of a home is moved nothing is done, and afterwards it goes on at the other node', async () => {
    const namespace = `moved-${(homes += 1)}`
    const store = new RedisStore({ client: own.client, namespace, timeoutMs: 1_000 })
    await store.open()
    const mine = session()
    await store.openSession(mine)
    const move = await moveOf(`{mr:${namespace}}m`)
    const before = groups(50)
    await store.add({ groups: before, again: false })
    await move.begin()
    const ids = before.map(({ tasks }) => tasks[0]!.id)
    await move.keys(3)
    const late = [group(spec())]
    const claim = exchange(mine.session, { demand: demand(100) })
    // ioredis tries again by itself, until the store gives it up
    const effect: unknown = expect.stringMatching(/^(none|unknown)$/)
    const refused = { code: 'store-unavailable', effect }
    await expect(store.add({ groups: late, again: false })).rejects.toMatchObject(refused)
    await expect(store.exchange(claim)).rejects.toMatchObject(refused)
    // and nobody makes another home of this name at the other node
    await expect(new RedisStore({ client: own.client, namespace }).open()).rejects.toMatchObject(refused)
    await move.keys(Infinity)
    await move.end()
    await persist(() => store.add({ groups: late, again: true }))
    const { claims } = await persist(() => store.exchange({ ...claim, again: true }))
    const all: readonly TaskId[] = [...ids, late[0]!.tasks[0]!.id]
    expect(claims.map(({ id }) => id).toSorted()).toEqual(all.toSorted())
    const { verdicts } = await store.exchange(exchange(mine.session, { settlements: claims.map(succeeded) }))
    expect(new Set(verdicts)).toEqual(new Set(['applied']))
    await store.close()
  }, 30_000)
})

test('a connection of its own to a node that has not the slot says what is needed', async () => {
  const { node } = await cluster.ownerOf('{mr:alone}m')
  const { url } = cluster.nodes[(node + 1) % 3]!
  await expect(new RedisStore({ url, namespace: 'alone' }).open()).rejects.toMatchObject({
    code: 'store-unavailable',
    hint: expect.stringMatching(/createCluster/) as unknown,
  })
})

/** The slot of a key, moved by hand to the next node. */
async function moveOf(key: string): Promise<{
  begin(): Promise<void>
  keys(most: number): Promise<void>
  end(): Promise<void>
}> {
  const { slot, node: from } = await cluster.ownerOf(key)
  const to = (from + 1) % 3
  const [source, target] = [await idOf(from), await idOf(to)]
  const { port } = cluster.nodes[to]!.server
  return {
    async begin() {
      await cluster.ask(to, 'CLUSTER', 'SETSLOT', slot, 'IMPORTING', source)
      await cluster.ask(from, 'CLUSTER', 'SETSLOT', slot, 'MIGRATING', target)
    },
    async keys(most) {
      for (let moved = 0; moved < most; moved++) {
        const [, name] = /\r\n\$\d+\r\n([^]+)\r\n$/.exec(
          await cluster.ask(from, 'CLUSTER', 'GETKEYSINSLOT', slot, 1),
        ) ?? [undefined, undefined]
        if (name === undefined) return
        await cluster.ask(from, 'MIGRATE', '127.0.0.1', port, quoted(name), 0, 5_000)
      }
    },
    async end() {
      for (const node of [to, from, (to + 1) % 3]) {
        await cluster.ask(node, 'CLUSTER', 'SETSLOT', slot, 'NODE', target)
      }
    },
  }
}

/** Keys have bytes of all kinds. */
function quoted(key: string): string {
  return `"${key.replaceAll(/[^a-zA-Z0-9{}:-]/g, (byte) => `\\x${byte.charCodeAt(0).toString(16).padStart(2, '0')}`)}"`
}

async function idOf(node: number): Promise<string> {
  return /[0-9a-f]{40}/.exec(await cluster.ask(node, 'CLUSTER', 'MYID'))![0]
}

/** Tries again as long as the store says that it may work then, as core does. */
async function persist<T>(act: () => Promise<T>): Promise<T> {
  const tried = async (): Promise<readonly [T]> => {
    try {
      return [await act()]
    } catch (error) {
      if (error instanceof StoreError && error.effect !== 'final') throw error
      throw new Error('it will never work', { cause: error })
    }
  }
  return (await vi.waitFor(tried, { timeout: 15_000, interval: 20 }))[0]
}
