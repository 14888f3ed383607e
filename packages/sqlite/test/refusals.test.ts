/** What the store refuses to open, and that it leaves alone what it refuses. */
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import { defineTask, InvalidArgumentError, Mill, StoreError, unchecked } from '@millrace/core'
import { SqliteStore, type SqliteStoreOptions } from '../src/index.ts'
import { Database } from '../src/database.ts'
import { migrate, openDatabase, versionOf } from '../src/migrate.ts'
import { MIGRATIONS } from '../src/migrations.ts'
import { APPLICATION_ID } from '../src/statements/schema.ts'

let folder = ''
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'millrace-'))
})
afterEach(() => rmSync(folder, { recursive: true }))

function sql(path: string, script: string): void {
  const database = new DatabaseSync(path)
  database.exec(script)
  database.close()
}

interface Case {
  readonly what: string
  readonly code: StoreError['code']
  readonly message: RegExp
  /** Prepares the place, and answers the path. */
  readonly path: () => string
  readonly options?: Partial<SqliteStoreOptions>
}

const cases: readonly Case[] = [
  {
    what: 'a folder that does not exist',
    code: 'store-unavailable',
    message: /does not exist/,
    path: () => join(folder, 'missing', 'home.db'),
  },
  {
    what: 'a folder',
    code: 'store-unavailable',
    message: /no path of a file/,
    path: () => {
      mkdirSync(join(folder, 'home.db'))
      return join(folder, 'home.db')
    },
  },
  {
    what: 'a file that is no database',
    code: 'store-corrupt',
    message: /damaged, or no SQLite database/,
    path: () => {
      writeFileSync(join(folder, 'notes.txt'), 'Dear diary, '.repeat(1_000))
      return join(folder, 'notes.txt')
    },
  },
  {
    what: 'a database of another application',
    code: 'store-schema',
    message: /another application/,
    path: () => {
      sql(join(folder, 'other.db'), 'CREATE TABLE users(name TEXT)')
      return join(folder, 'other.db')
    },
  },
  {
    what: 'a schema that is newer than the code',
    code: 'store-schema',
    message: /schema 99/,
    path: () => {
      sql(
        join(folder, 'new.db'),
        `CREATE TABLE t(a); PRAGMA application_id = ${APPLICATION_ID}; PRAGMA user_version = 99`,
      )
      return join(folder, 'new.db')
    },
  },
  {
    what: 'a new file without leave to make tables',
    code: 'store-schema',
    message: /no tables yet/,
    path: () => join(folder, 'home.db'),
    options: { migrate: false },
  },
]

test.each(cases)(
  '$what is refused with $code, and left as it was',
  async ({ path: prepare, code, message, options }) => {
    const path = prepare()
    const before = contents()
    const store = new SqliteStore({ path, ...options })
    const error = await store.open().catch((reason: unknown) => reason)
    expect(error).toBeInstanceOf(StoreError)
    expect(error).toMatchObject({ code, effect: 'final' })
    expect((error as StoreError).message).toMatch(message)
    expect((error as StoreError).hint).toMatch(/\w/)
    expect(contents()).toEqual(before)
  },
)

function contents(): Record<string, string> {
  const files = readdirSync(folder, { recursive: true, withFileTypes: true }).filter((entry) =>
    entry.isFile(),
  )
  return Object.fromEntries(
    files.map(({ parentPath, name }) => [name, readFileSync(join(parentPath, name), 'base64')]),
  )
}

test('a file that cannot be written is refused with store-readonly', async () => {
  // root may write everything but what the kernel itself refuses
  const path = process.getuid?.() === 0 ? '/proc/millrace.db' : '/millrace.db'
  const error = await new SqliteStore({ path }).open().catch((reason: unknown) => reason)
  expect(error).toBeInstanceOf(StoreError)
  expect(['store-readonly', 'store-unavailable']).toContain((error as StoreError).code)
  expect(error).toMatchObject({ effect: 'final' })
})

test('after a refusal the same store opens once the reason is gone', async () => {
  const path = join(folder, 'later', 'home.db')
  const store = new SqliteStore({ path })
  await expect(store.open()).rejects.toThrow(/does not exist/)
  mkdirSync(join(folder, 'later'))
  await store.open()
  expect(await store.queues()).toEqual([])
  await store.close()
})

test('a current file opens without leave to migrate', async () => {
  const path = join(folder, 'home.db')
  const first = new SqliteStore({ path })
  await first.open()
  await first.close()
  const second = new SqliteStore({ path, migrate: false })
  await second.open()
  expect(await second.queues()).toEqual([])
  await second.close()
})

test('an empty file becomes a store', async () => {
  const path = join(folder, 'home.db')
  writeFileSync(path, '')
  const store = new SqliteStore({ path })
  await store.open()
  await store.close()
  expect(existsSync(path)).toBe(true)
})

test('several processes may create one file at once', async () => {
  const path = join(folder, 'home.db')
  const stores = Array.from({ length: 4 }, () => new SqliteStore({ path }))
  await Promise.all(stores.map((store) => store.open()))
  expect(await Promise.all(stores.map((store) => store.queues()))).toEqual([[], [], [], []])
  await Promise.all(stores.map((store) => store.close()))
})

