import { expect, test } from 'vitest'
import { checkGraphs } from '@millrace/core/model'
import { compareWithMemory } from '../../core/test/store/model.ts'
import { openHome } from './home.ts'
import type { ModelHome } from '@millrace/core/model'

/** With a budget what is live is counted as it comes and goes, and not when somebody asks. */
async function homeWithBudget(): Promise<ModelHome> {
  const home = await openHome()
  const budget = { tasks: 1, bytes: null, quota: null }
  await home.store.configureBudget({ scope: { kind: 'queue', name: 'any' }, budget })
  return home
}

test('random lives are the same on the SQLite store as on the memory store', async () => {
  expect(await compareWithMemory(openHome, { runs: 60 })).toBe(undefined)
}, 120_000)

test('random lives are counted the same while there is a budget', async () => {
  expect(await compareWithMemory(homeWithBudget, { runs: 30 })).toBe(undefined)
}, 120_000)

test('300 random graphs come to rest, and each end follows from those of its parents', async () => {
  await using home = await openHome()
  expect(await checkGraphs(home, { runs: 300 })).toBe(undefined)
}, 120_000)
