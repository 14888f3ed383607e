/** What is counted for budgets is counted in bytes, and nothing is left of it when it is over. */
import { createClient } from '@redis/client'
import { expect, test } from 'vitest'
import { demand, exchange, group, session, spec, succeeded } from '../../sqlite/test/specs.ts'
import { openHome, serverUrl, useServer, type RedisHome } from './home.ts'
import type { BudgetScope, Lane } from '@millrace/core/store'

useServer()

const HOUR_MS = 3_600_000
const QUEUE: BudgetScope = { kind: 'queue', name: 'default' }
const ACME: BudgetScope = { kind: 'partition', name: 'acme' }
const LANE: Lane = { partition: 'acme', fifo: false, limits: [], prefers: [], spillMs: 0 }

/** The keys of a home that begin so. */
async function keysOf(
  { namespace }: RedisHome,
  ...beginnings: readonly string[]
): Promise<readonly string[]> {
  const client = await createClient({ url: serverUrl() }).connect()
  const prefix = `{mr:${namespace}}`
  const keys = (await client.keys(`${prefix}*`)).map((key) => key.slice(prefix.length))
  client.destroy()
  return keys.filter((key) => beginnings.some((beginning) => key.startsWith(beginning))).toSorted()
}

async function holding({ store }: RedisHome): Promise<readonly (readonly [tasks: number, bytes: number])[]> {
  const { usages } = await store.usage([QUEUE, ACME].map((scope) => ({ scope, window: null })))
  return usages.map(({ tasks, bytes }) => [tasks, bytes])
}

test('payloads count in bytes, however many come at once and wherever they stand, until their tasks succeed', async () => {
  await using home = await openHome()
  const { store } = home
  const payloads = ['größer', 'x', 'y'.repeat(9_000), new Uint8Array(300), 'x', '']
  const tasks = payloads.map((payload, index) => spec({ payload, lane: index % 2 === 0 ? LANE : null }))
  await store.add({ groups: tasks.map((task) => group(task)), again: false })
  const all = [
    [6, 8 + 1 + 9_000 + 300 + 1],
    [3, 8 + 9_000 + 1],
  ]
  expect(await holding(home)).toEqual(all)
  const mine = session()
  await store.openSession(mine)
  const { claims } = await store.exchange(exchange(mine.session, { demand: demand(10) }))
  expect(claims).toHaveLength(6)
  expect(await holding(home)).toEqual(all)
  const settlements = claims.map((claim) => {
    return { ...succeeded(claim), transition: { to: 'succeeded', result: 'a result' } } as const
  })
  await store.exchange(exchange(mine.session, { settlements }))
  expect(await holding(home)).toEqual([
    [0, 0],
    [0, 0],
  ])
})

test('nothing is left of partitions that hold nothing, and of windows that are over', async () => {
  await using home = await openHome()
  const { store } = home
  const task = spec({ lane: LANE, dueByMs: 1_000 })
  await store.add({ groups: [group(task)], again: false })
  const now = await store.now()
  const windows = [1, 2].map((hours) => ({ from: now, until: now + hours * HOUR_MS }))
  const spendings = windows.map((window) => ({ scope: ACME, window, tasks: 1, handlerMs: 0.5 }))
  await store.spend({ spender: 'one', spendings })
  await store.spend({ spender: 'other', spendings })
  expect(await keysOf(home, '0', 'I', 'O')).toHaveLength(5)
  const target = { ids: [task.id] }
  await store.command({
    nonce: '0123456789abcdef',
    command: { kind: 'cancel', reason: null },
    target,
    tasksMax: 1,
  })
  await home.shiftClock(HOUR_MS)
  const retention = { succeededMs: null, cancelledMs: null, failedMs: null, count: null, bytes: null }
  expect(await store.prune({ tasksMax: 1_000, retention })).toEqual({ changed: 0, more: false })
  const { until } = windows[1]!
  expect(await keysOf(home, '0', 'I', 'O')).toEqual([`I${now} ${until} partition acme`, 'Iw'])
  await home.shiftClock(HOUR_MS)
  await store.prune({ tasksMax: 1_000, retention })
  expect(await keysOf(home, '0', 'I', 'O')).toEqual([])
})
