/** Servers, roles and pools that are set up in another way than most. */
import { randomUUID } from 'node:crypto'
import pg from 'pg'
import { afterEach, expect, test } from 'vitest'
import { PostgresStore } from '../src/index.ts'
import { Names } from '../src/names.ts'
import { Database } from '../src/database.ts'
import { serverOf, sql, withServer } from './home.ts'
import { demand, exchange, group, groups, session, spec, succeeded } from '../../sqlite/test/specs.ts'

withServer()

const open: (() => Promise<unknown>)[] = []
afterEach(async () => {
  for (const close of open.splice(0).toReversed()) await close()
})

function newSchema(): string {
  return `s_${randomUUID().slice(0, 8)}`
}

async function opened(options: ConstructorParameters<typeof PostgresStore>[0]): Promise<PostgresStore> {
  const store = new PostgresStore(options)
  await store.open()
  open.push(() => store.close())
  return store
}

async function live(store: PostgresStore): Promise<readonly string[]> {
  const request = session()
  await store.openSession(request)
  await store.add({ groups: groups(5), again: false })
  const { claims } = await store.exchange(exchange(request.session, { demand: demand(5) }))
  return (await store.exchange(exchange(request.session, { settlements: claims.map(succeeded) }))).verdicts
}

test('bytes come back as they went, however the server writes them', async () => {
  const role = `r_${randomUUID().slice(0, 8)}`
  await sql(`CREATE ROLE ${role} LOGIN SUPERUSER; ALTER ROLE ${role} SET bytea_output = 'escape'`)
  const url = serverOf().url.replace('millrace@', `${role}@`)
  const store = await opened({ url, schema: newSchema() })
  const payload = Uint8Array.from({ length: 512 }, (_, index) => index % 256)
  const task = spec({ payload })
  await store.add({ groups: [group(task)], again: false })
  expect((await store.get([task.id]))[0]?.payload).toEqual(payload)
  const request = session()
  await store.openSession(request)
  const { claims } = await store.exchange(exchange(request.session, { demand: demand(1) }))
  expect(claims[0]?.payload).toEqual(payload)
})

test('a connection that has lost its prepared statements is not used again', async () => {
  const pool = new pg.Pool({ connectionString: serverOf().url, max: 1 })
  open.push(() => pool.end())
  const store = await opened({ pool, schema: newSchema() })
  await store.now()
  // as somebody may do between two users of a connection
  await pool.query('DISCARD ALL')
  await expect(store.now()).rejects.toMatchObject({
    effect: 'none',
    hint: expect.stringContaining('prepare') as string,
  })
  expect(await store.now()).toBeGreaterThan(0)
})

test.each(['$1', 'a $x$ b', 'it\'s $1 \\ "x"', 'Homé', '$millrace$'])('a schema named %s', async (schema) => {
  const verdicts = await live(await opened({ url: serverOf().url, schema }))
  expect(verdicts).toEqual(Array.from({ length: 5 }, () => 'applied'))
})

test.each(['a $$; DROP TABLE x; $$', 'home.', 'my home.x'])('no schema may be named %s', (schema) => {
  const name = 'InvalidArgumentError'
  expect(() => new PostgresStore({ url: serverOf().url, schema })).toThrow(expect.objectContaining({ name }))
})

test('names that were forgotten because there were too many are learned again by whoever needs them', async () => {
  const schema = newSchema()
  await opened({ url: serverOf().url, schema })
  const pool = new pg.Pool({ connectionString: serverOf().url, max: 3 })
  open.push(() => pool.end())
  const names = new Names(new Database({ pool, schema, prepare: true }))
  await sql(`INSERT INTO ${schema}.queues(name) SELECT 'q' || n FROM generate_series(1, 22001) AS n`)
  const rows = (await sql(`SELECT key, name FROM ${schema}.queues ORDER BY key`)) as {
    key: number
    name: string
  }[]
  const keys = rows.map(({ key }) => key)
  await names.queues.learn(keys.slice(0, 20_001))
  const wanted = [keys[0]!, keys[1]!, keys.at(-1)!]
  await names.queues.learn(wanted)
  expect(wanted.map((key) => names.queues.value(key))).toEqual(['q1', 'q2', 'q22001'])
  await names.queues.name(['q7', 'q21000'])
  expect(['q7', 'q21000'].map((name) => names.queues.key(name))).toEqual([keys[6], keys[20_999]])
})
