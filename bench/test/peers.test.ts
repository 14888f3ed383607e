import Database from 'better-sqlite3'
import { better, defineQueue, defineWorker } from 'plainjob'
import { expect, test } from 'vitest'

// The peers are old or native: this tells at once when one of them does not run on this Node.
const quiet = { error: () => {}, warn: () => {}, info: () => {}, debug: () => {} }

test('plainjob on better-sqlite3 runs a job', async () => {
  const queue = defineQueue({ connection: better(new Database(':memory:')), logger: quiet })
  const done = Promise.withResolvers<string>()
  const worker = defineWorker('greet', ({ data }) => Promise.resolve(done.resolve(data)), {
    queue,
    logger: quiet,
    pollIntervall: 1,
  })
  const running = worker.start()
  queue.add('greet', { name: 'Ada' })
  expect(JSON.parse(await done.promise)).toEqual({ name: 'Ada' })
  await worker.stop()
  await running
  queue.close()
})
