import { expect, test } from 'vitest'
import { compareWithMemory } from '../../core/test/store/model.ts'
import { openHome } from './home.ts'

test('random lives are the same on the SQLite store as on the memory store', async () => {
  expect(await compareWithMemory(openHome, { runs: 60 })).toBe(undefined)
}, 120_000)
