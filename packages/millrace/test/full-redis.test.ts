/** A Redis that is out of memory: what is there is done, and what is new is refused in time, by a typed error. */
import { createClient } from '@redis/client'
import { expect, test } from 'vitest'
import { startRedis } from '../../../test/servers/redis.ts'
import { connect, defineTask, unchecked } from '../src/index.ts'

const work = defineTask('work', { input: unchecked<string>(), output: unchecked<number>() })

test('while Redis is full workers complete what is there, and enqueue says that it is full', async () => {
  await using server = await startRedis()
  const admin = await createClient({ url: server.url }).connect()
  await using mill = await connect(server.url, { storeTimeout: '2s' })
  const input = 'x'.repeat(900)
  const handles = await Promise.all(Array.from({ length: 500 }, () => mill.enqueue(work, input)))
  await admin.configSet('maxmemory', '1mb')
  const before = performance.now()
  await expect(mill.enqueue(work, input)).rejects.toMatchObject({ code: 'store-full', effect: 'none' })
  expect(performance.now() - before).toBeLessThan(5_000)
  const worker = mill.worker({ handlers: work.handler((text) => text.length) })
  await worker.start()
  const results = await Promise.all(handles.map((handle) => handle.result({ within: '10s' })))
  expect(new Set(results)).toEqual(new Set([900]))
  await expect(mill.enqueue(work, input)).rejects.toMatchObject({ code: 'store-full' })
  await admin.configSet('maxmemory', '0')
  const handle = await mill.enqueue(work, input)
  expect(await handle.result({ within: '10s' })).toBe(900)
  admin.destroy()
})
