/** The way out: what runs ends, what streams is ended, nothing new comes in. */
import { Agent } from 'node:http'
import { expect, test } from 'vitest'
import { begun, get, Scene } from './scene.ts'
import { ManualPlatform } from '../fakes.ts'

interface Gate {
  readonly reached: Promise<void>
  readonly open: () => void
  pass(): Promise<void>
}

function newGate(): Gate {
  const reached = Promise.withResolvers<void>()
  const opened = Promise.withResolvers<void>()
  return {
    reached: reached.promise,
    open: opened.resolve,
    pass() {
      reached.resolve()
      return opened.promise
    },
  }
}

test('calls that run go on to their end, on both ports, and nobody else comes in', async () => {
  const rest = newGate()
  const grpc = newGate()
  const agent = new Agent({ keepAlive: true })
  await using scene = await Scene.start({
    fetch: async ({ url }) => {
      if (url.endsWith('/slow')) await rest.pass()
      return new Response('done')
    },
    echo: (call, done) => {
      if (String(call.request) === 'fast') return done(null, call.request)
      const answer = async (): Promise<void> => {
        await grpc.pass()
        done(null, call.request)
      }
      void answer()
    },
  })
  using client = scene.client()
  await client.echo('fast')
  await get(scene.url, { agent })
  const slow = get(`${scene.url}/slow`, { agent })
  const slowEcho = client.echo('slow')
  await Promise.all([rest.reached, grpc.reached])
  const closed = scene.listening.close()
  expect(scene.draining.leaving.aborted).toBe(true)
  await expect(get(scene.url)).rejects.toThrow(/ECONNREFUSED/)
  using late = scene.client()
  await expect(late.echo('fast')).rejects.toMatchObject({ code: 14 })
  rest.open()
  grpc.open()
  const answer = await slow
  expect(answer).toMatchObject({ status: 200, text: 'done' })
  expect(answer.headers.connection).toBe('close')
  expect(await slowEcho).toBe('slow')
  await closed
  agent.destroy()
})

test('streams end by the signal', async () => {
  await using scene = await Scene.start({
    fetch: () => {
      const stream = new ReadableStream({
        start(controller) {
          controller.enqueue(new TextEncoder().encode('data: 1\n\n'))
          scene.draining.ending.addEventListener('abort', () => controller.close())
        },
      })
      return new Response(stream, { headers: { 'content-type': 'text/event-stream' } })
    },
  })
  const response = await begun(scene.url)
  const read = response.toArray()
  await scene.listening.close()
  expect(Buffer.concat(await read).toString()).toBe('data: 1\n\n')
})

test('for the delay it is not ready and answers all the same; then what does not end is broken off', async () => {
  const platform = new ManualPlatform()
  const gate = newGate()
  await using scene = await Scene.start({
    platform,
    drainDelay: '5s',
    drain: '25s',
    fetch: async ({ url }) => {
      if (url.endsWith('/never')) await gate.pass()
      return new Response('done')
    },
  })
  const never = get(`${scene.url}/never`)
  const broken = never.catch((error: unknown) => String(error))
  await gate.reached
  const closed = scene.listening.close()
  expect([scene.draining.leaving.aborted, scene.draining.ending.aborted]).toEqual([true, false])
  expect((await get(scene.url)).text).toBe('done')
  const ending = new Promise((resolve) => scene.draining.ending.addEventListener('abort', resolve))
  platform.advance(5_000)
  await ending
  await new Promise((resolve) => setImmediate(resolve))
  platform.advance(25_000)
  await closed
  expect(await broken).toMatch(/socket hang up|ECONNRESET/)
  expect(scene.log.messages('warn')).toEqual(['Calls that still ran are broken off.'])
  gate.open()
})

test('a second call hurries', async () => {
  const gate = newGate()
  await using scene = await Scene.start({
    drainDelay: '1h',
    drain: '1h',
    fetch: async () => {
      await gate.pass()
      return new Response('done')
    },
  })
  const broken = get(scene.url).catch((error: unknown) => String(error))
  await gate.reached
  const drained = scene.listening.close()
  await Promise.all([scene.listening.close('now'), drained])
  expect(await broken).toMatch(/socket hang up|ECONNRESET/)
  gate.open()
})
