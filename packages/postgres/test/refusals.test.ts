/** What the store refuses to open, in words that help, and that it leaves alone what it refuses. */
import { randomUUID } from 'node:crypto'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { InvalidArgumentError, StoreError } from '@millrace/core'
import { freePort } from '../../../test/servers/server.ts'
import { migrationSql, PostgresStore, type PostgresStoreOptions } from '../src/index.ts'
import { serverOf, sql, withServer } from './home.ts'

withServer()

interface Case {
  readonly what: string
  readonly code: StoreError['code']
  readonly effect: StoreError['effect']
  readonly message: RegExp
  readonly options: () => Promise<Partial<PostgresStoreOptions>> | Partial<PostgresStoreOptions>
}

function urlOf(change: (url: URL) => void): { readonly url: string } {
  const url = new URL(serverOf().url)
  change(url)
  return { url: url.href }
}

/** A user whose name tells what is set otherwise for it. */
async function urlAs(user: string, settings: string): Promise<{ readonly url: string }> {
  await sql(`DROP ROLE IF EXISTS ${user}; CREATE ROLE ${user} LOGIN; ${settings}`)
  return urlOf((url) => (url.username = user))
}

async function newSchema(script: string): Promise<{ readonly schema: string }> {
  const schema = `r_${randomUUID().slice(0, 8)}`
  await sql(`CREATE SCHEMA ${schema}; ${script.replaceAll('home.', `${schema}.`)}`)
  return { schema }
}

const cases: readonly Case[] = [
  {
    what: 'a server that is not there',
    code: 'store-unavailable',
    effect: 'none',
    message: /cannot be reached.*ECONNREFUSED/,
    options: async () => {
      const port = String(await freePort())
      return urlOf((url) => (url.port = port))
    },
  },
  {
    what: 'a host that does not exist',
    code: 'store-unavailable',
    effect: 'none',
    message: /cannot be reached/,
    options: () => urlOf((url) => (url.hostname = 'no-such-host.invalid')),
  },
  {
    what: 'a database that does not exist',
    code: 'store-unavailable',
    effect: 'final',
    message: /no such database/,
    options: () => urlOf((url) => (url.pathname = '/nowhere')),
  },
  {
    what: 'a user that does not exist',
    code: 'store-unavailable',
    effect: 'final',
    message: /does not let this user in/,
    options: () => urlOf((url) => (url.username = 'nobody_at_all')),
  },
  {
    what: 'a user who may not create the schema',
    code: 'store-readonly',
    effect: 'final',
    message: /not allowed/,
    options: async () => ({ ...(await urlAs('weak', '')), schema: 'never' }),
  },
  {
    what: 'transactions that are read-only by default',
    code: 'store-readonly',
    effect: 'none',
    message: /takes no writes/,
    options: async () => ({
      ...(await urlAs(
        'reader',
        "GRANT CREATE ON DATABASE postgres TO reader; ALTER ROLE reader SET default_transaction_read_only = 'on'",
      )),
      schema: 'never',
    }),
  },
  {
    what: 'transactions that are serializable by default',
    code: 'store-unavailable',
    effect: 'final',
    message: /serializable by default/,
    options: () => urlAs('strict', "ALTER ROLE strict SET default_transaction_isolation = 'serializable'"),
  },
  {
    what: 'commits that are not waited for',
    code: 'store-unavailable',
    effect: 'final',
    message: /synchronous_commit off/,
    options: () => urlAs('hasty', "ALTER ROLE hasty SET synchronous_commit = 'off'"),
  },
  {
    what: 'a database in another encoding',
    code: 'store-unavailable',
    effect: 'final',
    message: /LATIN1/,
    options: async () => {
      await sql("CREATE DATABASE latin ENCODING 'LATIN1' TEMPLATE template0 LOCALE 'C'")
      return urlOf((url) => (url.pathname = '/latin'))
    },
  },
  {
    what: 'a schema that is newer than the code',
    code: 'store-schema',
    effect: 'final',
    message: /has version 99/,
    options: () =>
      newSchema(
        'CREATE TABLE home.about(version integer, oldest integer); INSERT INTO home.about VALUES (99, 98)',
      ),
  },
  {
    what: 'a new schema without leave to make tables',
    code: 'store-schema',
    effect: 'final',
    message: /no tables of Millrace yet/,
    options: async () => ({ ...(await newSchema('')), migrate: false }),
  },
]

/** What is there of tables, whoever made them. */
async function tables(): Promise<unknown> {
  return sql(
    "SELECT schemaname, tablename FROM pg_tables WHERE schemaname NOT IN ('pg_catalog', 'information_schema') ORDER BY 1, 2",
  )
}

test.each(cases)('$what is refused with $code', async ({ options, code, effect, message }) => {
  const given = await options()
  const before = await tables()
  const store = new PostgresStore({ url: serverOf().url, ...given } as PostgresStoreOptions)
  const error = await store.open().catch((reason: unknown) => reason)
  expect(error).toBeInstanceOf(StoreError)
  expect(error).toMatchObject({ code, effect })
  expect((error as StoreError).message).toMatch(message)
  expect((error as StoreError).hint).toMatch(/\w/)
  expect(await tables()).toEqual(before)
})

