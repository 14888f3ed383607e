/** `millrace migrate`: what it prints can be run, what it tries is taken back, and what it does is enough. */
import { existsSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import pg from 'pg'
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { startPostgres, type PostgresServer } from '../../../test/servers/postgres.ts'
import { connect } from '../src/index.ts'
import { jsonLines, millraceHere, Place } from './command-line.ts'

let place: Place
let server: PostgresServer
let databases = 0
beforeAll(async () => {
  place = new Place()
  server = await startPostgres()
}, 60_000)
afterAll(async () => {
  place[Symbol.dispose]()
  await server[Symbol.asyncDispose]()
})

/** A store that is not there yet, and how to run a script on it beside Millrace. */
interface Ground {
  readonly url: string
  run(script: string): Promise<void>
  /** What there is of tables. */
  tables(): Promise<number>
}

async function sqliteGround(): Promise<Ground> {
  const path = join(place.path, `m${(databases += 1)}.db`)
  const opened = <T>(work: (database: DatabaseSync) => T): Promise<T> => {
    const database = new DatabaseSync(path)
    try {
      return Promise.resolve(work(database))
    } finally {
      database.close()
    }
  }
  const count = 'SELECT count(*) AS n FROM sqlite_schema'
  return Promise.resolve({
    url: `sqlite:${path}`,
    run: (script) => opened((database) => database.exec(script)),
    tables: async () =>
      existsSync(path) ? opened((database) => Number(database.prepare(count).get()?.['n'])) : 0,
  })
}

async function sql(url: string, text: string): Promise<readonly Record<string, unknown>[]> {
  const client = new pg.Client(url)
  await client.connect()
  try {
    const results: unknown = await client.query(text)
    return Array.isArray(results) ? [] : (results as pg.QueryResult<Record<string, unknown>>).rows
  } finally {
    await client.end()
  }
}

async function postgresGround(): Promise<Ground> {
  const name = `m${(databases += 1)}`
  await sql(server.url, `CREATE DATABASE ${name}`)
  const url = server.url.replace(/postgres$/, name)
  return {
    url,
    run: async (script) => void (await sql(url, script)),
    async tables() {
      const count = "SELECT count(*)::integer AS n FROM pg_tables WHERE schemaname LIKE 'millrace%'"
      return Number((await sql(url, count))[0]?.['n'])
    },
  }
}

async function done(...args: readonly string[]): Promise<string> {
  const { code, stdout, stderr } = await millraceHere(['migrate', ...args])
  expect({ code, stderr, stdout }).toEqual({ code: 0, stderr: '', stdout })
  return stdout
}

/** It works without leave to make anything. */
async function works(url: string, namespace?: string): Promise<void> {
  await using mill = await connect(url, { migrate: false, namespace })
  expect(await mill.queues.list()).toEqual([])
}

describe.each([
  ['SQLite', sqliteGround],
  ['Postgres', postgresGround],
] as const)('on %s', (_, newGround) => {
  let ground: Ground
  let store: readonly string[]
  beforeEach(async () => {
    ground = await newGround()
    store = ['--store', ground.url]
  })

  test('a store that is not there is made, once', async () => {
    expect(await done(...store)).toBe(`${ground.url} has schema 1 now (there was none).\n`)
    await works(ground.url)
    expect(await done(...store)).toBe(`Nothing to do: ${ground.url} has schema 1.\n`)
    expect(jsonLines(await done(...store, '--json'))).toEqual([
      { store: ground.url, from: 1, to: 1, steps: [], done: 'nothing' },
    ])
  })

  test('a dry run says what is to be done, tries it, and leaves nothing behind', async () => {
    const text = await done(...store, '--dry-run')
    expect(text).toMatch(
      / is to have schema 1 \(there was none\):\n  to version 1: \d\d statements, in a transaction\n/,
    )
    expect(text).toMatch(/All of it was tried and taken back\.\n$/)
    expect(await ground.tables()).toBe(0)
    expect(jsonLines(await done(...store, '--dry-run', '--json'))).toMatchObject([
      { from: 0, to: 1, steps: [{ version: 1, manner: 'in a transaction' }], done: 'rehearsed' },
    ])
    await done(...store)
    expect(await done(...store, '--dry-run')).toBe(`Nothing to do: ${ground.url} has schema 1.\n`)
  })

  test('a dry run fails where the real one would, and leaves nothing behind', async () => {
    await ground.run(
      ground.url.startsWith('sqlite')
        ? 'CREATE TABLE queues(a); PRAGMA application_id = 0x4d6c7263'
        : 'CREATE SCHEMA millrace; CREATE TABLE millrace.queues(a integer)',
    )
    for (const args of [['--dry-run'], []]) {
      const { code, stderr } = await millraceHere(['migrate', ...store, ...args])
      expect({ code, stderr }).toEqual({
        code: 1,
        stderr: expect.stringMatching(/queues.* already exists/) as unknown,
      })
      expect(await ground.tables()).toBe(1)
    }
  })

  test('what it prints makes the same tables when somebody else runs it', async () => {
    const script = await done(...store, '--print')
    expect(await ground.tables()).toBe(0)
    await ground.run(script)
    await works(ground.url)
    expect(await done(...store, '--print')).toBe(`-- Nothing to do: ${ground.url} has schema 1.\n`)
    expect(jsonLines(await done(...store, '--print', '--json'))).toMatchObject([{ from: 1, script: '' }])
  })

  test('a newer schema that allows this version is left as it is; another one is refused', async () => {
    await done(...store)
    const lite = ground.url.startsWith('sqlite')
    await ground.run(lite ? 'PRAGMA user_version = 2' : 'UPDATE millrace.about SET version = 2')
    expect(await done(...store)).toMatch(/has schema 2, which is newer than this Millrace/)
    await works(ground.url)
    await ground.run(
      lite
        ? "PRAGMA user_version = 3; UPDATE meta SET value = 2 WHERE name = 'oldest'"
        : 'UPDATE millrace.about SET version = 3, oldest = 2',
    )
    const { code, stderr } = await millraceHere(['migrate', ...store, '--json'])
    expect(code).toBe(1)
    expect(jsonLines(stderr)).toMatchObject([{ error: { code: 'store-schema' } }])
    await expect(works(ground.url)).rejects.toMatchObject({ code: 'store-schema', effect: 'final' })
  })
})

test('a namespace is a schema of its own on Postgres', async () => {
  const { url } = await postgresGround()
  await done('--store', url, '--namespace', 'shop')
  await works(url, 'shop')
  await expect(works(url)).rejects.toMatchObject({ code: 'store-schema' })
})

test('the password is not shown', async () => {
  const { url } = await postgresGround()
  const secret = url.replace('millrace@', 'millrace:secret@')
  for (const args of [['--dry-run'], ['--print'], []])
    expect(await done('--store', secret, ...args)).not.toMatch(/secret/)
})

test.each(['memory:', 'redis://nobody-listens.invalid'])(
  '%s has nothing to migrate, and is not asked',
  async (url) => {
    expect(await done('--store', url)).toBe(`Nothing to do: ${url} has no schema.\n`)
    expect(jsonLines(await done('--store', url, '--print', '--json'))).toEqual([
      { store: url, from: null, to: null, steps: [], done: 'nothing' },
    ])
  },
)

test('wrong usage exits with 2, and what the world does not allow with 1', async () => {
  const failed = async (...args: readonly string[]): Promise<unknown> => {
    const { code, stdout, stderr } = await millraceHere(['migrate', ...args])
    return { code, stdout, stderr }
  }
  const store = `sqlite:${join(place.path, 'x.db')}`
  expect(await failed('--store', store, '--print', '--dry-run')).toMatchObject({ code: 2, stdout: '' })
  expect(await failed('--store', store, '--namespace', 'shop')).toMatchObject({ code: 2, stdout: '' })
  expect(await failed('--store', 'sqlite:/no/such/folder/x.db')).toMatchObject({ code: 1, stdout: '' })
  expect(readdirSync(place.path)).not.toContain('x.db')
})
