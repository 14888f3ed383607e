/** Processes that are slow, or stand still: what a claim says of when it was made, and how long locks are kept. */
import { randomUUID } from 'node:crypto'
import pg from 'pg'
import { expect, test } from 'vitest'
import type { Lane } from '@millrace/core/store'
import { demand, exchange, group, session, spec } from '../../sqlite/test/specs.ts'
import { Database } from '../src/database.ts'
import { openHome, serverOf, withServer } from './home.ts'

withServer()

const OWN: Lane = { partition: 'p', fifo: false, limits: [], prefers: [], spillMs: 0 }

// a claim that waits for its turn has read the clock before another one finds that a task has fallen due
test.each([{ lane: null }, { lane: OWN }])(
  'who takes what another found to be due has not started it before its time ($lane)',
  async ({ lane }) => {
    await using home = await openHome()
    const [quick, slow] = [home.store, await home.open()]
    const [first, second] = [session(), session({ session: randomUUID() })]
    await quick.openSession(first)
    await slow.openSession(second)
    const due = { inMs: 60_000 }
    const specs = [spec({ lane, due }), spec({ lane, due })]
    await quick.add({ groups: specs.map((one) => group(one)), again: false })
    await home.shiftClock(60_000)
    expect((await quick.exchange(exchange(first.session, { demand: demand(1) }))).claims).toHaveLength(1)
    await home.shiftClock(-60_000)
    const { claims } = await slow.exchange(exchange(second.session, { demand: demand(1) }))
    expect(claims).toHaveLength(1)
    expect(claims[0]!.claimedAt).toBe(claims[0]!.runAt)
    const [task] = await slow.get([claims[0]!.id])
    expect(task).toMatchObject({ startedAt: claims[0]!.runAt })
  },
)

test('who is stopped in the middle of a transaction keeps its locks no longer than it may take', async () => {
  await using home = await openHome()
  const pool = new pg.Pool({ connectionString: serverOf().url, max: 1 })
  const database = new Database({ pool, schema: home.schema, prepare: true })
  const rows = await database.transaction((connection) =>
    connection.rows<[string]>('SHOW idle_in_transaction_session_timeout'),
  )
  await pool.end()
  expect(rows).toEqual([['9500ms']])
})
