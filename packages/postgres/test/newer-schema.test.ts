/** A schema that a newer Millrace has migrated, and what it may have added; and migrating while tasks come and go. */
import { randomUUID } from 'node:crypto'
import pg from 'pg'
import { describe, expect, test } from 'vitest'
import { conformanceCases } from '@millrace/core/conformance'
import { Mill, defineTask, unchecked } from '@millrace/core'
import { migrationSql, PostgresMigrator, PostgresStore } from '../src/index.ts'
import { Database } from '../src/database.ts'
import { looking, migrate, rehearse } from '../src/migrate.ts'
import { migrationScript, MIGRATIONS, onlineIndex, stepsFrom, type Migration } from '../src/migrations.ts'
import { homesOn, serverOf, sql, withServer } from './home.ts'

withServer()

/** The areas whose statements each worker and producer uses all the time. */
const HOT: ReadonlySet<string> = new Set(['enqueue', 'claims', 'settle', 'repeats', 'reclaim'])

/** What version 2 may have: nothing is taken away. */
const ADDED = `
ALTER TABLE home.live ADD COLUMN region text;
ALTER TABLE home.live ADD COLUMN weight integer NOT NULL DEFAULT 1;
ALTER TABLE home.final ADD COLUMN region text, ADD COLUMN weight integer NOT NULL DEFAULT 1;
ALTER TABLE home.sessions ADD COLUMN region text;
ALTER TABLE home.claims ADD COLUMN region text NOT NULL DEFAULT 'here';
CREATE INDEX live_region ON home.live(region, run_at) WHERE place = 1;
CREATE TABLE home.regions(name text PRIMARY KEY);
UPDATE home.about SET version = 2`

async function newer(schema: string): Promise<void> {
  await sql(`${migrationSql(schema)} ${ADDED.replaceAll('home.', `${schema}.`)}`)
}

describe('on the schema of the version after this one', () => {
  const openHome = homesOn({ prepare: newer })
  for (const { area, name, run } of conformanceCases.filter((one) => HOT.has(one.area))) {
    test(`${area}: ${name}`, async () => {
      await using home = await openHome()
      await expect(run(home)).resolves.toBe(undefined)
    })
  }
})

test('a schema for newer code only is refused, and left as it is', async () => {
  const schema = `n_${randomUUID().slice(0, 8)}`
  await newer(schema)
  await sql(`UPDATE ${schema}.about SET version = 3, oldest = 2`)
  await expect(new PostgresStore({ url: serverOf().url, schema }).open()).rejects.toMatchObject({
    code: 'store-schema',
    effect: 'final',
    message: expect.stringMatching(/version 3, for code that knows version 2/) as unknown,
  })
  const migrator = new PostgresMigrator({ url: serverOf().url, schema })
  await expect(migrator.migrate()).rejects.toMatchObject({ code: 'store-schema' })
  expect(await sql(`SELECT * FROM ${schema}.about`)).toEqual([{ version: 3, oldest: 2 }])
})

/** A version 2 that takes two steps, of which one keeps nobody waiting by being no transaction. */
const SECOND: Migration = {
  oldest: 1,
  steps: [
    {
      manner: 'in a transaction',
      statements: ['ALTER TABLE home.live ADD COLUMN IF NOT EXISTS region text'],
    },
    onlineIndex('live_region', 'home.live(region, run_at) WHERE place = 1'),
  ],
}

interface Place extends AsyncDisposable {
  readonly schema: string
  migrate(...migrations: readonly Migration[]): Promise<void>
  version(): Promise<unknown>
}

/** A schema of today's, and what migrates it. */
async function placeOf(connections = 4): Promise<Place> {
  const schema = `n_${randomUUID().slice(0, 8)}`
  await sql(migrationSql(schema))
  const pool = new pg.Pool({ connectionString: serverOf().url, max: connections })
  const database = new Database({ pool, schema, prepare: true })
  return {
    schema,
    migrate: (...migrations) =>
      looking(database, (client) => migrate(database, client, [...MIGRATIONS, ...migrations])),
    version: async () => sql(`SELECT version, oldest FROM ${schema}.about`),
    [Symbol.asyncDispose]: () => pool.end(),
  }
}

async function indexes(schema: string): Promise<unknown> {
  return sql(
    `SELECT indisvalid AS valid FROM pg_index WHERE indexrelid = to_regclass('${schema}.live_region')`,
  )
}

