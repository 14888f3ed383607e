/** Transactions of the user's: on pg itself. */
import { randomUUID } from 'node:crypto'
import pg from 'pg'
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { defineTask, TransactionalMill, unchecked, type WorkerOptions } from '@millrace/core'
import { PostgresStore, type PgTransaction } from '../src/index.ts'
import { serverOf, sql, withServer } from './home.ts'

withServer()

const note = defineTask('note', {
  input: unchecked<{ n: number }>(),
  output: unchecked<number>(),
  retry: false,
})
const keyed = defineTask('keyed', {
  input: unchecked<{ key: string }>(),
  unique: { key: ({ key }) => key, then: 'reject' },
})
const logger = { debug() {}, info() {}, warn() {}, error() {} }

let pool: pg.Pool
let schema: string
let mill: TransactionalMill<PgTransaction>
const table = `effects_${randomUUID().slice(0, 8)}`

beforeAll(async () => {
  schema = `tx_${randomUUID().slice(0, 8)}`
  await sql(`CREATE TABLE ${table}(id text)`)
  pool = new pg.Pool({ connectionString: serverOf().url, max: 12 })
  mill = new TransactionalMill<PgTransaction>(new PostgresStore({ pool, schema }), { logger })
  await mill.open()
})
beforeEach(async () => {
  await sql(
    `DELETE FROM ${table}; DELETE FROM ${schema}.live; DELETE FROM ${schema}.edges; DELETE FROM ${schema}.late_edges`,
  )
})
afterAll(async () => {
  await mill.close()
  await pool.end()
  // the pool does not wait for the sockets of what it has ended
  const open = `SELECT 1 FROM pg_stat_activity WHERE backend_type = 'client backend' AND pid <> pg_backend_pid()`
  while ((await sql(open)).length > 0);
})

async function begun(begin = 'BEGIN'): Promise<pg.PoolClient> {
  const client = await pool.connect()
  await client.query(begin)
  return client
}

async function ended(client: pg.PoolClient, how: 'COMMIT' | 'ROLLBACK'): Promise<void> {
  await client.query(how)
  client.release()
}

async function effects(): Promise<readonly string[]> {
  const { rows } = await pool.query<{ id: string }>(`SELECT id FROM ${table} ORDER BY id`)
  return rows.map(({ id }) => id)
}

async function working<T>(
  handlers: WorkerOptions<PgTransaction>['handlers'],
  run: () => Promise<T>,
): Promise<T> {
  await using worker = mill.worker({ handlers, lease: '1s' })
  await worker.start()
  return await run()
}

const write = (id: string): string => `INSERT INTO ${table} VALUES ('${id}')`

