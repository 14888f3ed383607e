/** What is kept of requests: in metrics by the route, in the log without secrets; and where their traces go. */
import { connect as connectTo } from 'node:net'
import { once } from 'node:events'
import { Mill, MemoryStore, systemPlatform } from '@millrace/core'
import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { createServer, type Server } from '../../src/index.ts'
import { sample } from '../observing/samples.ts'
import { Stage } from '../stage.ts'
import { TestLog } from '../fakes.ts'
import { ask, ORIGIN, type Answer, type Asked } from './requests.ts'

const SECRET = 'the-token-of-ada'
const GONE = '00000000-0000-7000-8000-000000000000'
const TRACE = '00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01'

let log: TestLog
let mill: Mill
let server: Server
let isRevoked: boolean
beforeEach(() => {
  log = new TestLog()
  isRevoked = false
  mill = new Mill(new MemoryStore({ platform: systemPlatform }), { logger: log })
  server = createServer(mill, {
    metrics: 'open',
    auth: {
      authenticate: ({ authorization }) =>
        isRevoked || authorization !== `Bearer ${SECRET}`
          ? null
          : { name: 'ada', grants: [{ role: 'admin', queues: ['**'] }] },
    },
  })
})
afterEach(async () => {
  await server.close()
  await mill.close()
})

const as = (path: string, asked: Asked = {}): Promise<Answer> => ask(server, path, { as: SECRET, ...asked })

async function metrics(): Promise<string> {
  return (await server.fetch(new Request(`${ORIGIN}/metrics`))).text()
}

const lines = (code: string | null): readonly unknown[] =>
  log.lines.map(({ data }) => data).filter((data) => (data as { code?: unknown }).code === code)

test('requests are counted by the template of their route and their status, never by their path', async () => {
  await as(`/v1/tasks/${GONE}`)
  await as(`/v1/tasks/${GONE.replace('7', '8')}?x=1`)
  await as('/v1/queues')
  await as(`/v1/tasks/${GONE}/history`, { as: 'another' })
  await as('/v1/tasks', { body: '[]' })
  await as(`/v1/queues/mail`, { method: 'DELETE' })
  await as('/nowhere/in-particular')
  await as('/openapi.json')
  const body = await metrics()
  const count = (route: string, method: string, status: number): number | undefined =>
    sample(
      body,
      `millrace_server_requests_total{transport="rest",route="${route}",method="${method}",status="${status}"}`,
    )
  expect(count('/v1/queues', 'GET', 200)).toBe(1)
  expect(count('/v1/tasks/{id}/history', 'GET', 401)).toBe(1)
  expect(count('/v1/tasks', 'POST', 400)).toBe(1)
  expect(count('/v1/queues/{queue}', 'DELETE', 405)).toBe(1)
  expect(count('unmatched', 'GET', 404)).toBe(1)
  expect(count('/openapi.json', 'GET', 200)).toBe(1)
  expect((count('/v1/tasks/{id}', 'GET', 404) ?? 0) + (count('/v1/tasks/{id}', 'GET', 400) ?? 0)).toBe(2)
  expect(body).not.toMatch(/0000-7000|nowhere/)
  expect(sample(body, 'millrace_server_auth_failures_total{transport="rest",reason="unauthenticated"}')).toBe(
    1,
  )
  // each once, whatever it was refused by
  const seconds = body.match(/^millrace_server_request_seconds_count\{.*\} (\d+)$/gm) ?? []
  expect(seconds.reduce((sum, line) => sum + Number(line.split(' ').at(-1)), 0)).toBe(8)
})

test('a method that is none of ours is no label of its own', async () => {
  await as('/v1/queues', { method: 'PROPFIND' })
  expect(await metrics()).toMatch(/requests_total\{[^}]*method="other",status="405"\} 1/)
})

test('the log tells of each call by its id, with its caller and route, and without what opens doors', async () => {
  const id = 'trouble-ticket:42'
  const path = `/v1/tasks/${GONE}?api_key=swordfish`
  const refused = await as(path, { headers: { 'x-request-id': id, cookie: 'session=swordfish' } })
  expect(refused.headers.get('x-request-id')).toBe(id)
  await as('/v1/queues?token=swordfish', { as: 'swordfish' })
  const well = await as('/v1/queues')
  expect(well.headers.get('x-request-id')).toMatch(/^[0-9a-f]{32}$/)
  expect(lines('invalid-argument')).toEqual([
    expect.objectContaining({ callId: id, route: '/v1/tasks/{id}', status: 400, caller: 'ada' }),
  ])
  expect(lines('unauthenticated')).toEqual([expect.objectContaining({ route: '/v1/queues', caller: null })])
  expect(lines(null)).toEqual([expect.objectContaining({ callId: well.headers.get('x-request-id') })])
  expect(JSON.stringify(log.lines)).not.toMatch(new RegExp(`swordfish|${SECRET}`))
})

