/** Flows in Postgres: large ones, and such as are enqueued in a transaction of the user's. */
import { randomUUID } from 'node:crypto'
import pg from 'pg'
import { expect, test } from 'vitest'
import { chord, defineTask, group, TransactionalMill, unchecked, type EnqueuedHandle } from '@millrace/core'
import { checkFans } from '../../core/test/client/fans.ts'
import { PostgresStore, type PgTransaction } from '../src/index.ts'
import { openHome, serverOf, withServer } from './home.ts'

withServer()

const part = defineTask('part', { input: unchecked<number>(), output: unchecked<number>(), retry: false })
const sum = defineTask('sum', { input: unchecked<readonly number[]>(), output: unchecked<number>() })

test('fans of ten thousand', async () => {
  await using home = await openHome()
  expect(await checkFans(home.store)).toBe(undefined)
}, 120_000)

test('flows and triggers in transactions of the user', async () => {
  const pool = new pg.Pool({ connectionString: serverOf().url, max: 8 })
  const store = new PostgresStore({ pool, schema: `flow_${randomUUID().slice(0, 8)}` })
  const mill = new TransactionalMill<PgTransaction>(store)
  await mill.open()
  const within = async <T>(
    how: 'COMMIT' | 'ROLLBACK',
    work: (tx: pg.PoolClient) => Promise<T>,
  ): Promise<T> => {
    const tx = await pool.connect()
    await tx.query('BEGIN')
    const answer = await work(tx)
    await tx.query(how)
    tx.release()
    return answer
  }
  const state = async (handle: EnqueuedHandle): Promise<string> => (await handle.status()).state

  // parents that ended before, in either way; and one that lives
  const [failed, other] = [await mill.enqueue(part, 1), await mill.enqueue(part, 2)]
  await failed.cancel()
  await other.cancel()
  const open = await mill.enqueue(part, 3, { held: true })
  await mill.tasks.retry([other.id])
  await using worker = mill.worker({
    lease: '1s',
    handlers: [part.handler((n) => n), sum.handler((all) => all.reduce((total, n) => total + n, 0))],
  })
  await worker.start()
  await other.result({ within: '10s' })
  const trigger = (task: EnqueuedHandle) => ({ task, ifFailed: 'trigger' }) as const

  const [started, cancelled, waiting, flow, told] = await within('COMMIT', async (tx) => {
    const inside = mill.within(tx)
    return [
      await inside.enqueue(part, 4, { after: [trigger(open), trigger(failed)], held: true }),
      await inside.enqueue(part, 5, { after: [trigger(other)] }),
      await inside.enqueue(part, 6, { after: [trigger(other), trigger(open)], held: true }),
      await inside.enqueueFlow(chord([part.with(1), part.with(2)], sum)),
      await inside.enqueueFlow(group([part.with(7)], { onFailed: part.with(8), onEnded: part.with(9) })),
    ] as const
  })
  expect(await flow.last.result({ within: '10s' })).toBe(3)
  await expect.poll(() => state(cancelled)).toBe('cancelled')
  await expect.poll(() => Promise.all(told.all.map(state))).toEqual(['succeeded', 'succeeded', 'cancelled'])
  expect(await started.status()).toMatchObject({ state: 'held', blockers: 0 })
  expect(await waiting.status()).toMatchObject({ state: 'blocked', blockers: 1 })
  await open.cancel()
  await expect.poll(() => state(waiting)).toBe('held')

  const never = await within('ROLLBACK', (tx) => mill.within(tx).enqueueFlow(chord([part.with(1)], sum)))
  for (const handle of never.all) await expect(handle.status()).rejects.toMatchObject({ code: 'not-found' })
  await mill.close()
  await pool.end()
}, 60_000)
