/** A window that begins while somebody looks for it. */
import pg from 'pg'
import { expect, test } from 'vitest'
import { openHome, serverOf, sql, withServer, type PostgresHome } from './home.ts'
import { group, spec } from '../../sqlite/test/specs.ts'
import type { GroupAnswer, TaskGroup, TaskSpec } from '@millrace/core/store'

withServer()

/** Ids in this order, which is that in which tasks are locked. */
const FIRST = '00000000-0000-4000-8000-000000000001'
const SECOND = 'f0000000-0000-4000-8000-000000000002'

function replacing(key: string, more: Partial<TaskSpec> = {}): TaskSpec {
  return spec({ unique: { key, while: { withinMs: 3_600_000 }, then: 'replace' }, ...more })
}

/** Holds one row until it is let go. */
async function holding({ schema }: PostgresHome, rows: string): Promise<AsyncDisposable> {
  const client = new pg.Client({ connectionString: serverOf().url })
  await client.connect()
  await client.query(`SET search_path = ${schema}; BEGIN; SELECT FROM ${rows} FOR UPDATE`)
  return { [Symbol.asyncDispose]: () => client.end() }
}

/** Resolves when somebody waits for a lock, or when `done` says that nobody will. */
async function untilSomebodyWaits(done: () => boolean = () => false): Promise<void> {
  for (;;) {
    const waiting = await sql('SELECT FROM pg_locks WHERE NOT granted')
    if (waiting.length > 0 || done()) return
  }
}

test('whose window began between two looks is replaced or waited for, not taken for ended', async () => {
  await using home = await openHome()
  const other = await home.open()
  const add = async (...tasks: readonly TaskSpec[]): Promise<GroupAnswer> => {
    const groups: readonly TaskGroup[] = [group(...tasks)]
    return (await other.add({ groups, again: false }))[0]!
  }
  await add(replacing('b', { id: FIRST }))
  await using task = await holding(home, `live WHERE id = '${FIRST}'`)
  const window = await holding(home, "windows WHERE key = 'b'")
  let isDone = false
  const both = home.store
    .add({ groups: [group(replacing('a'), replacing('b'))], again: false })
    .finally(() => (isDone = true))
  await untilSomebodyWaits()
  expect(await add(replacing('a', { id: SECOND }))).toMatchObject({ tasks: [{ outcome: 'created' }] })
  await window[Symbol.asyncDispose]()
  await untilSomebodyWaits(() => isDone)
  expect(await add(replacing('a'))).toMatchObject({ tasks: [{ outcome: 'replaced', previous: SECOND }] })
  await task[Symbol.asyncDispose]()
  expect(await both).not.toMatchObject([{ outcome: 'rejected' }])
})
