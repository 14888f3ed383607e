import { execFile } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { expect, test } from 'vitest'
import { startPostgres } from '../../test/servers/postgres.ts'
import { Place } from './tree.ts'

const path = (name: string): string => fileURLToPath(new URL(`../${name}`, import.meta.url))
const run = promisify(execFile)

test('orders and their tasks commit together in a SQLite file', async () => {
  using place = new Place()
  const { stdout } = await run(process.execPath, [path('transactions.ts')], { cwd: place.path })
  expect(stdout).toBe('order 1 is on its way\n')
})

test('orders and their tasks commit together in Postgres', async () => {
  await using server = await startPostgres()
  const env = { ...process.env, DATABASE_URL: server.url }
  const { stdout } = await run(process.execPath, [path('transactions-postgres.ts')], { env })
  expect(stdout).toBe("on its way\n[ { state: 'shipped' } ]\n")
})

test('the guide shows what these files say, line by line', () => {
  const guide = readFileSync(path('../docs/transactions.md'), 'utf8')
  const files = ['transactions.ts', 'transactions-postgres.ts'].map((name) =>
    readFileSync(path(name), 'utf8'),
  )
  const blocks = [...guide.matchAll(/```ts\n([^`]*)```/g)].map(([, block]) => block!.trim())
  expect(blocks.length).toBeGreaterThan(2)
  expect(blocks.filter((block) => !files.some((file) => file.includes(block)))).toEqual([])
})