test('a migration in two steps goes on while a worker drains, and is done once by those who do it at once', async () => {
  await using place = await placeOf()
  const task = defineTask('work', { input: unchecked<number>() })
  const mill = new Mill(new PostgresStore({ url: serverOf().url, schema: place.schema }))
  await mill.open()
  const seen = new Set<number>()
  const errors: unknown[] = []
  const worker = mill.worker({ handlers: [task.handler((n) => void seen.add(n))], concurrency: 20 })
  worker.on('error', ({ error }) => errors.push(error))
  worker.on('failed', ({ error }) => errors.push(error))
  await worker.start()
  let sent = 0
  const send = async (): Promise<unknown> =>
    mill.enqueueMany(Array.from({ length: 200 }, () => task.with((sent += 1))))
  await send()
  let migrating = true
  const migrated = Promise.all([place.migrate(SECOND), place.migrate(SECOND)]).finally(
    () => (migrating = false),
  )
  while (migrating) await send()
  await migrated
  await send()
  await worker.run({ until: 'idle' })
  expect({ ended: seen.size, errors }).toEqual({ ended: sent, errors: [] })
  expect(await place.version()).toEqual([{ version: 2, oldest: 1 }])
  expect(await indexes(place.schema)).toEqual([{ valid: true }])
  const [queue] = await mill.queues.list()
  expect(queue?.counts).toMatchObject({ succeeded: sent, running: 0, ready: 0 })
  await mill.close()
}, 60_000)

test('a migration that was broken off goes on when it is done again', async () => {
  await using place = await placeOf()
  // the first attempt fails behind its first step, and leaves an index that is not valid
  await sql(`INSERT INTO ${place.schema}.definitions VALUES ('a', 'x'), ('b', 'x')`)
  const broken: Migration = {
    ...SECOND,
    steps: [
      SECOND.steps[0]!,
      {
        manner: 'online',
        statements: ['CREATE UNIQUE INDEX CONCURRENTLY live_region ON home.definitions(definition)'],
      },
    ],
  }
  await expect(place.migrate(broken)).rejects.toMatchObject({ code: 'store-unavailable' })
  expect(await place.version()).toEqual([{ version: 1, oldest: 1 }])
  expect(await indexes(place.schema)).toEqual([{ valid: false }])
  await place.migrate(SECOND)
  expect(await place.version()).toEqual([{ version: 2, oldest: 1 }])
  expect(await indexes(place.schema)).toEqual([{ valid: true }])
})

test('a step that somebody is in the way of is tried again, and keeps others waiting for moments only', async () => {
  await using place = await placeOf()
  const other = new pg.Client(serverOf().url)
  await other.connect()
  await other.query(`BEGIN; SELECT FROM ${place.schema}.live`)
  const migrated = place.migrate({ oldest: 1, steps: [SECOND.steps[0]!] })
  // it waits for the lock by now; whoever comes behind it gets on all the same
  const waiting = async (): Promise<unknown> =>
    sql("SELECT FROM pg_locks WHERE NOT granted AND mode = 'AccessExclusiveLock'")
  await expect.poll(waiting, { interval: 5, timeout: 5_000 }).toHaveLength(1)
  const before = performance.now()
  await sql(`SELECT FROM ${place.schema}.live`)
  expect(performance.now() - before).toBeLessThan(1_500)
  await other.query('COMMIT')
  await other.end()
  await migrated
  expect(await place.version()).toEqual([{ version: 2, oldest: 1 }])
})

test('a migration with an online step needs two connections, and says so', async () => {
  await using place = await placeOf(1)
  await expect(place.migrate(SECOND)).rejects.toMatchObject({ code: 'store-unavailable', effect: 'none' })
  expect(await place.version()).toEqual([{ version: 1, oldest: 1 }])
})

test('a rehearsal stops at what cannot be taken back; the script has each step by itself', async () => {
  await using place = await placeOf()
  const pool = new pg.Pool({ connectionString: serverOf().url, max: 1 })
  const database = new Database({ pool, schema: place.schema, prepare: true })
  await looking(database, (client) => rehearse(database, client, [...MIGRATIONS, SECOND]))
  await pool.end()
  expect(await place.version()).toEqual([{ version: 1, oldest: 1 }])
  const none = `SELECT FROM information_schema.columns WHERE table_schema = '${place.schema}' AND column_name = 'region'`
  expect(await sql(none)).toEqual([])
  expect(stepsFrom(1, [...MIGRATIONS, SECOND])).toEqual([
    { version: 2, manner: 'in a transaction', statements: 1 },
    { version: 2, manner: 'online', statements: 2 },
  ])
  const script = migrationScript(place.schema, 1, [...MIGRATIONS, SECOND])
  // psql sends each statement by itself; so does this
  for (const statement of script.split(';').filter((text) => /\w/.test(text.replaceAll(/--.*/g, ''))))
    await sql(statement)
  expect(await place.version()).toEqual([{ version: 2, oldest: 1 }])
  expect(await indexes(place.schema)).toEqual([{ valid: true }])
})
