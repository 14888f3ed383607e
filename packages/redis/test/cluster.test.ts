/** A server of a cluster refuses scripts that need keys of two slots: no case of the conformance suite makes one. */
import { createClient } from '@redis/client'
import { conformanceCases } from '@millrace/core/conformance'
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest'
import { startRedis, type RedisServer } from '../../../test/servers/redis.ts'
import { RedisStore } from '../src/index.ts'

/** They use each script. */
const AREAS: ReadonlySet<string> = new Set([
  'enqueue',
  'dependencies',
  'gates',
  'leases',
  'reclaim',
  'filters',
  'retention',
  'lists',
])

let server: RedisServer
let homes = 0
beforeAll(async () => {
  server = await startRedis({ args: ['--cluster-enabled', 'yes'] })
  const client = await createClient({ url: server.url }).connect()
  await client.sendCommand(['CLUSTER', 'ADDSLOTSRANGE', '0', '16383'])
  const ready = async (): Promise<void> => {
    const state: unknown = await client.sendCommand(['CLUSTER', 'INFO'])
    if (!JSON.stringify(state).includes('cluster_state:ok')) throw new Error('The cluster is not ready.')
  }
  await vi.waitFor(ready, { timeout: 15_000 })
  client.destroy()
})
afterAll(() => server.server.stop())

describe('on a server of a cluster', () => {
  for (const { area, name, run } of conformanceCases.filter((one) => AREAS.has(one.area))) {
    test(`${area}: ${name}`, async () => {
      const namespace = `home-${(homes += 1)}`
      const stores: RedisStore[] = []
      const open = async (): Promise<RedisStore> => {
        const store = new RedisStore({ url: server.url, namespace })
        await store.open()
        stores.push(store)
        return store
      }
      const store = await open()
      await expect(run({ store, open, shiftClock: (ms) => store.shiftClock(ms) })).resolves.toBe(undefined)
      await Promise.all(stores.map((one) => one.close()))
    })
  }
})