describe('enqueue within a transaction', () => {
  test('a task is there when it commits, and the effects with it', async () => {
    const tx = await begun()
    await tx.query(write('a'))
    const handle = await mill.within(tx).enqueue(note, { n: 1 })
    expect(handle.outcome).toBe('created')
    await expect(handle.status()).rejects.toMatchObject({ code: 'not-found' })
    await ended(tx, 'COMMIT')
    expect(await handle.status()).toMatchObject({ state: 'ready', type: 'note' })
    expect(await effects()).toEqual(['a'])
  })

  test('a task never was when it rolls back', async () => {
    const tx = await begun()
    const handle = await mill.within(tx).enqueue(note, { n: 1 })
    await ended(tx, 'ROLLBACK')
    await expect(handle.status()).rejects.toMatchObject({ code: 'not-found' })
  })

  test('what was refused leaves the transaction usable, and nothing in it', async () => {
    const { id } = await mill.enqueue(note, { n: 1 })
    await mill.enqueue(keyed, { key: 'held' })
    const tx = await begun()
    const within = mill.within(tx)
    await expect(within.enqueue(note, { n: 2 }, { id })).rejects.toMatchObject({ code: 'conflict' })
    await expect(within.enqueue(keyed, { key: 'held' })).rejects.toMatchObject({ code: 'unique' })
    await expect(
      within.enqueueMany([note.with({ n: 3 }), note.with({ n: 4 }, { after: [randomUUID()] })]),
    ).rejects.toMatchObject({ code: 'unknown-parent' })
    const same = await within.enqueue(note, { n: 1 }, { id })
    expect(same).toMatchObject({ outcome: 'duplicate', by: { id, state: 'pending' } })
    const good = await within.enqueue(note, { n: 5 })
    await ended(tx, 'COMMIT')
    expect(await good.status()).toMatchObject({ state: 'ready' })
    expect(
      (await mill.tasks.list({ type: 'note', limit: 1_000 })).tasks.some(({ id: one }) => one === same.id),
    ).toBe(true)
  })

  test('what another transaction has taken meanwhile is refused, too, and the transaction goes on', async () => {
    const one = await begun()
    const other = await begun()
    await mill.within(one).enqueue(keyed, { key: 'contested' })
    const late = mill.within(other).enqueue(keyed, { key: 'contested' })
    late.catch(() => undefined)
    await expect.poll(() => sql(`SELECT 1 FROM pg_locks WHERE NOT granted`)).toHaveLength(1)
    await ended(one, 'COMMIT')
    await expect(late).rejects.toMatchObject({ code: 'unique' })
    const handle = await mill.within(other).enqueue(note, { n: 1 })
    await ended(other, 'COMMIT')
    expect(await handle.status()).toMatchObject({ state: 'ready' })
  })

  test('who holds a key for too long is not waited for without end', async () => {
    const one = await begun()
    const other = await begun()
    await mill.within(one).enqueue(keyed, { key: 'kept' })
    await expect(mill.within(other).enqueue(keyed, { key: 'kept' })).rejects.toMatchObject({
      code: 'store-busy',
    })
    await mill.within(other).enqueue(keyed, { key: 'another' })
    await ended(other, 'COMMIT')
    await ended(one, 'ROLLBACK')
  })

  test('a graph over several calls runs in its order when it commits', async () => {
    const done: number[] = []
    const handlers = [note.handler(({ n }) => done.push(n))]
    const tx = await begun()
    const first = await mill.within(tx).enqueue(note, { n: 1 })
    const [second, third] = await mill
      .within(tx)
      .enqueueMany([note.with({ n: 2 }, { after: [first] }), note.with({ n: 3 }, { after: [first] })])
    const last = await mill.within(tx).enqueue(note, { n: 4 }, { after: [second, third] })
    await ended(tx, 'COMMIT')
    await working(handlers, () => last.result({ within: '10s' }))
    expect([done[0], done.slice(1, 3).toSorted((a, b) => a - b), done[3]]).toEqual([1, [2, 3], 4])
  })

  test.each([
    ['succeeds', 'succeeded'],
    ['fails', 'cancelled'],
  ] as const)('a parent that %s while the transaction is open tells its dependent', async (how, state) => {
    const parent = await mill.enqueue(note, { n: 1 })
    const tx = await begun()
    const child = await mill.within(tx).enqueue(keyed, { key: `child ${how}` }, { after: [parent] })
    const handlers = [
      note.handler(() => (how === 'fails' ? Promise.reject(new Error('no')) : 1)),
      keyed.handler(() => 1),
    ]
    await working(handlers, async () => {
      await parent.result({ within: '10s' }).catch(() => undefined)
      await ended(tx, 'COMMIT')
      await child.result({ within: '10s' }).catch(() => undefined)
      expect(await child.status()).toMatchObject({ state })
    })
  })

  test('a parent that lives on after the commit tells its dependent when it ends', async () => {
    const parent = await mill.enqueue(note, { n: 1 }, { delay: '1h' })
    const tx = await begun()
    const child = await mill.within(tx).enqueue(keyed, { key: 'patient' }, { after: [parent] })
    await ended(tx, 'COMMIT')
    await expect.poll(() => sql(`SELECT 1 FROM ${schema}.late_edges`)).toHaveLength(0)
    expect(await child.status()).toMatchObject({ state: 'blocked' })
    await parent.cancel()
    await expect.poll(async () => (await child.status()).state).toBe('cancelled')
  })

  test('a parent that had failed already ends a newcomer', async () => {
    const parent = await mill.enqueue(note, { n: 1 })
    await parent.cancel()
    const tx = await begun()
    const child = await mill.within(tx).enqueue(keyed, { key: 'late' }, { after: [parent] })
    const other = await mill
      .within(tx)
      .enqueue(keyed, { key: 'any' }, { after: [{ task: parent, ifFailed: 'run' }] })
    await ended(tx, 'COMMIT')
    await expect.poll(async () => (await child.status()).state).toBe('cancelled')
    expect(await other.status()).toMatchObject({ state: 'ready' })
  })

  test('workers hear of it without polling', async () => {
    await working([note.handler(() => 1)], async () => {
      await mill.enqueue(note, { n: 0 }).then((handle) => handle.result({ within: '5s' }))
      const tx = await begun()
      const handle = await mill.within(tx).enqueue(note, { n: 1 })
      await ended(tx, 'COMMIT')
      const since = performance.now()
      await handle.result({ within: '5s' })
      expect(performance.now() - since).toBeLessThan(1_000)
    })
  })

  test('what is in no transaction is refused, and nothing is written', async () => {
    const before = (await sql(`SELECT 1 FROM ${schema}.live`)).length
    const client = await pool.connect()
    await expect(mill.within(client).enqueue(note, { n: 1 })).rejects.toMatchObject({
      code: 'invalid-argument',
      hint: expect.stringContaining('BEGIN') as string,
    })
    client.release()
    await expect(mill.within(pool).enqueue(note, { n: 1 })).rejects.toMatchObject({
      code: 'invalid-argument',
    })
    await expect(mill.within({} as pg.PoolClient).enqueue(note, { n: 1 })).rejects.toMatchObject({
      code: 'invalid-argument',
    })
    expect(await sql(`SELECT 1 FROM ${schema}.live`)).toHaveLength(before)
  })

  test.each(['REPEATABLE READ', 'SERIALIZABLE'])(
    'works at %s, with parsers and a search path of its own',
    async (level) => {
      const tx = await begun(`BEGIN ISOLATION LEVEL ${level}`)
      await tx.query(
        `SET LOCAL search_path = nowhere; SET LOCAL statement_timeout = '5s'; SET LOCAL enable_indexscan = off`,
      )
      const handle = await mill.within(tx).enqueue(keyed, { key: `at ${level}` })
      await ended(tx, 'COMMIT')
      expect(await handle.status()).toMatchObject({ state: 'ready' })
    },
  )

  test('at repeatable read, what others have taken since is a typed error that says what to do', async () => {
    const tx = await begun('BEGIN ISOLATION LEVEL REPEATABLE READ')
    await tx.query('SELECT 1')
    await mill.enqueue(keyed, { key: 'since' })
    await expect(mill.within(tx).enqueue(keyed, { key: 'since' })).rejects.toMatchObject({
      code: 'store-busy',
      hint: expect.stringMatching(/roll/i) as string,
    })
    await ended(tx, 'ROLLBACK')
  })

  test('an aborted transaction is a typed error', async () => {
    const tx = await begun()
    await tx.query('SELECT nonsense').catch(() => undefined)
    await expect(mill.within(tx).enqueue(note, { n: 1 })).rejects.toMatchObject({
      code: 'store-unavailable',
      effect: 'none',
      hint: expect.stringMatching(/roll/i) as string,
    })
    await ended(tx, 'ROLLBACK')
  })
})

