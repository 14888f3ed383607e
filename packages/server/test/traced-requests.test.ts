/** The trace of a caller over REST goes on in the tasks that it enqueues. */
import { expect, test } from 'vitest'
import { defineTask, unchecked } from '@millrace/core'
import { createServer } from '../src/server.ts'
import { scene } from './observing/scene.ts'

const traceparent = `00-${'1'.repeat(32)}-${'2'.repeat(16)}-01`
const own = `00-${'3'.repeat(32)}-${'4'.repeat(16)}-01`
const job = defineTask('job', { input: unchecked<number>() })

test('headers of the trace go along with each task, but for those that have their own', async () => {
  await using at = scene()
  // the server knows what workers publish
  await at.mill.worker({ handlers: job.handler(() => undefined), queues: ['idle'] }).start()
  await using server = createServer(at.mill)
  const post = async (path: string, body: unknown, headers: Record<string, string>): Promise<unknown> => {
    const request = new Request(`http://127.0.0.1${path}`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', host: '127.0.0.1', ...headers },
      body: JSON.stringify(body),
    })
    return (await server.fetch(request)).json()
  }
  const headersOf = async (id: string): Promise<unknown> => (await at.mill.handle(job, id).status()).headers
  const one = (await post(
    '/v1/tasks',
    { type: 'job', input: 1 },
    { traceparent, tracestate: 'a=b', cookie: 'c' },
  )) as {
    readonly id: string
  }
  expect(await headersOf(one.id)).toEqual({ traceparent, tracestate: 'a=b' })
  const other = (await post(
    '/v1/tasks',
    { type: 'job', input: 1, headers: { traceparent: own } },
    { traceparent },
  )) as {
    readonly id: string
  }
  expect(await headersOf(other.id)).toEqual({ traceparent: own })
  const wrong = (await post('/v1/tasks', { type: 'job', input: 1 }, { traceparent: 'nonsense' })) as {
    readonly id: string
  }
  expect(await headersOf(wrong.id)).toEqual({})
})
