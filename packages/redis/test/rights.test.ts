/** The rights that the README names are enough for the hot cases of the conformance suite, and are needed. */
import { readFileSync } from 'node:fs'
import { createClient } from '@redis/client'
import { conformanceCases, type Bench } from '@millrace/core/conformance'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { startRedis, type RedisServer } from '../../../test/servers/redis.ts'
import { RedisStore, type RedisStoreOptions } from '../src/index.ts'

/** They use each script, and each command of the scripts. */
const AREAS: ReadonlySet<string> = new Set([
  'enqueue',
  'gates',
  'claims',
  'partitions',
  'limits',
  'series',
  'leases',
  'reclaim',
  'retention',
  'lists',
  'schedules',
  'locks',
  'budgets',
  'due-by',
  'watch',
])

const readme = readFileSync(new URL('../README.md', import.meta.url), 'utf8')
const RECIPE = /^ACL SETUSER .*$/m.exec(readme)![0]

let server: RedisServer
let homes = 0
beforeAll(async () => void (server = await startRedis()))
afterAll(() => server.server.stop())

async function redis(...args: readonly string[]): Promise<void> {
  const client = await createClient({ url: server.url }).connect()
  await client.sendCommand(args)
  client.destroy()
}

interface Home extends Bench, AsyncDisposable {
  readonly store: RedisStore
}

async function openHome(recipe: string, changes: Pick<RedisStoreOptions, 'onWarning'> = {}): Promise<Home> {
  const namespace = `guarded-${(homes += 1)}`
  await redis(...recipe.replaceAll('NAMESPACE', namespace).replace('PASSWORD', 'secret').split(' '))
  const url = server.url.replace('//', '//millrace:secret@')
  const stores: RedisStore[] = []
  const open = async (): Promise<RedisStore> => {
    const store = new RedisStore({ url, namespace, ...changes })
    await store.open()
    stores.push(store)
    return store
  }
  const store = await open()
  return {
    store,
    open,
    shiftClock: (ms) => store.shiftClock(ms),
    async [Symbol.asyncDispose]() {
      await Promise.all(stores.map((one) => one.close()))
    },
  }
}

test('the page of the documentation names the same rights', () => {
  const page = readFileSync(new URL('../../../docs/redis.md', import.meta.url), 'utf8')
  expect(page.split('\n')).toContain(RECIPE)
})

describe('with the rights of the README', () => {
  for (const { area, name, run } of conformanceCases.filter((one) => AREAS.has(one.area))) {
    test(`${area}: ${name}`, async () => {
      await using home = await openHome(RECIPE)
      await expect(run(home)).resolves.toBe(undefined)
    })
  }

  test('a store without a look at the settings says so, and works', async () => {
    const warnings: string[] = []
    const recipe = RECIPE.replace('+info ', '').replace('+config|get ', '')
    await using home = await openHome(recipe, { onWarning: (message) => void warnings.push(message) })
    expect(await home.store.queues()).toEqual([])
    expect(warnings).toEqual([expect.stringContaining('does not allow INFO')])
  })

  test('another namespace is out of reach', async () => {
    await using _home = await openHome(RECIPE)
    const url = server.url.replace('//', '//millrace:secret@')
    await expect(new RedisStore({ url, namespace: 'elsewhere' }).open()).rejects.toMatchObject({
      code: 'store-unavailable',
      effect: 'final',
    })
  })
})
