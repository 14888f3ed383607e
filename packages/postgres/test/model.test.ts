import { expect, test } from 'vitest'
import { compareWithMemory } from '../../core/test/store/model.ts'
import { openHome, withServer } from './home.ts'

withServer()

test('random lives are the same on the Postgres store as on the memory store', async () => {
  expect(await compareWithMemory(openHome, { runs: 60 })).toBe(undefined)
}, 120_000)