test.each([1, 2, 3])(
  'one that is made while it is looked at, before look %i, is no other application',
  (look) => {
    const path = join(folder, 'home.db')
    sql(path, 'PRAGMA journal_mode = WAL')
    const database = new Database(path, { readOnly: false })
    const other = new Database(path, { readOnly: false })
    let looks = 0
    const get = database.get.bind(database)
    const spy = vi.spyOn(database, 'get').mockImplementation((...of) => {
      if (++looks === look) migrate(other, path)
      return get(...of) as never
    })
    expect([0, MIGRATIONS.length]).toContain(versionOf(database, path))
    expect(spy).toHaveBeenCalledTimes(3)
    database.close()
    other.close()
  },
)

test('a migration that fails leaves nothing behind', async () => {
  const path = join(folder, 'home.db')
  // a table of ours is there already, under our own application id
  sql(path, `CREATE TABLE running(a); PRAGMA application_id = ${APPLICATION_ID}`)
  await expect(
    openDatabase({ path, migrate: true, patiently: async (step) => step() }),
  ).rejects.toMatchObject({
    code: 'store-unavailable',
  })
  const database = new DatabaseSync(path)
  expect(database.prepare('SELECT count(*) AS tables FROM sqlite_schema').get()).toEqual({ tables: 1 })
  database.close()
})

const arguments_: readonly (readonly [string, SqliteStoreOptions])[] = [
  ['no path', { path: '' }],
  [':memory:', { path: ':memory:' }],
  ['a URI', { path: 'file:home.db?mode=memory' }],
  ['a namespace', { path: 'home.db', namespace: 'tenant-1' }],
]

test.each(arguments_)('%s is no valid option', (_, options) => {
  const hint: unknown = expect.stringMatching(/\w/)
  expect(() => new SqliteStore(options)).toThrow(InvalidArgumentError)
  expect(() => new SqliteStore(options)).toThrow(expect.objectContaining({ hint }))
})

test('the hint for :memory: names the memory store', () => {
  const hint: unknown = expect.stringContaining('memory:')
  expect(() => new SqliteStore({ path: ':memory:' })).toThrow(expect.objectContaining({ hint }))
})

test('the default namespace is the only one', () => {
  expect(() => new SqliteStore({ path: 'home.db', namespace: 'default' })).not.toThrow()
})

test.each([
  [{ pth: 'x.db' }, /no "pth"/, /Did you mean path/],
  [{ path: 'x.db', migrat: false }, /no "migrat"/, /Did you mean migrate/],
  ['x.db', /are "x\.db"/, /path/],
])('options %s are refused, and say which there are', (options, message, hint) => {
  expect(() => new SqliteStore(options as never)).toThrow(
    expect.objectContaining({
      code: 'invalid-argument',
      message: expect.stringMatching(message) as unknown,
      hint: expect.stringMatching(hint) as unknown,
    }),
  )
})

describe('a file that is removed or replaced while it is in use', () => {
  const gone = {
    code: 'store-unavailable',
    effect: 'final',
    message: expect.stringMatching(/removed or replaced/) as unknown,
  }

  test('is noticed by an idle worker, whose log says so, and by producers; one that is put back is worked with again', async () => {
    const path = join(folder, 'home.db')
    const said: string[] = []
    const error = (first: object | string): void => {
      said.push(first instanceof Object && 'err' in first ? (first.err as Error).message : '')
    }
    const mill = new Mill(new SqliteStore({ path }), { logger: { debug() {}, info() {}, warn() {}, error } })
    const job = defineTask('job', { input: unchecked<number>() })
    await mill.worker({ handlers: job.handler((n) => n) }).start()
    renameSync(path, join(folder, 'away.db'))
    await vi.waitFor(
      () => expect(said).toContainEqual(expect.stringMatching(/home\.db was removed or replaced/)),
      10_000,
    )
    await expect(mill.enqueue(job, 1)).rejects.toMatchObject(gone)
    renameSync(join(folder, 'away.db'), path)
    const enqueued = await vi.waitFor(() => mill.enqueue(job, 2), 10_000)
    expect(await enqueued.result({ within: '10s' })).toBe(2)
    await mill.close()
  }, 30_000)

  test('is told from the one that another process began in its place', async () => {
    const path = join(folder, 'home.db')
    const [store, other] = [new SqliteStore({ path }), new SqliteStore({ path })]
    await store.open()
    for (const name of readdirSync(folder)) rmSync(join(folder, name))
    await other.open()
    await vi.waitFor(() => expect(store.now()).rejects.toMatchObject(gone), 10_000)
    expect(await other.now()).toBeGreaterThan(0)
    await Promise.all([store.close(), other.close()])
  })
})

test('a client does not wait for a locked file whose worker gave up to start', async () => {
  const path = join(folder, 'home.db')
  sql(path, 'PRAGMA journal_mode = DELETE')
  const stranger = new DatabaseSync(path)
  stranger.exec('CREATE TABLE t(a); DROP TABLE t; BEGIN EXCLUSIVE')
  const mill = new Mill(new SqliteStore({ path }))
  const worker = mill.worker({ handlers: defineTask('job', { input: unchecked() }).handler(() => null) })
  const starting = worker.start().catch((error: unknown) => error)
  await worker.stop({ drain: 0 })
  expect(await starting).toMatchObject({ code: 'closed' })
  const begun = performance.now()
  await mill.close()
  expect(performance.now() - begun).toBeLessThan(2_000)
  stranger.exec('ROLLBACK')
  stranger.close()
})
