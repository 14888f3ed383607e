/** What is held back is passed over by its group: an exchange reads as many rows with much of it in front as with little. */
import pg from 'pg'
import { expect, test } from 'vitest'
import { PostgresStore } from '../src/index.ts'
import { demand, exchange, group, groups, session, spec } from '../../sqlite/test/specs.ts'
import { openHome, serverOf, sql, withServer } from './home.ts'
import type { Lane, TaskSpec } from '@millrace/core/store'

withServer()

function under(key: string): Partial<TaskSpec> {
  const lane: Lane = {
    partition: null,
    fifo: false,
    limits: [{ name: 'api', key, cost: 1 }],
    prefers: [],
    spillMs: 0,
  }
  return { lane }
}

const crowds: Readonly<Record<string, (n: number) => Partial<TaskSpec>>> = {
  'of a type that nobody here handles': () => ({ type: 'unknown' }),
  'that is held': () => ({ held: true }),
  'that is due later': () => ({ due: { inMs: 3_600_000 } }),
  'under a full key': () => under('full'),
  'under twenty full keys': (n) => under(`full${n % 20}`),
}

/** How many rows and index entries an exchange reads that claims ten, behind so many tasks. */
async function readBehind(crowd: (n: number) => Partial<TaskSpec>, size: number): Promise<number> {
  await using home = await openHome()
  const { schema } = home
  // all on one connection, which can be asked to tell what it has read
  const pool = new pg.Pool({ connectionString: serverOf().url, max: 1 })
  const store = new PostgresStore({ pool, schema })
  await store.open()
  await store.configureLimit({
    nonce: '0123456789abcdef',
    name: 'api',
    version: null,
    allowance: { concurrency: 0, rate: null },
    shutMs: null,
    by: 'user',
  })
  for (let from = 0; from < size; from += 1_000) {
    const tasks = Array.from({ length: Math.min(1_000, size - from) }, (_, n) => group(spec(crowd(n))))
    await store.add({ groups: tasks, again: false })
  }
  await store.add({ groups: groups(30), again: false })
  await sql(`ANALYZE ${schema}.live`)
  const { session: id } = session()
  await store.openSession(session({ session: id }))
  const claim = (): Promise<number> =>
    store.exchange(exchange(id, { demand: demand(10) })).then(({ claims }) => claims.length)
  expect(await claim()).toBe(10)
  const read = async (): Promise<number> => {
    await pool.query('SELECT pg_stat_force_next_flush()')
    await pool.query('SELECT 1')
    const { rows } = await pool.query<{ read: string }>(
      `SELECT (SELECT sum(seq_tup_read) FROM pg_stat_all_tables WHERE schemaname = $1) +
        (SELECT sum(idx_tup_read) FROM pg_stat_all_indexes WHERE schemaname = $1) AS read`,
      [schema],
    )
    return Number(rows[0]!.read)
  }
  const before = await read()
  expect(await claim()).toBe(10)
  const rows = (await read()) - before
  await store.close()
  await pool.end()
  return rows
}

test.each(Object.entries(crowds))(
  'a crowd %s costs no look at each',
  { timeout: 60_000 },
  async (_, crowd) => {
    const few = await readBehind(crowd, 100)
    const many = await readBehind(crowd, 10_000)
    expect(few).toBeGreaterThan(10)
    expect(many).toBeLessThanOrEqual(few + 20)
  },
)
