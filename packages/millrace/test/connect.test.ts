import { writeFileSync } from 'node:fs'
import { spawn } from 'node:child_process'
import { DatabaseSync } from 'node:sqlite'
import { join } from 'node:path'
import pg from 'pg'
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest'
import { startPostgres, type PostgresServer } from '../../../test/servers/postgres.ts'
import { postgres as postgresOf } from '../src/postgres.ts'
import { sqlite } from '../src/sqlite.ts'
import { connect, createMill, defineTask, unchecked } from '../src/index.ts'
import { startRedis } from '../../../test/servers/redis.ts'
import { ended, Place } from './command-line.ts'

const greet = defineTask('greet', { input: unchecked<{ name: string }>(), output: unchecked<string>() })
const greeter = greet.handler(({ name }) => `Hello ${name}`)

let postgres: PostgresServer | undefined
beforeAll(async () => {
  postgres = await startPostgres()
}, 60_000)
afterAll(async () => postgres?.[Symbol.asyncDispose]())

function urlOf(scheme: string, place: Place): string {
  if (scheme === 'sqlite:') return `sqlite:${join(place.path, 'm.db')}`
  return scheme === 'postgres:' ? postgres!.url : scheme
}

describe.each(['memory:', 'sqlite:', 'postgres:'])('connect %s', (scheme) => {
  test('makes a client that works', async () => {
    using place = new Place()
    await using mill = await connect(urlOf(scheme, place))
    await using worker = mill.worker({ handlers: [greeter] })
    await worker.start()
    expect(await mill.call(greet, { name: 'Ada' }, { within: '10s' })).toBe('Hello Ada')
    expect((await mill.definitions()).map((one) => one.type)).toEqual(['greet'])
  })
})

test("a pool of the user's makes a client with transactions", async () => {
  const pool = new pg.Pool({ connectionString: postgres!.url })
  const mill = await connect(postgresOf(pool), { namespace: 'pool' })
  const tx = await pool.connect()
  await tx.query('BEGIN')
  const handle = await mill.within(tx).enqueue(greet, { name: 'Ada' })
  await tx.query('COMMIT')
  tx.release()
  expect(await handle.status()).toMatchObject({ state: 'ready' })
  expect((await pool.query(`SELECT FROM millrace_pool.live WHERE id = $1`, [handle.id])).rowCount).toBe(1)
  await mill.close()
  await pool.end()
})

test("a synchronous connection of the user's makes a client with transactions", async () => {
  using place = new Place()
  const db = new DatabaseSync(join(place.path, 'm.db'))
  const mill = createMill(sqlite(db))
  db.exec('BEGIN')
  expect(() => mill.within(db).enqueue(greet, { name: 'Ada' })).toThrow('not open')
  db.exec('ROLLBACK')
  await mill.open()
  db.exec('BEGIN')
  const handle = mill.within(db).enqueue(greet, { name: 'Ada' })
  db.exec('COMMIT')
  expect(await handle.status()).toMatchObject({ state: 'ready' })
  await mill.close()
  expect(() => mill.within(db)).toThrow('closed')
  db.close()
})

test('connect redis: makes a client that works, by a namespace of its own', async () => {
  await using redis = await startRedis()
  await using mill = await connect(redis.url, { namespace: 'shop' })
  await using elsewhere = await connect(redis.url)
  await using worker = mill.worker({ handlers: [greeter] })
  await worker.start()
  expect(await mill.call(greet, { name: 'Ada' }, { within: '10s' })).toBe('Hello Ada')
  expect((await elsewhere.tasks.list()).tasks).toEqual([])
})

test('the environment names the namespace where nothing else does, as for the command line', async () => {
  using place = new Place()
  vi.stubEnv('MILLRACE_NAMESPACE', 'shop')
  try {
    const url = `sqlite:${join(place.path, 'm.db')}`
    await expect(connect(url)).rejects.toThrow('"shop" was asked for')
    await using mill = await connect(url, { namespace: 'default' })
    expect(await mill.queues.list()).toEqual([])
  } finally {
    vi.unstubAllEnvs()
  }
})

test('createMill opens its store with the first call', async () => {
  using place = new Place()
  await using mill = createMill(`sqlite:${join(place.path, 'none', 'm.db')}`)
  await expect(mill.enqueue(greet, { name: 'Ada' })).rejects.toMatchObject({
    code: expect.stringMatching(/^store-/) as string,
  })
})

test('a URL of another store is an error of its own', async () => {
  await expect(connect('mysql://localhost')).rejects.toMatchObject({ code: 'store-url' })
  expect(() => createMill('mysql://localhost')).toThrow(/no store for mysql:/)
})

test('an idle client does not hold the process, and a started worker does', async () => {
  using place = new Place()
  const index = JSON.stringify(new URL('../src/index.ts', import.meta.url).href)
  const file = join(place.path, 'app.ts')
  writeFileSync(
    file,
    `import { connect, defineTask, unchecked } from ${index}
     const greet = defineTask('greet', { input: unchecked<string>(), output: unchecked<string>() })
     const mill = await connect()
     const handle = await mill.enqueue(greet, 'Ada')
     console.log((await handle.status()).state)
     const worker = mill.worker({ handlers: [greet.handler((name) => 'Hello ' + name)] })
     await worker.start()
     worker.on('succeeded', async () => {
       console.log(await handle.result({ within: '1s' }))
       await worker.stop()
       console.log('stopped')
     })`,
  )
  const child = spawn(process.execPath, [file], {
    cwd: place.path,
    stdio: 'pipe',
  })
  expect(await ended(child)).toEqual({ code: 0, stdout: 'ready\nHello Ada\nstopped\n', stderr: '' })
})

test.each([
  [{ namespce: 'tenant' }, 'Did you mean namespace?'],
  [{ maxPendign: 5 }, 'Did you mean maxPending?'],
  [{ middleware: [] }, 'There are logger, plugins,'],
  [null, 'They are an object'],
])('options %j are refused, and the hint names what there is', async (options, hint) => {
  await expect(connect('memory:', options as never)).rejects.toMatchObject({
    code: 'invalid-argument',
    hint: expect.stringContaining(hint) as unknown,
  })
})
