/** What an audit finds where something was made wrong behind the store's back, and what a repair leaves. */
import { DatabaseSync } from 'node:sqlite'
import { expect, test } from 'vitest'
import { looksUnderLoad } from '../../../test/examination/load.ts'
import { auditOf, codesOf, planted, type Planted } from '../../../test/examination/plants.ts'
import { SqliteStore } from '../src/index.ts'
import { openHome } from './home.ts'

/** What is made wrong, and what is found then; each in a home of its own with some tasks of every kind. */
/** By what SQL; what is found; what is left after a repair. */
const PLANTS: readonly (readonly [sql: string, found: readonly string[], left?: readonly string[]])[] = [
  [
    "DELETE FROM ready WHERE seq = (SELECT seq FROM tasks WHERE unique_key = 'living')",
    ['lost-place, repair'],
  ],
  ['DELETE FROM later', ['lost-place, repair']],
  ['INSERT INTO later SELECT queue, route, ord, seq FROM ready LIMIT 1', ['lost-place, repair']],
  [
    'INSERT INTO ready SELECT queue, route, level, partition, lane, ord + 1, seq + 1000 FROM ready LIMIT 1',
    ['stray-place, repair'],
  ],
  ['INSERT INTO later SELECT queue, route, run_at, seq FROM tasks WHERE state = 4', ['stray-place, repair']],
  [
    'UPDATE series SET seq = seq + 1000 WHERE place = 1',
    ['lost-place, operator', 'stray-place, repair'],
    ['lost-place, operator'],
  ],
  ['INSERT INTO series VALUES (9999, 9, 9, 1)', ['stray-place, repair']],
  ['DELETE FROM payloads', ['lost-payload, operator'], ['lost-payload, operator']],
  ["INSERT INTO payloads VALUES (4000000, 'x')", ['stray-payload, repair']],
  ["INSERT INTO notes VALUES (4000000, 0.5, NULL, '[]')", ['stray-payload, repair']],
  ['INSERT INTO edges VALUES (4000000, 1, 4000001, 0)', ['stray-edge, repair']],
  ['INSERT INTO edges SELECT seq, 0, seq, 0 FROM tasks WHERE state = 4', ['stray-edge, repair']],
  [
    'UPDATE tasks SET blockers = blockers + 1 WHERE state = 0',
    ['wait-count, operator'],
    ['wait-count, operator'],
  ],
  ['DELETE FROM edges', ['wait-count, operator'], ['wait-count, operator']],
  ['DELETE FROM gates', ['orphaned-edge, operator'], ['orphaned-edge, operator']],
  [
    'INSERT INTO running SELECT seq, queue, 1, 1, 1, 1, 0, 200, 0, 0, 0, NULL, NULL, NULL, NULL, NULL, NULL FROM tasks WHERE state = 4',
    ['stray-claim, repair'],
  ],
  ["INSERT INTO usages(limit_key, name, used) VALUES (4000, 'x', 3)", ['stray-limit, repair']],
  ['UPDATE usages SET used = used + 2', ['limit-count, repair'], ['limit-count, repair']],
  ['UPDATE volumes SET count = count + 3', ['queue-counts, repair']],
  ['DELETE FROM volumes', ['queue-counts, repair']],
  [
    "UPDATE tasks SET unique_key = 'waits', key_terms = 'w waits' WHERE seq = (SELECT seq FROM running)",
    ['stray-key, repair'],
  ],
]

for (const [sql, found, after = []] of PLANTS) {
  test(`${sql} is ${found.join(' and ')}`, async () => {
    await using home = await openHome()
    const looks = await planted(home, async () => {
      using database = new DatabaseSync(home.path, { timeout: 10_000 })
      database.exec(sql)
    })
    expect(looks.before).toEqual([])
    expect(codesOf(looks.found)).toEqual(found)
    expect(codesOf(looks.after)).toEqual(after)
  })
}

test('who waits for what has ended is told after a repair', async () => {
  await using home = await openHome()
  const { found, after }: Planted = await planted(home, async () => {
    using database = new DatabaseSync(home.path, { timeout: 10_000 })
    database.exec('UPDATE edges SET parent = (SELECT seq FROM tasks WHERE state = 4)')
  })
  expect(found).toContainEqual(expect.objectContaining({ code: 'orphaned-edge', remedy: 'repair' }))
  expect(after).toEqual([])
  while ((await home.store.deliver({ tasksMax: 100 })).more);
  const [queue] = (await home.store.queues()).filter((one) => one.queue === 'blocked')
  expect(queue!.counts).toMatchObject({ blocked: 0 })
  expect(await auditOf(home.store)).toEqual([])
})

test('what the engine lacks is said', async () => {
  await using home = await openHome()
  using database = new DatabaseSync(home.path, { timeout: 10_000 })
  database.exec('DROP INDEX locks_end; DROP TRIGGER lanes_deleted')
  expect(await auditOf(home.store)).toMatchObject([
    { code: 'engine-schema', subject: 'lanes_deleted', remedy: 'operator' },
    { code: 'engine-schema', subject: 'locks_end', remedy: 'operator' },
  ])
})

test('an index that does not fit its table is damage', async () => {
  await using home = await openHome()
  await planted(home, async () => undefined)
  using database = new DatabaseSync(home.path, { timeout: 10_000 })
  database.enableDefensive(false)
  database.exec(`PRAGMA writable_schema = ON;
    UPDATE sqlite_schema SET sql = replace(sql, 'held = 1 AND', '') WHERE name = 'tasks_held'`)
  // one that has read the schema already goes on with it
  const found = await auditOf(await home.open())
  expect(codesOf(found)).toEqual(['engine-damage, operator', 'engine-schema, operator'])
})

test('a store at work finds nothing, however often it looks', async () => {
  await using home = await openHome()
  const { looks, tasks, found, examination } = await looksUnderLoad(
    () => new SqliteStore({ path: home.path }),
    5,
  )
  expect({ found, findings: examination.findings }).toEqual({ found: [], findings: [] })
  expect(looks).toBeGreaterThanOrEqual(5)
  expect(tasks).toBeGreaterThan(100)
}, 60_000)
