/** Plugins in transactions of the user's, and at the door. */
import { DatabaseSync } from 'node:sqlite'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { connect, defineTask, unchecked, type Plugin } from '../src/index.ts'
import { sqlite } from '../src/sqlite.ts'

const job = defineTask('job', { input: unchecked<string>() })

function place(): Disposable & { readonly path: string } {
  const folder = mkdtempSync(join(tmpdir(), 'millrace-plugins-'))
  return { path: join(folder, 'file.db'), [Symbol.dispose]: () => rmSync(folder, { recursive: true }) }
}

test('in a transaction on a synchronous connection plugins are synchronous, and an asynchronous one is refused', async () => {
  using folder = place()
  using db = new DatabaseSync(folder.path)
  let isAsync = false
  const tag: Plugin = {
    name: 'tag',
    enqueue({ drafts }, next) {
      for (const draft of drafts) draft.options = { ...draft.options, tags: ['tagged'] }
      const answer = next()
      return isAsync ? Promise.resolve(answer) : answer
    },
  }
  await using mill = await connect(sqlite(db), { plugins: [tag] })
  db.exec('BEGIN')
  const handle = mill.within(db).enqueue(job, 'a')
  const [second] = mill.within(db).enqueueMany([job.with('b')])
  db.exec('COMMIT')
  expect((await handle.status()).tags).toEqual(['tagged'])
  expect((await second.status()).tags).toEqual(['tagged'])
  isAsync = true
  db.exec('BEGIN')
  expect(() => mill.within(db).enqueue(job, 'c')).toThrow(
    'The plugin tag is asynchronous, and the transaction is on a synchronous connection.',
  )
  db.exec('ROLLBACK')
  expect((await mill.tasks.list({ tag: 'tagged' })).tasks).toHaveLength(2)
})

test('connect opens plugins, and closes what it has opened if one cannot be', async () => {
  const said: string[] = []
  const plugin: Plugin = {
    name: 'said',
    open: () => void said.push('open'),
    close: () => void said.push('close'),
  }
  const mill = await connect('memory:', { plugins: [plugin] })
  await mill.close()
  expect(said).toEqual(['open', 'close'])
  const wrong: Plugin = { name: 'wrong', open: () => Promise.reject(new Error('no key')) }
  await expect(connect('memory:', { plugins: [plugin, wrong] })).rejects.toMatchObject({
    code: 'plugin',
    message: 'The plugin wrong failed in its open: no key',
  })
  expect(said).toEqual(['open', 'close', 'open', 'close'])
})

test.each([
  [{ logger: 'pino' as never }, 'The logger is "pino".'],
  [{ logger: { log() {} } as never }, 'The logger is an object.'],
  [{ logger: { info() {}, warn() {}, error() {} } as never }, 'The logger is without debug.'],
  [{ plugins: {} as never }, 'plugins is an object, which is no list.'],
])('what is no logger or plugin is refused in a line', async (options, message) => {
  await expect(connect('memory:', options)).rejects.toMatchObject({ code: 'invalid-argument', message })
})
