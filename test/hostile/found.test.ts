/** What the fuzzers have found, each by itself. */
import { expect, test } from 'vitest'
import { Front } from './front.ts'
import { framed, GrpcClient } from './grpc-client.ts'
import { sendRaw } from './rest-client.ts'

const INVALID_ARGUMENT = 3
const NOTHING = Buffer.alloc(0)

test.each([
  ['a deadline that is none', { 'grpc-timeout': 'soon' }, framed(NOTHING), INVALID_ARGUMENT],
  [
    'what does not unpack',
    { 'grpc-encoding': 'gzip' },
    framed(Buffer.from('no gzip'), { flag: 1 }),
    INVALID_ARGUMENT,
  ],
  ['a page of none', {}, framed(Buffer.from([0x20, 0x01])), 0],
])('%s is no fault of the server', async (_, headers, body, expected) => {
  await using front = await Front.start()
  using client = new GrpcClient(front.grpcUrl)
  const { status } = await client.call({
    headers: {
      ':method': 'POST',
      ':path': '/millrace.v1.StoreService/Limits',
      'content-type': 'application/grpc',
      te: 'trailers',
      authorization: `Bearer ${front.tokens.admin}`,
      ...headers,
    },
    body: [body],
    then: 'half-close',
  })
  expect(status).toBe(expected)
  expect(front.errors).toEqual([])
})

test.each([
  [
    'a body whose chunks are none',
    'POST /v1/tasks HTTP/1.1',
    'Content-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\nffffffffffffffff\r\n{}',
  ],
  [
    'who hangs up while he waits',
    'GET /v1/tasks/0198c0de-0000-7000-8000-000000000001/result?within=1m HTTP/1.1',
    '\r\n',
  ],
])('%s is no fault of the server', async (_, line, rest) => {
  await using front = await Front.start()
  const { host } = new URL(front.url)
  const head = `${line}\r\nHost: ${host}\r\nConnection: close\r\nAuthorization: Bearer ${front.tokens.admin}\r\n`
  await sendRaw(front.url, Buffer.from(`${head}${rest}`))
  // it has heard of it by then: what comes behind is answered
  await sendRaw(front.url, Buffer.from(`GET /livez HTTP/1.1\r\nHost: ${host}\r\nConnection: close\r\n\r\n`))
  expect(front.errors).toEqual([])
})
