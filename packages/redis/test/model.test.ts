import { expect, test } from 'vitest'
import { compareWithMemory } from '../../core/test/store/model.ts'
import { openHome, useServer } from './home.ts'

useServer()

test('random lives are the same on the Redis store as on the memory store', async () => {
  expect(await compareWithMemory(openHome, { runs: 60 })).toBe(undefined)
}, 120_000)
