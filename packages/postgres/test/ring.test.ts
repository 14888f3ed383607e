/** Partitions of finished tasks that are emptied as a whole: what goes, what stays, and what is remembered. */
import { randomUUID } from 'node:crypto'
import pg from 'pg'
import { expect, test } from 'vitest'
import { PostgresStore } from '../src/index.ts'
import { migrationSql } from '../src/migrations.ts'
import { demand, exchange, groups, group, session, spec, succeeded } from '../../sqlite/test/specs.ts'
import { serverOf, sql, withServer } from './home.ts'
import { fillRing, HOUR, TASKS } from './past.ts'
import type { Retention } from '@millrace/core/store'

withServer()

const DAY: Retention = { succeededMs: 24 * HOUR, cancelledMs: null, failedMs: null, count: null, bytes: null }

interface History extends AsyncDisposable {
  readonly store: PostgresStore
  readonly schema: string
  /** Runs something on the schema's tables, which it calls `home`. */
  readonly run: (script: string) => Promise<readonly unknown[]>
  /** How many tasks are in each partition of the ring. */
  tasks(): Promise<readonly number[]>
}

/** Six partitions that were filled for four hours each, the first one from 40 hours ago; and a queue b. */
async function history(): Promise<History> {
  const schema = `h_${randomUUID().slice(0, 8)}`
  await sql(migrationSql(schema))
  const store = new PostgresStore({ url: serverOf().url, schema })
  await store.open()
  await store.configureQueue({ queue: 'a', paused: false })
  await store.configureQueue({ queue: 'b', paused: false })
  const run = (script: string): Promise<readonly unknown[]> => sql(script.replaceAll('home.', `${schema}.`))
  const now = await store.now()
  await fillRing(schema, now)
  const tasks = async (): Promise<readonly number[]> => {
    const rows = await run(
      `SELECT (SELECT count(*)::integer FROM home.final WHERE slot = s) AS n FROM generate_series(0, 7) AS s ORDER BY s`,
    )
    return (rows as readonly { n: number }[]).map(({ n }) => n)
  }
  return { store, schema, run, tasks, [Symbol.asyncDispose]: () => store.close() }
}

async function exhaust(store: PostgresStore, retention: Retention): Promise<readonly number[]> {
  const changes: number[] = []
  for (;;) {
    const { changed, more } = await store.prune({ tasksMax: 1_000, retention })
    changes.push(changed)
    if (!more) return changes
  }
}

async function countOf(store: PostgresStore, queue: string): Promise<number | undefined> {
  return (await store.queues()).find((one) => one.queue === queue)?.counts.succeeded
}

async function idsOf(run: History['run'], what: string): Promise<readonly string[]> {
  return (
    (await run(`SELECT id::text FROM home.final WHERE ${what} ORDER BY seq`)) as readonly { id: string }[]
  ).map(({ id }) => id)
}

test('what is older than retention goes in one piece, the younger part of a partition one by one', async () => {
  await using home = await history()
  const { store } = home
  // half of the fifth one is beyond then
  await store.shiftClock(2 * HOUR)
  const changes = await exhaust(store, DAY)
  expect(await home.tasks()).toEqual([0, 0, 0, 0, expect.closeTo(TASKS / 2, -2) as number, TASKS, 0, 0])
  // four partitions, one change each, and one by one what is beyond of the fifth
  expect(changes.slice(0, 4)).toEqual([1, 1, 1, 1])
  expect(changes.every((changed) => changed <= 1_000)).toBe(true)
  const left = (await home.tasks()).reduce((sum, n) => sum + n)
  expect(await countOf(store, 'a')).toBe(left)
})

test('parents of live tasks and queues that keep theirs are moved along', async () => {
  await using home = await history()
  const { store, run } = home
  await store.configureQueue({
    queue: 'b',
    retention: { succeededMs: null, cancelledMs: null, failedMs: null, count: null, bytes: null },
  })
  await run(`
    UPDATE home.final SET queue = (SELECT key FROM home.queues WHERE name = 'b') WHERE seq <= 20;
    UPDATE home.volumes SET tasks = tasks - 20, bytes = bytes - 20 * 1896;
    INSERT INTO home.volumes SELECT key, 4, 20, 20 * 1896 FROM home.queues WHERE name = 'b'`)
  const [parent] = await idsOf(run, 'seq = 100')
  const child = spec({ after: [{ parent: parent!, ifFailed: 'cancel' }], due: { inMs: 24 * HOUR } })
  await store.add({ groups: [group(child)], again: false })
  await exhaust(store, DAY)
  expect((await home.tasks())[0]).toBe(0)
  expect(await idsOf(run, 'slot = 6')).toEqual(await idsOf(run, 'seq <= 20 OR seq = 100'))
  expect(await countOf(store, 'b')).toBe(20)
  expect((await store.get([parent!]))[0]).toMatchObject({ id: parent, state: 'succeeded' })
})

