/** What is held back is passed over by its group: an exchange reads as many rows with much of it in front as with little. */
import pg from 'pg'
import { expect, test } from 'vitest'
import { PostgresStore } from '../src/index.ts'
import { claimsBehind, crowds } from '../../sqlite/test/crowds.ts'
import { openHome, serverOf, sql, withServer } from './home.ts'

withServer()

/** How many rows and index entries an exchange reads that claims ten, behind so many tasks. */
async function readBehind(crowd: (typeof crowds)[number][1], size: number): Promise<number> {
  await using home = await openHome()
  const { schema } = home
  // all on one connection, which can be asked to tell what it has read
  const pool = new pg.Pool({ connectionString: serverOf().url, max: 1 })
  const store = new PostgresStore({ pool, schema })
  await store.open()
  const claim = await claimsBehind(store, crowd, size)
  await sql(`ANALYZE ${schema}.live`)
  await claim()
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
  await claim()
  const rows = (await read()) - before
  await store.close()
  await pool.end()
  return rows
}

test.each(crowds)('a crowd %s costs no look at each', { timeout: 60_000 }, async (_, crowd) => {
  const few = await readBehind(crowd, 100)
  const many = await readBehind(crowd, 10_000)
  expect(few).toBeGreaterThan(10)
  expect(many).toBeLessThanOrEqual(few + 20)
})
