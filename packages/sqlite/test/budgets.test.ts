/** What is live, counted as it comes and goes or when somebody asks, and what that must not depend on. */
import { DatabaseSync } from 'node:sqlite'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { openHome, type SqliteHome } from './home.ts'
import { TransactionalSqliteStore } from '../src/index.ts'
import { demand, exchange, group, groups, session, spec, succeeded } from './specs.ts'
import type { Budget, BudgetScope, Lane, Store } from '@millrace/core/store'

const QUEUE: BudgetScope = { kind: 'queue', name: 'default' }
const ACME: BudgetScope = { kind: 'partition', name: 'acme' }
const OTHER: BudgetScope = { kind: 'queue', name: 'other' }
const BUDGET: Budget = { tasks: 1, bytes: null, quota: null }
const LANE: Lane = { partition: 'acme', fifo: false, limits: [], prefers: [], spillMs: 0 }
const ONE = spec().payload.length

let home: SqliteHome
beforeEach(async () => {
  home = await openHome()
})
afterEach(() => home.close())

/** Live tasks of the queue and of the partition, and their bytes. */
async function live(store: Store = home.store): Promise<readonly (readonly [number, number])[]> {
  const { usages } = await store.usage([QUEUE, ACME].map((scope) => ({ scope, window: null })))
  return usages.map(({ tasks, bytes }) => [tasks, bytes])
}

async function add(count: number, changes: Partial<ReturnType<typeof spec>> = {}): Promise<void> {
  await home.store.add({ groups: groups(count, changes), again: false })
}

/** Some that run, have ended, or wait for whatever there is to wait for: 9 are live. */
async function crowd(): Promise<void> {
  const { store } = home
  const { session: id, ...rest } = session()
  await store.openSession({ session: id, ...rest })
  await add(3)
  await add(2, { lane: LANE })
  const { claims } = await store.exchange(exchange(id, { demand: demand(5) }))
  const ended = claims.slice(0, 2).map(succeeded)
  await store.exchange(exchange(id, { settlements: ended }))
  const parent = claims[4]!.id
  await add(1, { held: true })
  await add(1, { due: { inMs: 60_000 } })
  await add(1, { after: [{ parent, ifFailed: 'cancel' }] })
  await add(3, { lane: { ...LANE, fifo: true } })
}

test('the first budget counts what there is, whatever it waits for', async () => {
  await crowd()
  const counted = await live()
  await home.store.configureBudget({ scope: OTHER, budget: BUDGET })
  expect(await live()).toEqual(counted)
  expect(counted[0]).toEqual([9, 9 * ONE])
})

test('what came and went while there was no budget is known to the next one', async () => {
  const { store } = home
  await store.configureBudget({ scope: OTHER, budget: BUDGET })
  await add(5, { lane: LANE })
  await store.configureBudget({ scope: OTHER, budget: null })
  await add(2)
  await store.command({
    nonce: '0123456789abcdef',
    command: { kind: 'cancel', reason: null },
    target: { filter: { states: ['pending'] }, cursor: null },
    tasksMax: 100,
  })
  await add(1, { lane: LANE })
  await store.configureBudget({ scope: ACME, budget: BUDGET })
  expect(await live()).toEqual([
    [1, ONE],
    [1, ONE],
  ])
})

test('a budget that somebody else sets is heeded at once', async () => {
  const other = await home.open()
  await add(2)
  await other.configureBudget({ scope: OTHER, budget: BUDGET })
  await add(3, { lane: LANE })
  expect(await live(other)).toEqual([
    [5, 5 * ONE],
    [3, 3 * ONE],
  ])
})

test.each(['COMMIT', 'ROLLBACK'])('what a transaction of a user’s does counts by its %s', async (end) => {
  const connection = new DatabaseSync(home.path, { timeout: 0, readBigInts: true })
  const store = new TransactionalSqliteStore({ connection })
  await store.open()
  await add(1)
  await store.configureBudget({ scope: OTHER, budget: BUDGET })
  connection.exec('BEGIN IMMEDIATE')
  await store.transactions.add(connection, group(spec(), spec({ lane: LANE })))
  connection.exec(end)
  const [queue, partition] = end === 'COMMIT' ? [3, 1] : [1, 0]
  expect(await live()).toEqual([
    [queue, queue * ONE],
    [partition, partition * ONE],
  ])
  await store.close()
  connection.close()
})
