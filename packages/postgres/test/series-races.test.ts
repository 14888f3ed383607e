/** Strict order under many producers at once. */
import pg from 'pg'
import { expect, test } from 'vitest'
import { openHome, serverOf, withServer } from './home.ts'
import { group, spec } from '../../sqlite/test/specs.ts'
import type { Lane, TaskGroup } from '@millrace/core/store'

withServer()

const PRODUCERS = 6
/** Few enough to be done within the second that somebody waits for a lock: whoever was refused waited in a circle. */
const REQUESTS = 6

function inSeries(partition: string): Lane {
  return { partition, fifo: true, limits: [], prefers: [], spillMs: 0 }
}

/** One that replaces who has its key, in another series. */
function replacing(key: number, series: number): TaskGroup {
  const unique = { key: `key ${key % 4}`, while: 'live', then: 'replace' } as const
  return group(spec({ lane: inSeries(`series ${series % 3}`), unique }))
}

test('producers that replace tasks of several series do not wait for each other in a circle', async () => {
  await using home = await openHome()
  const { store } = home
  const client = new pg.Client({ connectionString: serverOf().url })
  await client.connect()
  // whoever waits in a circle is refused as busy, not let out of it
  await client.query("ALTER SYSTEM SET deadlock_timeout = '60s'")
  await client.query('SELECT pg_reload_conf()')
  await client.end()
  const outcomes = new Set<string>()
  const produce = async (producer: number): Promise<void> => {
    for (let n = 0; n < REQUESTS; n++) {
      const number = producer * REQUESTS + n
      const groups = [2, 1, 0].map((series) => replacing(number, number * 5 + series))
      for (const { outcome } of await store.add({ groups, again: false })) outcomes.add(outcome)
    }
  }
  await Promise.all(Array.from({ length: PRODUCERS }, (_, producer) => produce(producer)))
  expect([...outcomes]).toEqual(['added'])
})
