/** The server inside of five frameworks: requests, streams, who may come in, and a process that ends by itself. */
import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { connect } from 'millrace'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { Place } from './tree.ts'

const PASSWORD = 'a-password-of-the-test'

let place: Place
let store = ''
let child: ChildProcess | undefined
beforeEach(() => {
  place = new Place()
  store = `sqlite:${join(place.path, 'app.db')}`
})
afterEach(() => {
  child?.kill('SIGKILL')
  child = undefined
  place[Symbol.dispose]()
})

/** Resolves with its address. */
async function started(file: string): Promise<string> {
  const { NODE_ENV: _, ...env } = process.env
  child = spawn(process.execPath, [join(import.meta.dirname, '..', file)], {
    env: { ...env, MILLRACE_STORE: store, QUEUE_PASSWORD: PASSWORD, NEXT_RUNTIME: 'nodejs' },
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  for await (const line of createInterface(child.stdout!)) {
    const port = /^listening on (\d+)$/.exec(line)?.[1]
    if (port !== undefined) return `http://127.0.0.1:${port}`
  }
  throw new Error(`${file} ended before it listened.`)
}

/** How often a stream is told of something that matches, from when it is asked. */
async function heard(stream: Response, pattern: RegExp): Promise<string> {
  let text = ''
  for await (const chunk of stream.body!.pipeThrough(new TextDecoderStream())) {
    text += chunk
    if (pattern.test(text)) return text
  }
  throw new Error(`The stream ended: ${text}`)
}

interface Framework {
  readonly name: string
  readonly file: string
  /** How the process ends: Nest sends the signal once more when it is done. */
  readonly exit: readonly [code: number | null, signal: string | null]
}

const FRAMEWORKS: readonly Framework[] = [
  { name: 'Hono', file: 'embedding/hono.ts', exit: [0, null] },
  { name: 'Express', file: 'embedding/express.ts', exit: [0, null] },
  { name: 'Fastify', file: 'embedding/fastify.ts', exit: [0, null] },
  { name: 'Next.js', file: 'test/next-server.ts', exit: [0, null] },
  { name: 'NestJS', file: 'nestjs/queue.ts', exit: [null, 'SIGTERM'] },
]

test.each(FRAMEWORKS)('$name', async ({ file, exit }) => {
  const url = await started(file)
  const ask = (path: string, given: RequestInit = {}): Promise<Response> =>
    fetch(`${url}/queue${path}`, {
      ...given,
      headers: { authorization: `Bearer ${PASSWORD}`, 'content-type': 'application/json' },
    })
  const refused = await fetch(`${url}/queue/v1/queues`, { headers: { authorization: 'Bearer another' } })
  expect(refused.status).toBe(401)
  await refused.body?.cancel()
  expect(await (await fetch(`${url}/queue/readyz`)).json()).toMatchObject({ status: 'ready' })

  const leaving = new AbortController()
  const left = await ask('/v1/events', { signal: leaving.signal })
  const events = await ask('/v1/events')
  expect(events.headers.get('content-type')).toContain('text/event-stream')

  const body = JSON.stringify({ type: 'greet', input: { name: 'Ada' } })
  const enqueued = await ask('/v1/tasks', { method: 'POST', body })
  expect(enqueued.status).toBe(201)
  const { id } = (await enqueued.json()) as { id: string }
  const result = await ask(`/v1/tasks/${id}/result?within=10s`)
  expect(await result.json()).toMatchObject({ outcome: 'succeeded', result: 'Hello Ada' })
  expect(await heard(left, /event: task\.succeeded/)).toContain(id)
  leaving.abort()
  const bad = await ask('/v1/tasks', { method: 'POST', body: '{}' })
  expect([bad.status, bad.headers.get('content-type')]).toEqual([
    400,
    expect.stringContaining('application/problem+json'),
  ])
  expect((await ask('/v1/nowhere')).status).toBe(404)

  // one who listens does not keep it from ending
  const exited = once(child!, 'exit')
  const goodbye = heard(events, /event: end/)
  child!.kill('SIGTERM')
  expect(await goodbye).toContain('event: end')
  expect(await exited).toEqual(exit)
  await using mill = await connect(store)
  expect(await mill.workers.list()).toEqual([])
})