describe('a handler in a transaction', () => {
  test('ends its task together with its writes', async () => {
    const handler = note.handler<PgTransaction>((input, ctx) =>
      ctx.transaction(async (tx) => {
        await tx.query(write('done'))
        ctx.log.info('nearly there')
        return input.n + 1
      }),
    )
    const handle = await mill.enqueue(note, { n: 1 })
    const result = await working([handler], () => handle.result({ within: '10s' }))
    expect(result).toBe(2)
    expect(await effects()).toEqual(['done'])
    const [task] = await sql(`SELECT logs, session FROM ${schema}.final WHERE id = '${handle.id}'`)
    expect(task).toMatchObject({ logs: expect.stringContaining('nearly there') as string })
  })

  test('rolls back when it throws, and the attempt fails', async () => {
    const handler = note.handler<PgTransaction>((_, ctx) =>
      ctx.transaction(async (tx) => {
        await tx.query(write('undone'))
        throw new Error('no')
      }),
    )
    const handle = await mill.enqueue(note, { n: 1 })
    await working([handler], () => expect(handle.result({ within: '10s' })).rejects.toThrow('no'))
    expect(await effects()).toEqual([])
  })

  test('rolls back with FencedError when another has the task', async () => {
    const seen = Promise.withResolvers<unknown>()
    const handler = note.handler<PgTransaction>(async (_, ctx) => {
      try {
        return await ctx.transaction(async (tx) => {
          await tx.query(write('stale'))
          // as a take-over does it
          await sql(`UPDATE ${schema}.live SET epoch = epoch + 1 WHERE id = '${ctx.task.id}'`)
          return 1
        })
      } catch (error) {
        seen.resolve(error)
        throw error
      }
    })
    await mill.enqueue(note, { n: 1 })
    const error = await working([handler], () => seen.promise)
    expect(error).toMatchObject({ code: 'fenced' })
    expect(await effects()).toEqual([])
  })

  test('tells dependents', async () => {
    const parent = await mill.enqueue(note, { n: 1 })
    const child = await mill.enqueue(keyed, { key: 'of a transaction' }, { after: [parent] })
    const handlers = [
      note.handler<PgTransaction>((_, ctx) => ctx.transaction(() => 1)),
      keyed.handler(async (_, ctx) => (await ctx.results(note))[0]),
    ]
    expect(await working(handlers, () => child.result({ within: '10s' }))).toBe(1)
  })

  test('fails as invalid with a result that its schema refuses, and everything is rolled back', async () => {
    const big = defineTask('big', { input: unchecked<number>(), output: unchecked<string>() })
    const handler = big.handler<PgTransaction>((_, ctx) =>
      ctx.transaction(async (tx) => {
        await tx.query(write('big'))
        return 'x'.repeat(2_000_000)
      }),
    )
    const handle = await mill.enqueue(big, 1)
    await working([handler], () =>
      expect(handle.result({ within: '10s' })).rejects.toMatchObject({ reason: 'invalid' }),
    )
    expect(await effects()).toEqual([])
  })

  test('enqueues children under the fence, once over all attempts', async () => {
    const parent = defineTask('parent', {
      input: unchecked<number>(),
      retry: { attempts: 2, delay: () => 0 },
    })
    const handler = parent.handler<PgTransaction>(async (_, ctx) => {
      await ctx.transaction(async (tx) => {
        const child = await ctx.within(tx).enqueue(note, { n: 9 }, { key: 'child' })
        if (ctx.attempt === 1) throw new Error('again')
        return child.id
      })
    })
    const handle = await mill.enqueue(parent, 1)
    const child = await working([handler], () => handle.result({ within: '10s' }))
    expect(await mill.handle(note, String(child)).status()).toMatchObject({ state: 'ready' })
  })

  test('completes in a transaction that somebody else began', async () => {
    const handler = note.handler<PgTransaction>(async ({ n }, ctx) => {
      const tx = await begun()
      await tx.query(write('own'))
      await ctx.within(tx).complete(n + 1)
      await ended(tx, 'COMMIT')
      throw new Error('too late to matter')
    })
    const handle = await mill.enqueue(note, { n: 1 })
    const result = await working([handler], () => handle.result({ within: '10s' }))
    expect(result).toBe(2)
    expect(await effects()).toEqual(['own'])
  })

  test.each(['ROLLBACK', 'ROLLBACK TO SAVEPOINT before; COMMIT'])(
    'is judged by its return after %s',
    async (how) => {
      const handler = note.handler<PgTransaction>(async ({ n }, ctx) => {
        const tx = await begun()
        await tx.query('SAVEPOINT before')
        await tx.query(write('gone'))
        await ctx.within(tx).complete(-1)
        await tx.query(how)
        tx.release()
        return n
      })
      const handle = await mill.enqueue(note, { n: 7 })
      expect(await working([handler], () => handle.result({ within: '10s' }))).toBe(7)
      expect(await effects()).toEqual([])
    },
  )

  test('fails by what it threw after a rollback', async () => {
    const handler = note.handler<PgTransaction>(async (_, ctx) => {
      const tx = await begun()
      await ctx.within(tx).complete(-1)
      await ended(tx, 'ROLLBACK')
      throw new Error('after all')
    })
    const handle = await mill.enqueue(note, { n: 7 })
    await working([handler], () => expect(handle.result({ within: '10s' })).rejects.toThrow('after all'))
  })
})