test.each(['', 'two words', 'x'.repeat(129), '"quoted"', '-begins-so'])(
  'an id of a request like %j is not taken over',
  async (given) => {
    const { headers } = await as('/v1/queues', { headers: { 'x-request-id': given } })
    expect(headers.get('x-request-id')).toMatch(/^[0-9a-f]{32}$/)
  },
)

test('a stream counts as open until it ends, and is recorded then', async () => {
  const open = 'millrace_server_open_streams{transport="rest",route="/v1/events"}'
  const total = /requests_total\{transport="rest",route="\/v1\/events",method="GET",status="200"\} 1/
  const headers = { authorization: `Bearer ${SECRET}` }
  const answer = await server.fetch(new Request(`${ORIGIN}/v1/events`, { headers }))
  expect(answer.headers.get('x-request-id')).toMatch(/^[0-9a-f]{32}$/)
  expect(sample(await metrics(), open)).toBe(1)
  expect(await metrics()).not.toMatch(total)
  await answer.body!.cancel()
  expect(sample(await metrics(), open)).toBe(0)
  expect(await metrics()).toMatch(total)
  // how long somebody listens says nothing of how fast calls are
  expect(await metrics()).not.toMatch(/request_seconds.*events/)
})

test('a stream ends with its request, also where nobody cancels its body', async () => {
  const leaving = new AbortController()
  const headers = { authorization: `Bearer ${SECRET}` }
  const request = new Request(`${ORIGIN}/v1/events`, { headers, signal: leaving.signal })
  const answer = await server.fetch(request)
  leaving.abort()
  expect(await answer.text()).toContain('event: end')
})

test("a wait whose caller leaves ends, and is nobody's error", async () => {
  const listening = await server.listen({ port: 0, grpcPort: false })
  await as('/v1/tasks', { body: { type: 'greet', id: GONE.replace('8000-0', '8000-1'), force: true } })
  const { tasks } = await mill.tasks.list()
  const waits = vi.spyOn(mill, 'handle')
  const socket = connectTo(Number(new URL(listening.url).port), '127.0.0.1')
  await once(socket, 'connect')
  socket.write(
    `GET /v1/tasks/${tasks[0]!.id}/result?within=30s HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer ${SECRET}\r\n\r\n`,
  )
  await vi.waitFor(() => expect(waits).toHaveBeenCalled())
  socket.destroy()
  await log.saw(/Nobody waited/)
  expect(log.messages('error', 'warn')).toEqual([])
  expect(lines('abandoned')).toEqual([expect.objectContaining({ status: 499 })])
  await listening.close()
})

test('the trace of the caller goes on with the tasks that it enqueues; their own goes before', async () => {
  await using stage = new Stage()
  await stage.publish()
  const task = { type: 'greet', input: { name: 'Ada' } }
  const own = { traceparent: TRACE.replace('4bf9', '0000') }
  const headers = { traceparent: TRACE, tracestate: 'a=1', baggage: 'user=7', 'idempotency-key': 'k' }
  const one = await ask(stage.server, '/v1/tasks', { body: task, headers })
  // repeated from within another trace it is the same request
  const again = await ask(stage.server, '/v1/tasks', {
    body: task,
    headers: { ...headers, traceparent: TRACE.replace('01', '00') },
  })
  expect([one.status, again.status]).toEqual([201, 200])
  const many = await ask(stage.server, '/v1/tasks/bulk', {
    body: { tasks: [task, { ...task, headers: own }] },
    headers: { ...headers, 'idempotency-key': 'l' },
  })
  const large = { filler: 'x'.repeat(16_300) }
  const full = await ask(stage.server, '/v1/tasks', {
    body: { ...task, headers: large },
    headers: { traceparent: TRACE },
  })
  const bad = await ask(stage.server, '/v1/tasks', { body: task, headers: { traceparent: 'rubbish' } })
  const idOf = ({ body }: Answer): string => (body as { id: string }).id
  const [first, second] = (many.body as { tasks: { id: string }[] }).tasks
  const headersOf = async (id: string): Promise<unknown> => (await stage.mill.tasks.get(id))?.headers
  const trace = { traceparent: TRACE, tracestate: 'a=1', baggage: 'user=7' }
  expect(await headersOf(idOf(one))).toMatchObject(trace)
  expect(await headersOf(first!.id)).toMatchObject(trace)
  expect(await headersOf(second!.id)).toMatchObject({ ...own, baggage: 'user=7' })
  expect(await headersOf(second!.id)).not.toHaveProperty('tracestate')
  expect(await headersOf(idOf(full))).toEqual(large)
  expect(await headersOf(idOf(bad))).toEqual({})
})

test('without authentication metrics are told to nobody who comes by another name than those of this machine', async () => {
  await using mill = new Mill(new MemoryStore({ platform: systemPlatform }), { logger: new TestLog() })
  await using closed = createServer(mill)
  const status = async (host: string): Promise<number> =>
    (await closed.fetch(new Request(`http://${host}/metrics`, { headers: { host } }))).status
  expect(await status('localhost')).toBe(200)
  expect(await status('evil.example')).toBe(421)
})
