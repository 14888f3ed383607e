/** What must not grow with what a store has lived through, and whom a slow request must not keep waiting. */
import pg from 'pg'
import { expect, test } from 'vitest'
import { PostgresStore } from '../src/index.ts'
import { openHome, serverOf, sql, withServer, type PostgresHome } from './home.ts'
import { demand, exchange, group, groups, session, spec, succeeded } from '../../sqlite/test/specs.ts'
import type { CommandAnswer, ListAnswer, TaskId, TaskSummary } from '@millrace/core/store'

withServer()

test('no renewal waits for a command over a filter that waits for somebody else', async () => {
  await using home = await openHome()
  const { store, schema } = home
  const request = session()
  await store.openSession(request)
  await store.add({ groups: groups(1), again: false })
  const client = new pg.Client({ connectionString: serverOf().url })
  await client.connect()
  await client.query(`BEGIN; SELECT id FROM ${schema}.live FOR UPDATE`)
  const target = { filter: { queue: 'default' }, cursor: null }
  const commanding = store.command({
    nonce: '0123456789abcdef',
    command: { kind: 'hold' },
    tasksMax: 10,
    target,
  })
  const waiting = (): Promise<readonly unknown[]> => sql(`SELECT FROM pg_locks WHERE NOT granted`)
  await expect.poll(async () => (await waiting()).length).toBe(1)
  const renewing = store.renew({ session: request.session, ttlMs: 60_000, seq: 1, held: [], awaiting: [] })
  const first = await Promise.race([
    renewing.then(() => 'renewed'),
    commanding.catch(() => undefined).then(() => 'commanded'),
  ])
  await client.query('ROLLBACK')
  await client.end()
  expect(first).toBe('renewed')
  expect(await commanding).toMatchObject({ changed: 1 })
})

test('retention by bytes counts what a task leaves behind of its checkpoint', async () => {
  await using home = await openHome()
  const { store } = home
  const { session: id } = session()
  await store.openSession(session({ session: id }))
  await store.add({ groups: groups(3), again: false })
  const { claims } = await store.exchange(exchange(id, { demand: demand(3) }))
  const [text, bytes, both] = claims
  const checkpoints = [`"${'x'.repeat(60_000)}"`, new Uint8Array(60_000), '1']
  const saved = claims.map((claim, index) => {
    const checkpoint = checkpoints[index]!
    return { ...succeeded(claim), transition: { to: 'running', checkpoint } } as const
  })
  await store.exchange(exchange(id, { settlements: saved }))
  const error = { name: 'Error', message: '', code: null, stack: null }
  const failed = { to: 'failed', count: 'failure', reason: 'error', error } as const
  const ends = [succeeded(text!), { ...succeeded(bytes!), transition: failed }, succeeded(both!)]
  for (const end of ends) await store.exchange(exchange(id, { settlements: [{ ...end, seq: 2 }] }))
  const ages = { succeededMs: null, cancelledMs: null, failedMs: null, count: null }
  await store.prune({ tasksMax: 10, retention: { ...ages, bytes: 130_000 } })
  expect((await store.get(claims.map((claim) => claim.id))).map((task) => task?.state)).toEqual([
    'succeeded',
    'failed',
    'succeeded',
  ])
  await store.prune({ tasksMax: 10, retention: { ...ages, bytes: 50_000 } })
  expect((await store.get(claims.map((claim) => claim.id))).map((task) => task?.state)).toEqual([
    undefined,
    undefined,
    'succeeded',
  ])
})

