/** A short run of what `front-kills.ts` does for longer. */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { proveFront } from '../src/fronts/proof.ts'

let folder: string
beforeAll(() => void (folder = mkdtempSync(join(tmpdir(), 'millrace-fronts-'))))
afterAll(() => rmSync(folder, { recursive: true }))

test('a server that is killed under load loses nothing, doubles nothing, and no caller hears of it', async () => {
  const store = `sqlite:${join(folder, 'front.db')}`
  const plan = { store, kills: 2, everyMs: [1_000, 2_000], perSecond: 200 } as const
  const { problems, errors, answered } = await proveFront(plan)
  expect({ problems, errors }).toEqual({ problems: [], errors: [] })
  expect(answered.grpc).toBeGreaterThan(100)
  expect(answered.rest).toBeGreaterThan(10)
}, 120_000)
