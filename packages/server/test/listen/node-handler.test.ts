/** The server as a handler of node's requests, behind what frameworks do to them before. */
import { once } from 'node:events'
import { createServer as createHttpServer, type IncomingMessage, type ServerResponse } from 'node:http'
import { connect } from 'node:net'
import { buffer } from 'node:stream/consumers'
import type { AddressInfo } from 'node:net'
import { MemoryStore, Mill, systemPlatform } from '@millrace/core'
import { expect, test, vi } from 'vitest'
import { createServer, toNodeHandler, type Credentials } from '../../src/index.ts'
import { TestLog } from '../fakes.ts'

type Before = (
  request: IncomingMessage & { body?: unknown; rawBody?: unknown; originalUrl?: string },
) => unknown

class Mounted implements AsyncDisposable {
  readonly log = new TestLog()
  readonly mill = new Mill(new MemoryStore({ platform: systemPlatform }), { logger: this.log })
  readonly seen: Credentials[] = []
  readonly server = createServer(this.mill, {
    basePath: '/queue',
    auth: {
      authenticate: (credentials) => {
        this.seen.push(credentials)
        return { name: 'ada', grants: [{ role: 'admin', queues: ['**'] }] }
      },
    },
  })
  readonly #http = createHttpServer()

  async open(before: Before = () => undefined): Promise<string> {
    const handler = toNodeHandler(this.server)
    this.#http.on('request', (request: IncomingMessage, response: ServerResponse) => {
      void Promise.resolve(before(request)).then(() => handler(request, response))
    })
    this.#http.listen(0, '127.0.0.1')
    await once(this.#http, 'listening')
    return `http://127.0.0.1:${(this.#http.address() as AddressInfo).port}`
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.server.close()
    this.#http.close()
    await this.mill.close()
  }
}

const TASK = { type: 'greet', input: { name: 'Ada ♥' }, force: true }

function post(url: string, body: string = JSON.stringify(TASK)): Promise<Response> {
  return fetch(`${url}/queue/v1/tasks`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body,
  })
}

const BODIES: readonly (readonly [string, Before])[] = [
  ['that nobody has read', () => undefined],
  [
    'that was parsed',
    async (request) => void (request.body = JSON.parse(String(await buffer(request))) as unknown),
  ],
  ['that was read as text', async (request) => (request.body = String(await buffer(request)))],
  ['that was read as bytes', async (request) => (request.body = await buffer(request))],
  [
    'that was kept as it came',
    async (request) => {
      request.rawBody = await buffer(request)
      request.body = 'something else'
    },
  ],
]

test.each(BODIES)('a body %s is taken', async (_, before) => {
  await using mounted = new Mounted()
  const answer = await post(await mounted.open(before))
  expect(answer.status).toBe(201)
  const { id } = (await answer.json()) as { id: string }
  expect((await mounted.mill.tasks.get(id))?.input).toEqual(TASK.input)
})

test('a body that is gone is told of at once, and nothing is written', async () => {
  await using mounted = new Mounted()
  const answer = await post(await mounted.open((request) => buffer(request)))
  expect(answer.status).toBe(500)
  expect(await answer.json()).toMatchObject({
    code: 'internal',
    detail: 'The body of the request was read before the server got the request.',
  })
  expect((await mounted.mill.tasks.list()).tasks).toEqual([])
})

test('what a router took away from the path is no matter, and the connection is known', async () => {
  await using mounted = new Mounted()
  const url = await mounted.open((request) => {
    request.originalUrl = request.url!
    request.url = request.url!.replace('/queue', '')
  })
  expect((await fetch(`${url}/queue/v1/queues`)).status).toBe(200)
  expect((await fetch(`${url}/queue/readyz`)).status).toBe(200)
  expect((await fetch(`${url}/v1/queues`)).status).toBe(404)
  expect(mounted.seen[0]).toMatchObject({ address: '127.0.0.1', certificate: null })
})

test('a stream comes as it happens, and ends when its reader leaves', async () => {
  await using mounted = new Mounted()
  const { port } = new URL(await mounted.open())
  const socket = connect(Number(port), '127.0.0.1')
  socket.write('GET /queue/v1/events HTTP/1.1\r\nHost: localhost\r\n\r\n')
  let text = ''
  socket.on('data', (data) => (text += String(data)))
  await vi.waitFor(() => expect(text).toContain('retry:'))
  expect(text).toMatch(/content-type: text\/event-stream/i)
  socket.destroy()
  await mounted.log.saw(/A call was answered/)
})

test('close ends streams, and waits', async () => {
  await using mounted = new Mounted()
  const url = await mounted.open()
  const { id } = (await (await post(url)).json()) as { id: string }
  const stream = await fetch(`${url}/queue/v1/events`)
  const waits = vi.spyOn(mounted.mill, 'handle')
  const wait = fetch(`${url}/queue/v1/tasks/${id}/result?within=30s`)
  await vi.waitFor(() => expect(waits).toHaveBeenCalled())
  await mounted.server.close()
  expect(await stream.text()).toMatch(/event: end\ndata: .*closing/)
  expect((await wait).status).toBe(503)
  expect((await fetch(`${url}/queue/v1/queues`)).status).toBe(503)
})