test('ids that users made, and young ones of clients, stay known', async () => {
  await using home = await history()
  const { store, run } = home
  const now = await store.now()
  await run(
    `UPDATE home.final SET flags = flags | 1 WHERE seq = 7; UPDATE home.final SET enqueued_at = ${now - 60_000} WHERE seq = 8`,
  )
  const [users, clients, old] = await idsOf(run, 'seq IN (7, 8, 9)')
  await exhaust(store, DAY)
  const graves = await run('SELECT id::text, digest, state, until FROM home.tombstones ORDER BY until DESC')
  expect(graves).toEqual([
    { id: users, digest: 'digest', state: 4, until: expect.any(String) as string },
    { id: clients, digest: 'digest', state: 4, until: String(now - 60_000 + 15 * 60_000) },
  ])
  expect(await store.get([users!, clients!, old!])).toEqual([null, null, null])
  const again = await store.add({
    groups: [group(spec({ id: users!, idMadeBy: 'user', digest: 'digest' }))],
    again: true,
  })
  expect(again).toMatchObject([
    { outcome: 'added', tasks: [{ outcome: 'duplicate', by: { state: 'succeeded' } }] },
  ])
})

test('beyond the number, and beyond the bytes, the oldest partitions go', async () => {
  for (const bound of [{ count: 4 * TASKS }, { bytes: 4 * TASKS * 1_896 }]) {
    await using home = await history()
    await exhaust(home.store, { ...DAY, succeededMs: null, ...bound })
    // the thousandth last and what came behind it stay in each, and then go one by one
    expect(await countOf(home.store, 'a')).toBe(4 * TASKS)
    expect((await home.tasks()).slice(2, 6)).toEqual([TASKS, TASKS, TASKS, TASKS])
  }
})

test('somebody who reads a partition for long is not waited for, and the rest goes on', async () => {
  await using home = await history()
  const other = new pg.Client(serverOf().url)
  await other.connect()
  await other.query(`BEGIN; SELECT FROM ${home.schema}.final_0 LIMIT 1`)
  const request = session()
  await home.store.openSession(request)
  await home.store.add({ groups: groups(10), again: false })
  const pruned = home.store.prune({ tasksMax: 100, retention: DAY })
  const { claims } = await home.store.exchange(exchange(request.session, { demand: demand(10) }))
  const { verdicts } = await home.store.exchange(
    exchange(request.session, { settlements: claims.map(succeeded) }),
  )
  expect(verdicts).toHaveLength(10)
  // one by one it goes on all the same
  expect(await pruned).toEqual({ changed: 100, more: true })
  await other.query('COMMIT')
  await other.end()
  expect(await home.store.prune({ tasksMax: 100, retention: DAY })).toEqual({ changed: 1, more: true })
  expect((await home.tasks())[0]).toBe(0)
})

test('several may do it at once, and nothing is counted twice', async () => {
  await using home = await history()
  const others = await Promise.all(
    Array.from({ length: 3 }, async () => {
      const store = new PostgresStore({ url: serverOf().url, schema: home.schema })
      await store.open()
      return store
    }),
  )
  await Promise.all([home.store, ...others].map((store) => exhaust(store, DAY)))
  await exhaust(home.store, DAY)
  const left = (await home.tasks()).reduce((sum, n) => sum + n)
  // time goes on: a few more are beyond by now
  expect(left).toBeGreaterThan(2 * TASKS - 50)
  expect(left).toBeLessThanOrEqual(2 * TASKS)
  expect(await countOf(home.store, 'a')).toBe(left)
  await Promise.all(others.map((store) => store.close()))
})

test('when a partition has its part, what succeeds goes to the next one', async () => {
  await using home = await history()
  const { store, run } = home
  const end = async (): Promise<unknown> => {
    const request = session()
    await store.openSession(request)
    await store.add({ groups: groups(1), again: false })
    const { claims } = await store.exchange(exchange(request.session, { demand: demand(1) }))
    await store.exchange(exchange(request.session, { settlements: claims.map(succeeded) }))
    return run(`SELECT slot FROM home.final WHERE id = '${claims[0]!.id}'`)
  }
  const turned = async (from: number): Promise<unknown> => {
    await run(`UPDATE home.clock SET slot = ${from}`)
    await store.prune({ tasksMax: 1, retention: { ...DAY, succeededMs: 60 * HOUR } })
    return run('SELECT slot FROM home.clock')
  }
  // one with nothing in it, and one with nothing empty behind it, stay
  expect([await turned(6), await turned(4)]).toEqual([[{ slot: 6 }], [{ slot: 4 }]])
  expect(await turned(5)).toEqual([{ slot: 6 }])
  expect(await end()).toEqual([{ slot: 6 }])
})
