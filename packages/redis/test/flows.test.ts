import { expect, test } from 'vitest'
import { checkFans } from '../../core/test/client/fans.ts'
import { openHome, useServer } from './home.ts'

useServer()

test('fans of ten thousand', async () => {
  await using home = await openHome()
  expect(await checkFans(home.store)).toBe(undefined)
}, 120_000)
