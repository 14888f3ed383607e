import { DatabaseSync } from 'node:sqlite'
import { expect, test } from 'vitest'
import { examinedAfter, LEAK } from '../../../test/examination/shop.ts'
import { SqliteStore } from '../src/index.ts'
import { openHome } from './home.ts'

test('slots that leaked are found, and given back on request', async () => {
  await using home = await openHome()
  const { before, reported, repaired, after } = await examinedAfter(
    () => new SqliteStore({ path: home.path }),
    async () => {
      using database = new DatabaseSync(home.path, { timeout: 10_000 })
      database.exec("UPDATE usages SET used = used + 2 WHERE name = 'acme'")
    },
  )
  expect({ before, reported, repaired, after }).toEqual({
    before: [],
    reported: [{ ...LEAK, outcome: 'reported' }],
    repaired: [{ ...LEAK, outcome: 'repaired' }],
    after: [],
  })
})