/** One task in each of some states, and behind them as many ended and waiting ones as it takes to notice. */
async function withHistory({ store, schema }: PostgresHome, copies: number): Promise<TaskId> {
  const { session: id } = session()
  await store.openSession(session({ session: id }))
  await store.add({ groups: groups(3), again: false })
  const { claims } = await store.exchange(exchange(id, { demand: demand(3) }))
  const [done, lost, running] = claims
  const error = { name: 'Error', message: '', code: null, stack: null }
  const failed = { to: 'failed', count: 'failure', reason: 'error', error } as const
  const settlements = [succeeded(done!), { ...succeeded(lost!), transition: failed }]
  await store.exchange(exchange(id, { settlements }))
  await store.add({ groups: groups(1), again: false })
  for (const [table, state] of [
    ['final', 4],
    ['live', 1],
  ] as const) {
    const columns = (await sql(
      `SELECT string_agg(quote_ident(column_name), ', ') AS names FROM information_schema.columns
        WHERE table_schema = '${schema}' AND table_name = '${table}' AND column_name NOT IN ('id', 'seq')`,
    )) as readonly { names: string }[]
    const { names } = columns[0]!
    await sql(`INSERT INTO ${schema}.${table}(id, seq, ${names}) SELECT gen_random_uuid(), 1000 + n, ${names}
      FROM ${schema}.${table}, generate_series(1, ${copies}) AS n WHERE state = ${state}`)
  }
  return running!.id
}

test('a command over a filter finds what failed without a look at what succeeded or waits', async () => {
  await using home = await openHome()
  await withHistory(home, 12_000)
  const order = {
    nonce: '0123456789abcdef',
    command: { kind: 'retry', payload: null },
    tasksMax: 10,
  } as const
  const answer = await home.store.command({
    ...order,
    target: { filter: { states: ['failed'] }, cursor: null },
  })
  expect(answer).toMatchObject({ matched: 1, changed: 1, cursor: null })
})

test('pages of a command and of a list end where they have looked at much, and go on from there', async () => {
  await using home = await openHome()
  const { store } = home
  const running = await withHistory(home, 12_000)
  const order = { nonce: '0123456789abcdef', command: { kind: 'hold' }, tasksMax: 10 } as const
  const filter = { queue: 'other', states: ['pending', 'succeeded'] } as const
  let [pages, changed] = [0, 0]
  for (let cursor: string | null = null; pages === 0 || cursor !== null; pages++) {
    const answer: CommandAnswer = await store.command({
      ...order,
      target: { filter: { ...filter, type: 'other' }, cursor },
    })
    changed += answer.changed
    cursor = answer.cursor
  }
  expect([pages, changed]).toEqual([3, 0])
  const found: TaskSummary[] = []
  pages = 0
  for (let cursor: string | null = null; pages === 0 || cursor !== null; pages++) {
    const page: ListAnswer = await store.list({
      filter: { states: ['running', 'failed'] },
      limit: 10,
      cursor,
    })
    found.push(...page.tasks)
    cursor = page.next
  }
  expect(found.map(({ id, state }) => (id === running ? 'it' : state)).toSorted()).toEqual(['failed', 'it'])
  expect(pages).toBe(3)
})

test('groups of one request that running tasks enqueue are not asked about one by one', async () => {
  await using home = await openHome()
  const { store, schema } = home
  const { session: id } = session()
  await store.openSession(session({ session: id }))
  await store.add({ groups: groups(50), again: false })
  const { claims } = await store.exchange(exchange(id, { demand: demand(50) }))
  const pool = new pg.Pool({ connectionString: serverOf().url, max: 2 })
  let statements = 0
  pool.on('connect', (client) => {
    const query = client.query.bind(client) as (...args: unknown[]) => unknown
    Object.assign(client, { query: (...args: unknown[]) => (statements++, query(...args)) })
  })
  const counting = new PostgresStore({ pool, schema })
  await counting.open()
  const under = claims.map((claim) => ({ task: claim.id, epoch: claim.epoch, nonce: claim.nonce }))
  const stale = { ...under[0]!, epoch: 7 }
  const all = [...under, stale].map((fence) => ({ ...group(spec()), under: fence }))
  statements = 0
  const answers = await counting.add({ groups: all, again: false })
  expect(answers.map(({ outcome }) => outcome)).toEqual([...under.map(() => 'added'), 'stale'])
  expect(statements).toBeLessThan(20)
  await counting.close()
  await pool.end()
})
