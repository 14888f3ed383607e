import { expect, test } from 'vitest'
import { checkGraphs } from '@millrace/core/model'
import { compareWithMemory } from '../../core/test/store/model.ts'
import { forgetHomes, openHome, useServer, type RedisHome } from './home.ts'

useServer()

/** The only home on its server. */
async function openOnlyHome(): Promise<RedisHome> {
  await forgetHomes()
  return openHome()
}

test('random lives are the same on the Redis store as on the memory store', async () => {
  expect(await compareWithMemory(openOnlyHome, { runs: 60 })).toBe(undefined)
}, 120_000)

test('300 random graphs come to rest, and each end follows from those of its parents', async () => {
  await using home = await openHome()
  expect(await checkGraphs(home, { runs: 300 })).toBe(undefined)
}, 120_000)
