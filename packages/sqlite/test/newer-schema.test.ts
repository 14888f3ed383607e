/** A file that a newer Millrace has migrated, and what it may have added. */
import { DatabaseSync } from 'node:sqlite'
import { describe, expect, test } from 'vitest'
import { conformanceCases } from '@millrace/core/conformance'
import { SqliteStore } from '../src/index.ts'
import { Database } from '../src/database.ts'
import { migrate } from '../src/migrate.ts'
import { migrationScript, MIGRATIONS } from '../src/migrations.ts'
import { openHome } from './home.ts'

/** The areas whose statements each worker and producer uses all the time. */
const HOT: ReadonlySet<string> = new Set(['enqueue', 'claims', 'settle', 'repeats', 'reclaim'])

/** What version 2 may have: nothing is taken away. */
const ADDED = `
ALTER TABLE tasks ADD COLUMN region TEXT;
ALTER TABLE tasks ADD COLUMN load INTEGER NOT NULL DEFAULT 1;
ALTER TABLE running ADD COLUMN region TEXT;
ALTER TABLE sessions ADD COLUMN region TEXT;
CREATE INDEX tasks_region ON tasks(region) WHERE region IS NOT NULL;
CREATE TABLE regions(name TEXT PRIMARY KEY) STRICT;`

/** Migrates as the next version would. */
async function newer(path: string, oldest = 1): Promise<void> {
  const file = new DatabaseSync(path)
  file.exec(migrationScript(0))
  file.close()
  const database = new Database(path, { readOnly: false })
  migrate(database, path, [...MIGRATIONS, { oldest, script: ADDED }])
  database.close()
  return Promise.resolve()
}

describe('on the file of the version after this one', () => {
  for (const { area, name, run } of conformanceCases.filter((one) => HOT.has(one.area))) {
    test(`${area}: ${name}`, async () => {
      await using home = await openHome(newer)
      await expect(run(home)).resolves.toBe(undefined)
    })
  }
})

test('a file for newer code only is refused', async () => {
  await expect(openHome((path) => newer(path, 2))).rejects.toMatchObject({
    code: 'store-schema',
    effect: 'final',
    message: expect.stringMatching(/schema 2, for code that knows schema 2/) as unknown,
  })
})

test('the newer file is left as it is by this code', async () => {
  let file = ''
  await using home = await openHome(async (path) => newer((file = path)))
  expect(await home.store.queues()).toEqual([])
  const store = new SqliteStore({ path: file, migrate: true })
  await store.open()
  await store.close()
  const database = new DatabaseSync(file)
  expect(database.prepare('PRAGMA user_version').get()).toEqual({ user_version: 2 })
  database.close()
})
