import { expect, test } from 'vitest'
import { compareWithMemory } from '../../core/test/store/model.ts'
import { openHome, withServer } from './home.ts'

withServer()

test('random lives are the same on the Postgres store as on the memory store', async () => {
  await expect(compareWithMemory(openHome, { runs: 60 })).resolves.toBe(undefined)
}, 120_000)
