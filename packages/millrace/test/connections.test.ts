/** A process holds a fixed number of connections to Postgres, whatever the number of its queues, tasks, workers and waits. */
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import pg from 'pg'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { startPostgres, type PostgresServer } from '../../../test/servers/postgres.ts'
import { connect, defineTask, unchecked } from '../src/index.ts'
import { millrace, Place, start, written } from './command-line.ts'

/** Four for statements, one that listens, and one by which another thread renews leases once there is work. */
const CONNECTIONS = 6
const TASKS = 400

let place: Place
let server: PostgresServer
beforeAll(async () => {
  place = new Place()
  server = await startPostgres()
  const index = JSON.stringify(new URL('../src/index.ts', import.meta.url).href)
  writeFileSync(
    join(place.path, 'handlers.ts'),
    `import { defineTask, unchecked } from ${index}
     const there = defineTask('there', { input: unchecked<number>(), output: unchecked<number>() })
     export const handler = there.handler((n) => n)`,
  )
}, 60_000)
afterAll(async () => {
  place[Symbol.dispose]()
  await server[Symbol.asyncDispose]()
})

const here = defineTask('here', { input: unchecked<number>(), output: unchecked<number>() })
const there = defineTask('there', { input: unchecked<number>(), output: unchecked<number>() })

/** The most connections that were seen at once of each process, by the name that it gives them. */
async function mostUntil(over: Promise<unknown>): Promise<Readonly<Record<string, number>>> {
  const client = new pg.Client(server.url)
  await client.connect()
  const most: Record<string, number> = {}
  let looking = true
  const stop = (): void => void (looking = false)
  over.then(stop, stop)
  while (looking) {
    const { rows } = await client.query<{ readonly name: string; readonly count: number }>(
      "SELECT application_name AS name, count(*)::integer FROM pg_stat_activity WHERE application_name <> '' GROUP BY 1",
    )
    for (const { name, count } of rows) most[name] = Math.max(most[name] ?? 0, count)
  }
  await client.end()
  await over
  return most
}

/** A worker and a producer with waits here, a worker and commands elsewhere. */
async function live(queues: number): Promise<void> {
  const names = Array.from({ length: queues }, (_, n) => `q${n}`)
  const urlOf = (who: string): string => `${server.url}?application_name=${who}-${queues}`
  const elsewhere = ['worker', 'handlers.ts', '--store', urlOf('worker'), '--queue', ...names]
  const child = start(elsewhere, { cwd: place.path })
  await written(child, /\n/)
  await using mill = await connect(urlOf('here'))
  const worker = mill.worker({
    handlers: [here.handler((n) => n)],
    queues: Object.fromEntries(names.map((name) => [name, 5])),
  })
  await worker.start()
  const asked = async (args: readonly string[]): Promise<void> => {
    const { code } = await millrace([...args, '--store', urlOf('cli')], { cwd: place.path })
    expect(code).toBe(0)
  }
  const wait = async (n: number): Promise<void> => {
    const handle = await mill.enqueue(n % 2 === 0 ? here : there, n, { queue: names[n % queues]! })
    expect(await handle.result({ within: '30s' })).toBe(n)
  }
  await Promise.all([
    ...Array.from({ length: TASKS }, (_, n) => wait(n)),
    ...Array.from({ length: 50 }, () => mill.queues.list()),
    asked(['queues']),
  ])
  const gone = new Promise((resolve) => child.once('close', resolve))
  child.kill('SIGTERM')
  await gone
}

test.each([1, 100])('with queues: %i', { timeout: 60_000 }, async (queues) => {
  const most = await mostUntil(live(queues))
  // a command may be over before anybody has looked
  expect(Object.keys(most)).toEqual(expect.arrayContaining([`here-${queues}`, `worker-${queues}`]))
  // the last one comes with a thread, which takes its time
  expect(most[`here-${queues}`]).toBeGreaterThanOrEqual(CONNECTIONS - 1)
  for (const count of Object.values(most)) expect(count).toBeLessThanOrEqual(CONNECTIONS)
})
