import { createClient, RESP_TYPES } from '@redis/client'
import { expect, test } from 'vitest'
import { examinedAfter, LEAK } from '../../../test/examination/shop.ts'
import { RedisStore } from '../src/index.ts'
import { openHome, serverUrl, useServer } from './home.ts'

useServer()

/** What is used is the first four bytes of what is kept of a key. */
async function leak(namespace: string): Promise<void> {
  const client = await createClient({ url: serverUrl() })
    .withTypeMapping({ [RESP_TYPES.BLOB_STRING]: Buffer })
    .connect()
  const names = await client.keys('*Fapi')
  const key = names.map(String).find((name) => name.includes(namespace))!
  const usage = Buffer.from((await client.hGet(key, 'acme')) as unknown as Buffer)
  usage.writeUInt32BE(usage.readUInt32BE(0) + 2, 0)
  await client.hSet(key, 'acme', usage)
  client.destroy()
}

test('slots that leaked are found, and given back on request', async () => {
  await using home = await openHome()
  const { before, reported, repaired, after } = await examinedAfter(
    () => new RedisStore({ url: serverUrl(), namespace: home.namespace }),
    () => leak(home.namespace),
  )
  expect({ before, reported, repaired, after }).toEqual({
    before: [],
    reported: [{ ...LEAK, outcome: 'reported' }],
    repaired: [{ ...LEAK, outcome: 'repaired' }],
    after: [],
  })
})
