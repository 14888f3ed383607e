import { expect, test } from 'vitest'
import { group, spec } from '../../sqlite/test/specs.ts'
import { openHome, sql, withServer } from './home.ts'
import type { BudgetSettings, Lane, Spending } from '@millrace/core/store'

withServer()

function budgetOf(name: string): BudgetSettings {
  return { scope: { kind: 'partition', name }, budget: { tasks: 1, bytes: null, quota: null } }
}

test('of two that set the last budget at once one is too many', async () => {
  await using home = await openHome()
  await sql(
    `INSERT INTO ${home.schema}.budgets SELECT 'queue', 'q' || n, '{}' FROM generate_series(1, 997) AS n`,
  )
  const names = ['a', 'b', 'c', 'd', 'e', 'f']
  const outcomes = await Promise.all(names.map((name) => home.store.configureBudget(budgetOf(name))))
  expect(outcomes.toSorted()).toEqual(['applied', 'applied', 'applied', 'too-many', 'too-many', 'too-many'])
})

test('copies of what a spender tells, in any order and at once, count once', async () => {
  await using home = await openHome()
  const { store } = home
  const window = { from: 0, until: 4_000_000_000_000 }
  const scopes = Array.from({ length: 50 }, (_, index) => ({ kind: 'partition', name: `p${index}` }) as const)
  const told = (tasks: number): Spending[] =>
    scopes.map((scope) => ({ scope, window, tasks, handlerMs: tasks / 2 }))
  const copies = Array.from({ length: 20 }, (_, index) =>
    index % 2 === 0 ? told(index) : told(index).toReversed(),
  )
  await Promise.all(copies.map((spendings) => store.spend({ spender: 'a', spendings })))
  // one request that names a window twice
  await store.spend({ spender: 'a', spendings: [...told(18), ...told(7)] })
  const { usages } = await store.usage(scopes.map((scope) => ({ scope, window })))
  expect(new Set(usages.map(({ spent }) => JSON.stringify(spent)))).toEqual(
    new Set([JSON.stringify({ tasks: 19, handlerMs: 9.5 })]),
  )
})

test('a queue and its partitions are counted in one look, and a question may come twice', async () => {
  await using home = await openHome()
  const lane = (partition: string): Lane => {
    return { partition, fifo: false, limits: [], prefers: [], spillMs: 0 }
  }
  const groups = ['a', 'a', 'b', null].map((name) =>
    group(spec({ payload: 'xyz', lane: name === null ? null : lane(name) })),
  )
  await home.store.add({ groups, again: false })
  const scopes = [
    { kind: 'partition', name: 'b' },
    { kind: 'queue', name: 'default' },
    { kind: 'queue', name: 'b' },
    { kind: 'partition', name: 'a' },
    { kind: 'queue', name: 'default' },
  ] as const
  const { usages } = await home.store.usage(scopes.map((scope) => ({ scope, window: null })))
  expect(usages.map(({ tasks, bytes }) => [tasks, bytes])).toEqual([
    [1, 3],
    [4, 12],
    [0, 0],
    [2, 6],
    [4, 12],
  ])
})
