/** What an audit finds where something was made wrong behind the store's back, and what a repair leaves. */
import pg from 'pg'
import { expect, test } from 'vitest'
import { startPostgres } from '../../../test/servers/postgres.ts'
import { looksUnderLoad } from '../../../test/examination/load.ts'
import { auditOf, codesOf, planted } from '../../../test/examination/plants.ts'
import { PostgresStore } from '../src/index.ts'
import { homesOn, openHome, serverOf, sql, withServer } from './home.ts'

withServer()

/** By what SQL; what is found; what is left after a repair. */
const PLANTS: readonly (readonly [sql: string, found: readonly string[], left?: readonly string[]])[] = [
  ["UPDATE home.live SET place = 0 WHERE unique_key = 'living'", ['lost-place, repair']],
  ['UPDATE home.live SET place = 0 WHERE flags & 32 > 0', ['lost-place, repair']],
  ["UPDATE home.live SET ord = 1 WHERE unique_key = 'living'", ['lost-place, repair']],
  ['UPDATE home.live SET place = 1 WHERE state = 0', ['stray-place, repair']],
  ['UPDATE home.live SET place = 2 WHERE flags & 2 > 0', ['stray-place, repair']],
  ['UPDATE home.live SET place = 1 WHERE flags & 32 > 0', ['stray-place, repair']],
  ['UPDATE home.live SET expires_at = 1 WHERE state = 2', ['stray-place, repair']],
  // what is in nobody's claims is not counted either
  ['DELETE FROM home.claims', ['limit-count, repair', 'lost-claim, repair']],
  ["UPDATE home.live SET unique_key = 'held' WHERE flags & 128 > 0 AND state = 2", ['stray-key, repair']],
  ['INSERT INTO home.claims VALUES (4000, 1, ARRAY[gen_random_uuid()])', ['stray-claim, repair']],
  ['INSERT INTO home.edges SELECT id, id, 0, false FROM home.final', ['stray-edge, repair']],
  [
    'UPDATE home.live SET blockers = blockers + 1 WHERE state = 0',
    ['wait-count, operator'],
    ['wait-count, operator'],
  ],
  ['DELETE FROM home.edges', ['wait-count, operator'], ['wait-count, operator']],
  ['DELETE FROM home.gates', ['orphaned-edge, operator'], ['orphaned-edge, operator']],
  ['UPDATE home.live SET flags = flags & ~4', ['orphaned-edge, repair']],
  [
    'UPDATE home.edges SET parent = gen_random_uuid()',
    ['orphaned-edge, operator'],
    ['orphaned-edge, operator'],
  ],
  ["INSERT INTO home.limit_keys(name, key, used) VALUES ('gone', 'x', 3)", ['stray-limit, repair']],
  ['UPDATE home.limit_keys SET used = used + 2', ['limit-count, repair'], ['limit-count, repair']],
  ['INSERT INTO home.volumes SELECT key, 4, 3, 300 FROM home.queues', ['queue-counts, repair']],
  ['DELETE FROM home.volumes', ['queue-counts, repair']],
  ['DROP INDEX home.locks_end', ['engine-schema, operator'], ['engine-schema, operator']],
  [
    "UPDATE pg_index SET indisvalid = false WHERE indexrelid = 'home.live_gate'::regclass",
    ['engine-schema, operator'],
    ['engine-schema, operator'],
  ],
  [
    'ALTER TABLE home.live SET (autovacuum_enabled = false)',
    ['engine-settings, operator'],
    ['engine-settings, operator'],
  ],
  ['DROP FUNCTION home.succeed_within', ['engine-schema, operator'], ['engine-schema, operator']],
]

for (const [script, found, after = []] of PLANTS) {
  test(`${script} is ${found.join(' and ')}`, async () => {
    // other tests are not to find tables that were changed here
    await using home = await homesOn({})()
    const run = (text: string): Promise<unknown> => sql(text.replaceAll('home.', `${home.schema}.`))
    const looks = await planted(home, async () => void (await run(script)))
    expect(looks.before).toEqual([])
    expect(codesOf(looks.found)).toEqual(found)
    expect(codesOf(looks.after)).toEqual(after)
  })
}

test('who waits for what has ended is told after a repair', async () => {
  await using home = await openHome()
  const { found, after } = await planted(home, async ({ succeeded }) => {
    await sql(`UPDATE ${home.schema}.edges SET parent = '${succeeded}'`)
  })
  expect(codesOf(found)).toEqual(['orphaned-edge, repair'])
  expect(after).toEqual([])
  while ((await home.store.deliver({ tasksMax: 100 })).more);
  const [queue] = (await home.store.queues()).filter((one) => one.queue === 'blocked')
  expect(queue!.counts).toMatchObject({ blocked: 0 })
  expect(await auditOf(home.store)).toEqual([])
})

test('a store at work finds nothing, however often it looks', async () => {
  await using home = await openHome()
  const { looks, tasks, found, examination } = await looksUnderLoad(
    () => new PostgresStore({ url: serverOf().url, schema: home.schema }),
    5,
  )
  expect({ found, findings: examination.findings }).toEqual({ found: [], findings: [] })
  expect(looks).toBeGreaterThanOrEqual(5)
  expect(tasks).toBeGreaterThan(100)
}, 60_000)

test('how the server is set, what room it has, and what it hides, is said', async () => {
  const settings = { fsync: 'off', full_page_writes: 'off', synchronous_commit: 'off', autovacuum: 'off' }
  await using server = await startPostgres({ settings: { ...settings, max_connections: '23' } })
  const store = new PostgresStore({ url: server.url, unsafe: true })
  await store.open()
  const engine = async (of: PostgresStore): Promise<readonly string[]> =>
    (await auditOf(of)).map(({ code, subject }) => `${code} ${subject}`)
  const set = [
    'engine-durability fsync',
    'engine-durability full_page_writes',
    'engine-durability synchronous_commit',
    'engine-settings autovacuum',
  ]
  expect(await engine(store)).toEqual(set)
  const guests = Array.from({ length: 17 }, () => new pg.Client({ connectionString: server.url }))
  for (const guest of guests) await guest.connect()
  expect(await engine(store)).toEqual([...set, 'engine-pressure connections'])
  await sql(
    'CREATE ROLE guest LOGIN; GRANT ALL ON SCHEMA millrace TO guest; GRANT ALL ON ALL TABLES IN SCHEMA millrace TO guest',
    server.url,
  )
  const guest = new PostgresStore({ url: server.url.replace('millrace@', 'guest@'), unsafe: true })
  await guest.open()
  const page = await guest.audit({ cursor: null, limit: 1, repair: false })
  expect(page.unseen).toEqual([expect.stringMatching(/^Transactions of other users are hidden/)])
  await guest.close()
  for (const one of guests) await one.end()
  await store.close()
}, 60_000)
