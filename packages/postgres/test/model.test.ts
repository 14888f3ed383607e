import { expect, test } from 'vitest'
import { checkGraphs } from '@millrace/core/model'
import { compareWithMemory } from '../../core/test/store/model.ts'
import { openHome, withServer } from './home.ts'

withServer()

test('random lives are the same on the Postgres store as on the memory store', async () => {
  expect(await compareWithMemory(openHome, { runs: 60 })).toBe(undefined)
}, 600_000)

test('300 random graphs come to rest, and each end follows from those of its parents', async () => {
  await using home = await openHome()
  expect(await checkGraphs(home, { runs: 300 })).toBe(undefined)
}, 600_000)
