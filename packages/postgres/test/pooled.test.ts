/**
 * Behind a pooler in its transaction mode, where nothing of a session's lasts, and nobody listens. MILLRACE_POOLED=whole
 * for all of the conformance suite; else the parts that several statements or several clients have to do with.
 */
import process from 'node:process'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { conformanceCases } from '@millrace/core/conformance'
import { startTransactionPooler, type TransactionPooler } from '../../../test/servers/transaction-pooler.ts'
import { PostgresStore } from '../src/index.ts'
import { homesOn, serverOf, withServer } from './home.ts'

const AREAS = [
  'claims',
  'clock',
  'connections',
  'leases',
  'locks',
  'races',
  'reclaim',
  'repeats',
  'settle',
  'watch',
]
const cases = conformanceCases.filter(
  ({ area }) => process.env['MILLRACE_POOLED'] === 'whole' || AREAS.includes(area),
)

withServer()
let pooler: TransactionPooler
beforeAll(async () => {
  pooler = await startTransactionPooler(serverOf().url)
})
afterAll(async () => pooler[Symbol.asyncDispose]())

/** Migrations go to Postgres itself. */
async function prepare(schema: string): Promise<void> {
  const store = new PostgresStore({ url: serverOf().url, schema })
  await store.open()
  await store.close()
}

describe('the Postgres store behind a pooler', () => {
  const openHome = homesOn({ url: () => pooler.url, prepare, prepares: false })
  for (const { area, name, run } of cases)
    test(`${area}: ${name}`, async () => {
      await using home = await openHome()
      await expect(run(home)).resolves.toBe(undefined)
    })
})

test('it is one: what was prepared is not there in the next transaction, and that is said', async () => {
  await using home = await homesOn({ url: () => pooler.url, prepare, prepares: false })()
  const store = new PostgresStore({ url: pooler.url, schema: home.schema, migrate: false })
  const asking = async (): Promise<void> => {
    await store.open()
    for (let n = 0; n < 20; n++) await store.now()
  }
  await expect(asking()).rejects.toMatchObject({
    code: 'store-unavailable',
    hint: 'Pass `prepare: false` if a pooler is in between.',
  })
  await store.close()
  expect(pooler.transactions).toBeGreaterThan(0)
})
