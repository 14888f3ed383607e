import { expect, test } from 'vitest'
import { examinedAfter, LEAK } from '../../../test/examination/shop.ts'
import { PostgresStore } from '../src/index.ts'
import { openHome, serverOf, sql, withServer } from './home.ts'

withServer()

test('slots that leaked are found, and given back on request', async () => {
  await using home = await openHome()
  const { before, reported, repaired, after } = await examinedAfter(
    () => new PostgresStore({ url: serverOf().url, schema: home.schema }),
    async () => void (await sql(`UPDATE "${home.schema}".limit_keys SET used = used + 2 WHERE key = 'acme'`)),
  )
  expect({ before, reported, repaired, after }).toEqual({
    before: [],
    reported: [{ ...LEAK, outcome: 'reported' }],
    repaired: [{ ...LEAK, outcome: 'repaired' }],
    after: [],
  })
})
