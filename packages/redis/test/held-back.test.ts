/** What is held back is passed over by its group: an exchange reads as many keys with much of it in front as with little. */
import { createClient } from '@redis/client'
import { expect, test } from 'vitest'
import { demand, exchange, groups, session, spec, group } from '../../sqlite/test/specs.ts'
import { openHome, serverUrl, useServer } from './home.ts'
import type { Lane, TaskSpec } from '@millrace/core/store'

useServer()

function under(key: string): Partial<TaskSpec> {
  const lane: Lane = {
    partition: null,
    fifo: false,
    limits: [{ name: 'api', key, cost: 1 }],
    prefers: [],
    spillMs: 0,
  }
  return { lane }
}

const crowds: Readonly<Record<string, (n: number) => Partial<TaskSpec>>> = {
  'of a type that nobody here handles': () => ({ type: 'unknown' }),
  'that is held': () => ({ held: true }),
  'that is due later': () => ({ due: { inMs: 3_600_000 } }),
  'under a full key': () => under('full'),
  'under twenty full keys': (n) => under(`full${n % 20}`),
}

/** How many keys of Redis an exchange looks up that claims ten, behind so many tasks. */
async function readBehind(crowd: (n: number) => Partial<TaskSpec>, size: number): Promise<number> {
  await using home = await openHome()
  const { store } = home
  await store.configureLimit({
    nonce: '0123456789abcdef',
    name: 'api',
    version: null,
    allowance: { concurrency: 0, rate: null },
    shutMs: null,
    by: 'user',
  })
  for (let from = 0; from < size; from += 1_000) {
    const tasks = Array.from({ length: Math.min(1_000, size - from) }, (_, n) => group(spec(crowd(n))))
    await store.add({ groups: tasks, again: false })
  }
  await store.add({ groups: groups(30), again: false })
  const { session: id } = session()
  await store.openSession(session({ session: id }))
  const claim = (): Promise<number> =>
    store.exchange(exchange(id, { demand: demand(10) })).then(({ claims }) => claims.length)
  expect(await claim()).toBe(10) // the first one loads scripts, and moves what has fallen due
  const client = await createClient({ url: serverUrl() }).connect()
  const lookups = async (): Promise<number> => {
    const stats = await client.info('stats')
    const of = (name: string): number => Number(new RegExp(`${name}:(\\d+)`).exec(stats)![1])
    return of('keyspace_hits') + of('keyspace_misses')
  }
  const before = await lookups()
  expect(await claim()).toBe(10)
  const read = (await lookups()) - before
  client.destroy()
  return read
}

test.each(Object.entries(crowds))('a crowd %s costs no look at each', async (_, crowd) => {
  const few = await readBehind(crowd, 100)
  const many = await readBehind(crowd, 10_000)
  expect(few).toBeGreaterThan(10)
  expect(many).toBeLessThanOrEqual(few + 5)
})
