/** Transactions of the user's, on their own synchronous connection: that of Node, and that of better-sqlite3. */
import { mkdtempSync, rmSync } from 'node:fs'
import { DatabaseSync } from 'node:sqlite'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { randomUUID } from 'node:crypto'
import Better from 'better-sqlite3'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { defineTask, TransactionalMill, unchecked, type WorkerOptions } from '@millrace/core'
import { TransactionalSqliteStore, type SqliteTransaction } from '../src/index.ts'

const note = defineTask('note', {
  input: unchecked<{ n: number }>(),
  output: unchecked<number>(),
  retry: false,
})
const keyed = defineTask('keyed', { input: unchecked<string>(), unique: { key: (k) => k, then: 'reject' } })
const windowed = defineTask('windowed', {
  input: unchecked<string>(),
  unique: { key: (k) => k, within: '1h', then: 'reject' },
})
const logger = { debug() {}, info() {}, warn() {}, error() {} }

/** What the tests use of either library. */
interface Library extends SqliteTransaction {
  close(): unknown
}

const libraries: readonly (readonly [string, (path: string) => Library])[] = [
  ['node:sqlite', (path) => new DatabaseSync(path, { timeout: 0, readBigInts: true, returnArrays: true })],
  ['better-sqlite3', (path) => new Better(path, { timeout: 0 }).defaultSafeIntegers(true)],
]

