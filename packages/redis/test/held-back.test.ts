/** What is held back is passed over by its group: an exchange reads as many keys with much of it in front as with little. */
import { createClient } from '@redis/client'
import { expect, test } from 'vitest'
import { claimsBehind, crowds } from '../../sqlite/test/crowds.ts'
import { openHome, serverUrl, useServer } from './home.ts'

useServer()

/** How many keys of Redis an exchange looks up that claims ten, behind so many tasks. */
async function readBehind(crowd: (typeof crowds)[number][1], size: number): Promise<number> {
  await using home = await openHome()
  const claim = await claimsBehind(home.store, crowd, size)
  await claim() // the first one loads scripts, and moves what has fallen due
  const client = await createClient({ url: serverUrl() }).connect()
  const lookups = async (): Promise<number> => {
    const stats = await client.info('stats')
    const of = (name: string): number => Number(new RegExp(`${name}:(\\d+)`).exec(stats)![1])
    return of('keyspace_hits') + of('keyspace_misses')
  }
  const before = await lookups()
  await claim()
  const read = (await lookups()) - before
  client.destroy()
  return read
}

test.each(crowds)('a crowd %s costs no look at each', async (_, crowd) => {
  const few = await readBehind(crowd, 100)
  const many = await readBehind(crowd, 10_000)
  expect(few).toBeGreaterThan(10)
  expect(many).toBeLessThanOrEqual(few + 5)
})
