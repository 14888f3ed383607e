/** Clients that take their time, or too much: they are cut off, and others go on. */
import { Agent } from 'node:http'
import { connect, type Socket } from 'node:net'
import { once } from 'node:events'
import { expect, test } from 'vitest'
import { get, Scene } from './scene.ts'

function dial(url: string): Socket {
  const { port } = new URL(url)
  const socket = connect({ port: Number(port), host: '127.0.0.1' })
  socket.on('error', () => undefined) // being cut off is what is waited for
  return socket
}

/** However it ended: `once` would reject with what broke it. */
function closed(socket: Socket): Promise<void> {
  return new Promise((resolve) => socket.resume().once('close', () => resolve()))
}

/** One byte at a time, for as long as somebody listens. */
function dribble(socket: Socket, text: string): void {
  let at = 0
  const timer = setInterval(() => socket.write(text[at++ % text.length]!), 20)
  socket.once('close', () => clearInterval(timer))
}

const LIMITS = { headersTimeoutMs: 300, requestTimeoutMs: 600, keepAliveTimeoutMs: 300, stallTimeoutMs: 400 }

test('who sends headers or a body byte by byte is cut off; who does as usual goes on', async () => {
  await using scene = await Scene.start({
    limits: LIMITS,
    fetch: async (request) => new Response(await request.text()),
  })
  const headers = dial(scene.url)
  dribble(
    headers,
    'GET / HTTP/1.1\r\nHost: localhost\r\nX-Long: aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa',
  )
  const body = dial(scene.url)
  body.write('POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1000000\r\n\r\n')
  dribble(body, 'x')
  const silent = dial(scene.url)
  const cut = Promise.all([headers, body, silent].map((socket) => closed(socket)))
  let isOver = false
  void cut.then(() => (isOver = true))
  let answered = 0
  while (!isOver) {
    expect((await get(scene.url)).status).toBe(200)
    answered += 1
  }
  expect(answered).toBeGreaterThan(10)
})

test('for headers there is less time than for the whole', async () => {
  await using scene = await Scene.start({ limits: { ...LIMITS, requestTimeoutMs: 3_600_000 } })
  const headers = dial(scene.url)
  dribble(headers, 'GET / HTTP/1.1\r\nHost: localhost\r\nX-Long: aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa')
  await closed(headers)
  expect(headers.destroyed).toBe(true)
})

test('who does not read is cut off, and what waits for him is bounded', async () => {
  let pulled = 0
  const gone = Promise.withResolvers<void>()
  await using scene = await Scene.start({
    limits: LIMITS,
    fetch: () =>
      new Response(
        new ReadableStream(
          {
            pull(controller) {
              pulled += 1
              controller.enqueue(new Uint8Array(65_536))
            },
            cancel: () => gone.resolve(),
          },
          { highWaterMark: 0 },
        ),
      ),
  })
  const reader = dial(scene.url)
  reader.pause()
  reader.write('GET / HTTP/1.1\r\nHost: localhost\r\n\r\n')
  await gone.promise
  // what the kernel takes on both sides, and a little more
  expect(pulled * 65_536).toBeLessThan(32 * 1_048_576)
  reader.destroy()
})

test('an answer that takes its time is no slow client', async () => {
  const opened = Promise.withResolvers<void>()
  const began = Promise.withResolvers<void>()
  await using scene = await Scene.start({
    limits: { ...LIMITS, stallTimeoutMs: 50 },
    fetch: async ({ url }) => {
      if (!url.endsWith('/poll')) return new Response('')
      began.resolve()
      await opened.promise
      return new Response('at last')
    },
  })
  const poll = get(`${scene.url}/poll`)
  await began.promise
  // another connection that idles is cut off meanwhile: so the time has passed
  const idle = dial(scene.url)
  idle.write('GET / HTTP/1.1\r\nHost: localhost\r\n\r\n')
  await closed(idle)
  opened.resolve()
  expect((await poll).text).toBe('at last')
})

test('headers that are too long, and what is no HTTP, are answered without the server being asked', async () => {
  let asked = 0
  await using scene = await Scene.start({ fetch: () => (asked++, new Response('')) })
  expect((await get(scene.url, { headers: { 'x-long': 'a'.repeat(20_000) } })).status).toBe(431)
  const nonsense = dial(scene.url)
  nonsense.write('\x00\x01nonsense\r\n\r\n')
  const [answer] = (await once(nonsense, 'data')) as [Buffer]
  expect(String(answer)).toMatch(/^HTTP\/1.1 400/)
  expect(asked).toBe(0)
})

test('connections beyond the limit are closed at once, on both ports, and that is said', async () => {
  await using scene = await Scene.start({ limits: { connectionsMax: 2 } })
  for (const url of [scene.url, scene.listening.grpcUrl!]) {
    const held = [dial(url), dial(url)]
    await Promise.all(held.map((socket) => once(socket, 'connect')))
    const third = dial(url)
    await closed(third)
    for (const socket of held) expect(socket.destroyed).toBe(false)
    for (const socket of held) socket.destroy()
  }
  expect(scene.log.messages('warn')).toHaveLength(2)
})

test('a message of gRPC that is too long is refused', async () => {
  await using scene = await Scene.start({ limits: { messageBytesMax: 1_000 } })
  using client = scene.client()
  expect(await client.echo('a'.repeat(900))).toHaveLength(900)
  await expect(client.echo('a'.repeat(1_100))).rejects.toMatchObject({ code: 8 })
})

test('of a body that nobody wants no more is read, and whoever sends it hears the answer', async () => {
  await using scene = await Scene.start({ fetch: () => new Response('too long', { status: 413 }) })
  const sender = dial(scene.url)
  const answer = once(sender, 'data') as Promise<[Buffer]>
  const over = closed(sender)
  sender.write('POST / HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n')
  const chunk = `10000\r\n${'x'.repeat(65_536)}\r\n`
  let sent = 0
  const more = (): void => {
    while (!sender.destroyed && sender.write(chunk)) sent += chunk.length
  }
  sender.on('drain', more)
  more()
  expect(String((await answer)[0])).toMatch(/^HTTP\/1.1 413[^]*connection: close/i)
  await over
  // what the kernel holds on both sides
  expect(sent).toBeLessThan(16 * 1_048_576)
})

test('a short body that nobody wants leaves the connection as it is', async () => {
  await using scene = await Scene.start({ fetch: () => new Response('no', { status: 403 }) })
  const agent = new Agent({ keepAlive: true, maxSockets: 1 })
  for (let count = 0; count < 3; count++) {
    const { status, headers } = await get(scene.url, {
      agent,
      method: 'POST',
      headers: { 'transfer-encoding': 'chunked' },
    })
    expect([status, headers.connection]).toEqual([403, 'keep-alive'])
  }
  agent.destroy()
})

test('headers that are too long are refused once, however much of them comes at once', async () => {
  await using scene = await Scene.start()
  const warnings: Error[] = []
  const hear = (warning: Error): void => void warnings.push(warning)
  process.on('warning', hear)
  const flood = dial(scene.url)
  flood.write(
    `GET / HTTP/1.1\r\nHost: localhost\r\n${'X-Long: aaaaaaaaaaaaaaaaaaaaaaaa\r\n'.repeat(200_000)}`,
  )
  await closed(flood)
  expect((await get(scene.url)).status).toBe(200)
  process.off('warning', hear)
  expect(warnings).toEqual([])
})