describe.each(libraries)('%s', (_, open) => {
  let folder: string
  let path: string
  let db: Library
  let mill: TransactionalMill<SqliteTransaction>
  beforeEach(async () => {
    folder = mkdtempSync(join(tmpdir(), 'millrace-'))
    path = join(folder, 'home.db')
    db = open(path)
    mill = new TransactionalMill(new TransactionalSqliteStore({ connection: db }), { logger })
    await mill.open()
    db.exec('CREATE TABLE effects(id TEXT)')
  })
  afterEach(async () => {
    await mill.close()
    db.close()
    rmSync(folder, { recursive: true })
  })

  const write = (id: string): unknown => db.exec(`INSERT INTO effects VALUES ('${id}')`)
  const count = (): number => db.prepare('SELECT id FROM effects').all().length
  async function working<T>(
    handlers: WorkerOptions<SqliteTransaction>['handlers'],
    run: () => Promise<T>,
  ): Promise<T> {
    await using worker = mill.worker({ handlers, lease: '1s' })
    await worker.start()
    return await run()
  }

  test('a task is there when the transaction commits, and never was when it rolls back', async () => {
    db.exec('BEGIN IMMEDIATE')
    write('a')
    const kept = mill.within(db).enqueue(note, { n: 1 }, { tags: ['t'], delay: '1h' })
    expect(kept.outcome).toBe('created')
    await expect(kept.status()).rejects.toMatchObject({ code: 'not-found' })
    db.exec('COMMIT')
    expect(await kept.status()).toMatchObject({ state: 'scheduled', tags: ['t'] })
    db.exec('BEGIN')
    write('b')
    const other = defineTask('other', { input: unchecked<number>(), queue: 'other', timeout: '7s' })
    const gone = mill.within(db).enqueue(other, 1)
    db.exec('ROLLBACK')
    await expect(gone.status()).rejects.toMatchObject({ code: 'not-found' })
    expect(count()).toBe(1)
    // what the transaction had named first is named anew
    expect(await (await mill.enqueue(other, 2)).status()).toMatchObject({ state: 'ready', queue: 'other' })
    db.exec('BEGIN')
    const again = mill.within(db).enqueue(other, 3)
    db.exec('COMMIT')
    expect(await again.status()).toMatchObject({ state: 'ready', queue: 'other' })
  })

  test('what was refused leaves the transaction usable, and nothing in it', async () => {
    const { id } = await mill.enqueue(note, { n: 1 })
    await mill.enqueue(keyed, 'held')
    db.exec('BEGIN')
    const within = mill.within(db)
    const refused = (code: string): object => expect.objectContaining({ code }) as object
    expect(() => within.enqueue(note, { n: 2 }, { id })).toThrow(refused('conflict'))
    expect(() => within.enqueue(keyed, 'held')).toThrow(refused('unique'))
    expect(() => within.enqueue(note, { n: 2 }, { after: [randomUUID()] })).toThrow(refused('unknown-parent'))
    expect(() => within.enqueue(note, { n: 2 }, { delay: -1 })).toThrow(refused('invalid-argument'))
    const [one, two] = within.enqueueMany([note.with({ n: 3 }), keyed.with('free')])
    db.exec('COMMIT')
    expect(await one.status()).toMatchObject({ state: 'ready' })
    expect(await two.status()).toMatchObject({ state: 'ready' })
    expect((await mill.tasks.list({ limit: 100 })).tasks).toHaveLength(4)
  })

  test('a window begins with the commit; what would replace is refused, and the transaction goes on', async () => {
    const refused = (code: string): Error => expect.objectContaining({ code }) as Error
    db.exec('BEGIN IMMEDIATE')
    mill.within(db).enqueue(windowed, 'a')
    db.exec('ROLLBACK')
    db.exec('BEGIN IMMEDIATE')
    expect(() => mill.within(db).enqueue(keyed, 'a', { unique: { key: 'a', then: 'replace' } })).toThrow(
      refused('invalid-argument'),
    )
    const { id } = mill.within(db).enqueue(windowed, 'a')
    expect(() => mill.within(db).enqueue(windowed, 'a')).toThrow(refused('unique'))
    db.exec('COMMIT')
    await expect(mill.enqueue(windowed, 'a')).rejects.toMatchObject({ code: 'unique', by: { id } })
  })

  test('a graph, with a parent that runs', async () => {
    const started = Promise.withResolvers<void>()
    const goOn = Promise.withResolvers<void>()
    const handlers = [
      note.handler(async ({ n }) => {
        started.resolve()
        await goOn.promise
        return n
      }),
      keyed.handler(async (_, ctx) => ctx.results(note)),
    ]
    await working(handlers, async () => {
      const parent = await mill.enqueue(note, { n: 1 })
      await started.promise
      db.exec('BEGIN IMMEDIATE')
      const child = mill.within(db).enqueue(keyed, 'child', { after: [parent] })
      const last = mill.within(db).enqueue(keyed, 'last', { after: [parent, child] })
      db.exec('COMMIT')
      goOn.resolve()
      expect(await last.result({ within: '10s' })).toEqual([1])
    })
  })

  test('workers hear of it', async () => {
    await working([note.handler(({ n }) => n)], async () => {
      await (await mill.enqueue(note, { n: 1 })).result({ within: '5s' })
      db.exec('BEGIN')
      const handle = mill.within(db).enqueue(note, { n: 2 })
      db.exec('COMMIT')
      const since = performance.now()
      await handle.result({ within: '5s' })
      expect(performance.now() - since).toBeLessThan(1_000)
    })
  })

  test('outside of a transaction, on another file, or on no connection it is refused', () => {
    const refused = expect.objectContaining({ code: 'invalid-argument' }) as object
    expect(() => mill.within(db).enqueue(note, { n: 1 })).toThrow(refused)
    const other = open(join(folder, 'other.db'))
    other.exec('BEGIN')
    expect(() => mill.within(other).enqueue(note, { n: 1 })).toThrow(refused)
    other.close()
    expect(() => mill.within({} as Library).enqueue(note, { n: 1 })).toThrow(refused)
    expect(() => new TransactionalSqliteStore({ connection: open(':memory:') })).toThrow(refused)
  })

  test('another connection to the same file will do', async () => {
    const other = open(path)
    other.exec('BEGIN IMMEDIATE')
    const handle = mill.within(other).enqueue(note, { n: 1 })
    other.exec('COMMIT')
    other.close()
    expect(await handle.status()).toMatchObject({ state: 'ready' })
  })

  test('a lock of somebody else is a typed error, and the transaction is none the worse', async () => {
    const other = open(path)
    other.exec('BEGIN IMMEDIATE')
    db.exec('BEGIN')
    const busy = expect.objectContaining({ code: 'store-busy', effect: 'none' }) as object
    expect(() => mill.within(db).enqueue(note, { n: 1 })).toThrow(busy)
    other.exec('COMMIT')
    const handle = mill.within(db).enqueue(note, { n: 1 })
    db.exec('COMMIT')
    other.close()
    expect(await handle.status()).toMatchObject({ state: 'ready' })
  })

  test('a handler ends its task together with its writes', async () => {
    const handler = note.handler<SqliteTransaction>(({ n }, ctx) => {
      ctx.log.info('nearly there')
      return ctx.transaction((tx) => {
        tx.exec("INSERT INTO effects VALUES ('done')")
        return n + 1
      })
    })
    const parent = await mill.enqueue(note, { n: 1 })
    const child = await mill.enqueue(keyed, 'child', { after: [parent] })
    const handlers = [handler, keyed.handler(async (_, ctx) => ctx.results(note))]
    expect(await working(handlers, () => child.result({ within: '10s' }))).toEqual([2])
    expect(count()).toBe(1)
  })

  test('rolls back when the work throws, is asynchronous, or another has the task', async () => {
    const seen: unknown[] = []
    const failing = (how: string) =>
      note.handler<SqliteTransaction>(async (_, ctx) => {
        try {
          return await ctx.transaction((tx): number => {
            tx.exec("INSERT INTO effects VALUES ('never')")
            if (how === 'throws') throw new Error('no')
            if (how === 'promises') return Promise.reject(new Error('unheard')) as unknown as number
            tx.exec('UPDATE running SET epoch = epoch + 1')
            return 1
          })
        } catch (error) {
          seen.push((error as { code?: string }).code ?? (error as Error).message)
          throw error
        }
      })
    for (const how of ['throws', 'promises', 'stale']) {
      const handle = await mill.enqueue(note, { n: 1 })
      await working([failing(how)], () =>
        expect(handle.result({ within: '10s' })).rejects.toMatchObject({ code: 'task-failed' }),
      )
    }
    expect(seen).toEqual(['no', 'invalid-argument', 'fenced'])
    expect(count()).toBe(0)
  })

  test('completes in a transaction that somebody else began, and is judged by its return after a rollback', async () => {
    const handler = note.handler<SqliteTransaction>(({ n }, ctx) => {
      db.exec('BEGIN IMMEDIATE')
      write(`own ${n}`)
      ctx.within(db).enqueue(keyed, `child of ${n}`)
      ctx.within(db).complete(n + 1)
      db.exec(n === 1 ? 'COMMIT' : 'ROLLBACK')
      return -1
    })
    const [one, two] = await mill.enqueueMany([note.with({ n: 1 }), note.with({ n: 2 })], { atomic: true })
    await working([handler], async () => {
      expect(await one.result({ within: '10s' })).toBe(2)
      expect(await two.result({ within: '10s' })).toBe(-1)
    })
    expect(count()).toBe(1)
    expect((await mill.tasks.list({ type: 'keyed', limit: 10 })).tasks).toHaveLength(1)
  })

  test('syncs each commit, whatever the library does by itself', () => {
    const row = db.prepare('PRAGMA synchronous').get() as unknown
    expect(Object.values(row as object).map(Number)).toEqual([2])
  })
})