test('a wrong password is refused, and not repeated', async () => {
  await sql("CREATE ROLE guarded LOGIN PASSWORD 'right'")
  const hba = join(serverOf().server.folder, 'data', 'pg_hba.conf')
  writeFileSync(hba, 'host all guarded 127.0.0.1/32 scram-sha-256\nhost all all 127.0.0.1/32 trust\n')
  await sql('SELECT pg_reload_conf()')
  const { url } = urlOf((one) => {
    one.username = 'guarded'
    one.password = 'wrong-secret'
  })
  const refused = async (): Promise<unknown> =>
    new PostgresStore({ url }).open().catch((reason: unknown) => reason)
  await expect.poll(refused).toMatchObject({ code: 'store-unavailable', effect: 'final' })
  expect(String(await refused())).not.toContain('wrong-secret')
})

test('after a refusal the same store opens once the reason is gone', async () => {
  const { schema } = await newSchema(
    'CREATE TABLE home.about(version integer, oldest integer); INSERT INTO home.about VALUES (99, 98)',
  )
  const store = new PostgresStore({ url: serverOf().url, schema })
  await expect(store.open()).rejects.toThrow(/has version 99/)
  await sql(`DROP SCHEMA ${schema} CASCADE`)
  await store.open()
  expect(await store.queues()).toEqual([])
  await store.close()
})

test('a current schema opens without leave to migrate', async () => {
  const schema = `r_${randomUUID().slice(0, 8)}`
  for (const migrate of [true, false]) {
    const store = new PostgresStore({ url: serverOf().url, schema, migrate })
    await store.open()
    expect(await store.queues()).toEqual([])
    await store.close()
  }
})

test('several processes may make the tables at once', async () => {
  const schema = `r_${randomUUID().slice(0, 8)}`
  const stores = Array.from({ length: 4 }, () => new PostgresStore({ url: serverOf().url, schema }))
  await Promise.all(stores.map((store) => store.open()))
  expect(await Promise.all(stores.map((store) => store.queues()))).toEqual([[], [], [], []])
  await Promise.all(stores.map((store) => store.close()))
})

test('a migration that fails leaves nothing behind', async () => {
  const { schema } = await newSchema('CREATE TABLE home.live(a integer)')
  const store = new PostgresStore({ url: serverOf().url, schema })
  await expect(store.open()).rejects.toMatchObject({ code: 'store-unavailable' })
  expect(await sql(`SELECT tablename FROM pg_tables WHERE schemaname = '${schema}'`)).toEqual([
    { tablename: 'live' },
  ])
})

test('the printed statements make the same tables', async () => {
  const schema = `it's "odd"`
  await sql(migrationSql(schema))
  const store = new PostgresStore({ url: serverOf().url, schema, migrate: false })
  await store.open()
  expect(await store.queues()).toEqual([])
  await store.close()
})

const arguments_: readonly (readonly [string, () => PostgresStoreOptions])[] = [
  ['an empty schema', () => ({ url: serverOf().url, schema: '' })],
  ['a schema of the system', () => ({ url: serverOf().url, schema: 'pg_mine' })],
  ['a schema whose name is too long', () => ({ url: serverOf().url, schema: 'x'.repeat(64) })],
  ['no connection', () => ({ url: serverOf().url, connections: 0 })],
  ['a pool that is none', () => ({ pool: {} }) as unknown as PostgresStoreOptions],
]

test.each(arguments_)('%s is no valid option', (_, options) => {
  expect(() => new PostgresStore(options())).toThrow(InvalidArgumentError)
})

test('a URL that is none is refused without being repeated', () => {
  for (const url of ['', 'mysql://u:secret@h/d', 'postgres://u:secret@h:port/d']) {
    const make = (): PostgresStore => new PostgresStore({ url })
    expect(make).toThrow(expect.objectContaining({ code: 'store-url', effect: 'final' }))
    expect(make).not.toThrow(/secret/)
  }
})

test('nothing works before open and after close', async () => {
  const store = new PostgresStore({ url: serverOf().url, schema: `r_${randomUUID().slice(0, 8)}` })
  await expect(store.queues()).rejects.toMatchObject({ code: 'store-unavailable', effect: 'final' })
  await store.open()
  await store.close()
  await expect(store.queues()).rejects.toMatchObject({ code: 'store-unavailable', effect: 'final' })
})

test.each([
  [{ url: 'postgres://localhost/x', migrat: false }, /no "migrat"/, /Did you mean migrate/],
  ['postgres://localhost/x', /are "/, /url/],
])('options %s are refused, and say which there are', (options, message, hint) => {
  expect(() => new PostgresStore(options as never)).toThrow(
    expect.objectContaining({
      code: 'invalid-argument',
      message: expect.stringMatching(message) as unknown,
      hint: expect.stringMatching(hint) as unknown,
    }),
  )
})
