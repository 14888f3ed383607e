/** Flows on a file: large ones, and such as are enqueued in a transaction of the user's. */
import { DatabaseSync } from 'node:sqlite'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { chord, defineTask, group, TransactionalMill, unchecked } from '@millrace/core'
import { checkFans } from '../../core/test/client/fans.ts'
import { TransactionalSqliteStore, type SqliteTransaction } from '../src/index.ts'
import { openHome } from './home.ts'

test('fans of ten thousand', async () => {
  await using home = await openHome()
  expect(await checkFans(home.store)).toBe(undefined)
}, 120_000)

test('a flow is there when the transaction commits, and never was when it rolls back', async () => {
  const part = defineTask('part', { input: unchecked<number>(), output: unchecked<number>() })
  const sum = defineTask('sum', { input: unchecked<readonly number[]>(), output: unchecked<number>() })
  const folder = mkdtempSync(join(tmpdir(), 'millrace-'))
  const db = new DatabaseSync(join(folder, 'home.db'), { timeout: 0 })
  const mill = new TransactionalMill<SqliteTransaction>(new TransactionalSqliteStore({ connection: db }))
  await mill.open()
  const worker = mill.worker({
    handlers: [part.handler((n) => n), sum.handler((all) => all.reduce((total, n) => total + n, 0))],
  })
  await worker.start()
  const onFailed = part.with(0)
  db.exec('BEGIN IMMEDIATE')
  const { last } = mill.within(db).enqueueFlow(chord([part.with(1), part.with(2)], sum))
  mill.within(db).enqueueFlow(group([part.with(3)], { onFailed }))
  db.exec('COMMIT')
  expect(await last.result({ within: '10s' })).toBe(3)
  const callback = mill.handle(part, onFailed.id!)
  await expect.poll(async () => (await callback.status()).state).toBe('cancelled')
  db.exec('BEGIN IMMEDIATE')
  const never = mill.within(db).enqueueFlow(chord([part.with(1)], sum))
  db.exec('ROLLBACK')
  for (const handle of never.all) await expect(handle.status()).rejects.toMatchObject({ code: 'not-found' })
  await mill.close()
  db.close()
  rmSync(folder, { recursive: true })
})
