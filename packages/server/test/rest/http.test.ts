import { gzipSync } from 'node:zlib'
import { MemoryStore, Mill, StoreError, systemPlatform } from '@millrace/core'
import { describe, expect, test } from 'vitest'
import { createServer } from '../../src/index.ts'
import { Stage } from '../stage.ts'
import { answerOf, ask, ORIGIN } from './requests.ts'

const ada = { type: 'greet', input: { name: 'Ada' } }

function problem(code: string, status: number): object {
  return {
    status,
    body: expect.objectContaining({
      type: `urn:millrace:problem:${code}`,
      status,
      code,
      title: expect.any(String) as string,
      detail: expect.any(String) as string,
      instance: expect.stringMatching(/^\//) as string,
    }) as object,
  }
}

/** A request whose body comes bit by bit. */
class Sender {
  readonly #body = new TransformStream<Uint8Array, Uint8Array>()
  readonly #writer = this.#body.writable.getWriter()

  request(as: string): Request {
    const headers = { authorization: `Bearer ${as}`, 'content-type': 'application/json' }
    const init = { method: 'POST', headers, body: this.#body.readable, duplex: 'half' }
    return new Request(`${ORIGIN}/v1/tasks`, init as RequestInit)
  }

  /** Resolves when somebody has read it. */
  send(text: string): Promise<void> {
    return this.#writer.write(new TextEncoder().encode(text))
  }

  end(): void {
    void this.#writer.close()
  }

  leave(): void {
    void this.#writer.abort(new Error('gone'))
  }
}

describe('bodies', () => {
  const deep = (levels: number): string =>
    `{"type":"greet","force":true,"input":${'['.repeat(levels)}${']'.repeat(levels)}}`
  test.each([
    ['no JSON', '{"type":', {}, 'invalid-argument', 400],
    ['no object', '[]', {}, 'invalid-argument', 400],
    ['a text', '"x"', {}, 'invalid-argument', 400],
    ['too deep', deep(64), {}, 'invalid-argument', 400],
    ['another type', '{}', { 'content-type': 'text/plain' }, 'unsupported-media-type', 415],
    ['no type', '{}', { 'content-type': '' }, 'unsupported-media-type', 415],
    [
      'a form',
      'type=greet',
      { 'content-type': 'application/x-www-form-urlencoded' },
      'unsupported-media-type',
      415,
    ],
    [
      'another charset',
      '{}',
      { 'content-type': 'application/json; charset=latin1' },
      'unsupported-media-type',
      415,
    ],
    ['an encoding', '{}', { 'content-encoding': 'gzip' }, 'unsupported-media-type', 415],
    ['too long', JSON.stringify({ ...ada, x: 'x'.repeat(2_000) }), {}, 'body-too-large', 413],
    ['said to be too long', '{}', { 'content-length': '5000' }, 'body-too-large', 413],
  ])('%s is refused', async (_, body, headers, code, status) => {
    await using stage = new Stage({ bodyBytes: 1_500 })
    await stage.publish()
    expect(await ask(stage.server, '/v1/tasks', { body, headers })).toMatchObject(problem(code, status))
    expect((await stage.mill.tasks.list()).tasks).toEqual([])
  })

  test('as deep as an input may be it is taken, and brackets in texts count for nothing', async () => {
    await using stage = new Stage()
    await stage.publish()
    expect(await ask(stage.server, '/v1/tasks', { body: deep(63) })).toMatchObject({ status: 201 })
    const body = { ...ada, input: { name: '[{"\\"['.repeat(100) } }
    expect(await ask(stage.server, '/v1/tasks', { body })).toMatchObject({ status: 201 })
  })

  test('one that never ends is read no further than it may be long', async () => {
    await using stage = new Stage({ bodyBytes: 100_000 })
    let pulled = 0
    let cancelled = false
    const body = new ReadableStream<Uint8Array>({
      pull: (controller) => {
        pulled += 10_000
        controller.enqueue(new Uint8Array(10_000).fill(32))
      },
      cancel: () => void (cancelled = true),
    })
    const headers = { authorization: 'Bearer root', 'content-type': 'application/json' }
    const request = new Request(`${ORIGIN}/v1/tasks`, {
      method: 'POST',
      headers,
      body,
      duplex: 'half',
    } as RequestInit)
    expect(await answerOf(await stage.server.fetch(request))).toMatchObject(problem('body-too-large', 413))
    expect(pulled).toBeLessThan(200_000)
    expect(cancelled).toBe(true)
  })

  test('large ones of a credential come one after the other; small ones and those of others do not wait', async () => {
    await using stage = new Stage({ bodyBytes: 10_000_000 })
    await stage.publish()
    const [slow, gone, last] = [new Sender(), new Sender(), new Sender()]
    const answers = [slow, gone, last].map((sender) => stage.server.fetch(sender.request('root')))
    for (const sender of [slow, gone, last]) await sender.send(' '.repeat(100_000))
    let isOver = false
    void last.send(JSON.stringify(ada)).then(() => (isOver = true))
    expect(await ask(stage.server, '/v1/tasks', { body: ada })).toMatchObject({ status: 201 })
    // whoever is gone does not wait any more, and nobody waits for him
    gone.leave()
    expect(await answerOf(await answers[1]!)).toMatchObject(problem('invalid-argument', 400))
    expect(isOver).toBe(false)
    await slow.send(JSON.stringify(ada))
    slow.end()
    expect(await answerOf(await answers[0]!)).toMatchObject({ status: 201 })
    last.end()
    expect(await answerOf(await answers[2]!)).toMatchObject({ status: 201 })
  })

  test('a bomb is not unpacked', async () => {
    await using stage = new Stage()
    const body = new Uint8Array(gzipSync(Buffer.alloc(50_000_000, 32)))
    const headers = {
      authorization: 'Bearer root',
      'content-type': 'application/json',
      'content-encoding': 'gzip',
    }
    const request = new Request(`${ORIGIN}/v1/tasks`, { method: 'POST', headers, body })
    expect(await answerOf(await stage.server.fetch(request))).toMatchObject(
      problem('unsupported-media-type', 415),
    )
  })

  test('keys that lead to prototypes lead nowhere', async () => {
    await using stage = new Stage()
    await stage.publish()
    const text =
      '{"type":"any","force":true,"input":{"__proto__":{"polluted":1},"constructor":{"prototype":{"polluted":1}}},"metadata":{"__proto__":"x"}}'
    await ask(stage.server, '/v1/tasks', { body: text })
    await ask(stage.server, '/v1/tasks', { body: '{"__proto__":{"type":"greet"}}' })
    await ask(stage.server, '/v1/tasks?metadata[__proto__]=x&__proto__=1')
    expect({}).not.toHaveProperty('polluted')
    expect({}).not.toHaveProperty('type')
  })

  test('what stands in the path or a header has no place in the body', async () => {
    await using stage = new Stage()
    const path = '/v1/tasks/0198c0de-0000-7000-8000-000000000000/cancel'
    expect(await ask(stage.server, path, { body: { id: 'x' } })).toMatchObject(
      problem('invalid-argument', 400),
    )
    expect(await ask(stage.server, '/v1/tasks', { body: { ...ada, idempotencyKey: 'x' } })).toMatchObject(
      problem('invalid-argument', 400),
    )
  })

  test('what is wrong is listed, and the list is bounded', async () => {
    await using stage = new Stage()
    const tasks = Array.from({ length: 500 }, () => ({ type: 7 }))
    const { body } = await ask(stage.server, '/v1/tasks/bulk', { body: { tasks } })
    expect(body).toMatchObject({
      issues: expect.arrayContaining([
        { path: 'tasks[0].type', message: expect.any(String) as string },
      ]) as unknown,
    })
    expect((body as { issues: unknown[] }).issues).toHaveLength(20)
  })
})

describe('methods and paths', () => {
  test.each([
    ['GET', '/v1/nothing', 'no-such-path', 404],
    ['GET', '/', 'no-such-path', 404],
    ['DELETE', '/v1/stats', 'method-not-allowed', 405],
    ['PUT', '/v1/tasks/bulk', 'method-not-allowed', 405],
    ['GET', '/v1/tasks/%ff', 'invalid-argument', 400],
    ['GET', '/v1/queues/no%20queue', 'invalid-argument', 400],
    ['GET', '/v1/tasks?odd=1', 'invalid-argument', 400],
    ['GET', '/v1/tasks?limit=1&limit=2', 'invalid-argument', 400],
    ['GET', '/v1/tasks?limit=many', 'invalid-argument', 400],
    ['GET', '/v1/tasks?metadata=1', 'invalid-argument', 400],
  ])('%s %s is %s', async (method, path, code, status) => {
    await using stage = new Stage()
    const answer = await ask(stage.server, path, { method })
    expect(answer).toMatchObject(problem(code, status))
    expect(answer.headers.get('content-type')).toMatch(/^application\/problem\+json/)
    expect(answer.headers.get('allow')?.includes('OPTIONS') ?? false).toBe(status === 405)
  })

  test('HEAD answers as GET without a body, OPTIONS what there is', async () => {
    await using stage = new Stage()
    const head = await ask(stage.server, '/v1/stats', { method: 'HEAD' })
    expect(head).toMatchObject({ status: 200, body: undefined })
    expect(head.headers.get('content-type')).toMatch(/^application\/json/)
    expect(await ask(stage.server, '/v1/stats', { method: 'HEAD', as: 'nobody' })).toMatchObject({
      status: 401,
    })
    expect(await ask(stage.server, '/v1/events', { method: 'HEAD' })).toMatchObject({ status: 200 })
    const options = await ask(stage.server, '/v1/tasks', { method: 'OPTIONS', as: 'nobody' })
    expect(options.status).toBe(204)
    expect(options.headers.get('allow')).toBe('POST, GET, HEAD, OPTIONS')
    expect(options.headers.has('access-control-allow-origin')).toBe(false)
  })

  test.each([
    ['application/json', 200],
    ['application/*;q=0.5', 200],
    ['text/html, */*;q=0.1', 200],
    ['text/html', 406],
    ['application/json;q=0, */*', 406],
  ])('Accept: %s is answered with %i', async (accept, status) => {
    await using stage = new Stage()
    expect(await ask(stage.server, '/v1/stats', { headers: { accept } })).toMatchObject({ status })
  })

  test('it is mounted where it is said', async () => {
    await using stage = new Stage({ basePath: '/queue' })
    expect(await ask(stage.server, '/queue/v1/stats')).toMatchObject({ status: 200 })
    expect(await ask(stage.server, '/v1/stats')).toMatchObject({ status: 404 })
    expect((await ask(stage.server, '/queue/openapi.json')).body).toMatchObject({
      servers: [{ url: '/queue' }],
    })
    expect(() => createServer(stage.mill, { basePath: 'queue/' })).toThrow('basePath')
  })
})

describe('other sites', () => {
  test.each([
    [{ 'sec-fetch-site': 'cross-site' }, 403],
    [{ 'sec-fetch-site': 'same-site' }, 403],
    [{ 'sec-fetch-site': 'same-origin' }, 201],
    [{ 'sec-fetch-site': 'none' }, 201],
    [{ origin: 'https://evil.example' }, 403],
    [{ origin: 'null' }, 403],
    [{ origin: 'http://localhost:1', host: 'localhost:1' }, 201],
    [{ origin: 'http://localhost:1', host: 'localhost:2' }, 403],
    [{}, 201],
  ])('a change with %j is answered with %i', async (headers, status) => {
    await using stage = new Stage()
    await stage.publish()
    const answer = await ask(stage.server, '/v1/tasks', {
      body: ada,
      headers: headers as Record<string, string>,
    })
    expect(answer.status).toBe(status)
    expect((await stage.mill.tasks.list()).tasks).toHaveLength(status === 201 ? 1 : 0)
  })

  test('nor do streams go to them', async () => {
    await using stage = new Stage()
    const headers = { origin: 'https://evil.example' }
    expect(await ask(stage.server, '/v1/events', { headers })).toMatchObject(problem('cross-site', 403))
  })

  test.each([
    ['localhost:4000', 200],
    ['127.0.0.1', 200],
    ['[::1]:80', 200],
    ['rebound.example', 421],
    ['localhost.evil.example', 421],
    ['127.0.0.1.evil.example', 421],
  ])('without authentication %s is answered with %i', async (host, status) => {
    await using mill = new Mill(new MemoryStore({ platform: systemPlatform }))
    const server = createServer(mill)
    expect(await ask(server, '/v1/stats', { headers: { host } })).toMatchObject({ status })
    await server.close()
  })
})

describe('too much', () => {
  test('each credential may ask so often', async () => {
    await using stage = new Stage({ requests: { perSecond: 0.001, burst: 2 } })
    stage.grant('other', 'viewer', '**')
    for (const status of [200, 200]) expect(await ask(stage.server, '/v1/stats')).toMatchObject({ status })
    const refused = await ask(stage.server, '/v1/stats')
    expect(refused).toMatchObject(problem('rate-limited', 429))
    expect(Number(refused.headers.get('retry-after'))).toBeGreaterThan(1)
    expect(await ask(stage.server, '/v1/stats', { as: 'other' })).toMatchObject({ status: 200 })
  })

  test('a budget that is used up says when to come back', async () => {
    await using stage = new Stage()
    await stage.publish()
    await stage.mill.budgets.put({ queue: 'default' }, { quota: { tasks: 1, per: '1h' } })
    await ask(stage.server, '/v1/tasks', { body: ada })
    const refused = await ask(stage.server, '/v1/tasks', { body: ada })
    expect(refused).toMatchObject(problem('backpressure', 429))
    expect(Number(refused.headers.get('retry-after'))).toBeGreaterThan(0)
  })
})

describe('what goes wrong in the server', () => {
  test('is told by an id, which the log has, too', async () => {
    const redact = (): never => {
      throw new Error('SELECT secret FROM db.internal.example')
    }
    await using stage = new Stage({ redact })
    await stage.publish()
    const { body: enqueued } = await ask(stage.server, '/v1/tasks', { body: ada })
    const { id } = enqueued as { id: string }
    const answer = await ask(stage.server, `/v1/tasks/${id}`)
    expect(answer).toMatchObject(problem('internal', 500))
    expect(JSON.stringify(answer.body)).not.toMatch(/SELECT|example|stack|\.ts/)
    const { requestId } = answer.body as { requestId: string }
    expect(answer.headers.get('x-request-id')).toBe(requestId)
    expect(stage.logged.find(({ level }) => level === 'error')?.data).toMatchObject({ callId: requestId })
  })

  test('a store that is away is 503, without a word of where it is', async () => {
    await using stage = new Stage()
    await stage.publish()
    stage.store.queues = () =>
      Promise.reject(new StoreError('store-full', 'disk of db.internal.example is full', { effect: 'final' }))
    const answer = await ask(stage.server, '/v1/stats')
    expect(answer).toMatchObject(problem('store-full', 503))
    expect(answer.headers.get('retry-after')).toBe('2')
    expect(JSON.stringify(answer.body)).not.toContain('example')
  })

  test('a caller who leaves while they wait is no fault', async () => {
    await using stage = new Stage()
    await stage.publish()
    const { body } = await ask(stage.server, '/v1/tasks', { body: ada })
    const leaving = new AbortController()
    const { promise, resolve } = Promise.withResolvers<void>()
    const outcomes = stage.store.outcomes.bind(stage.store)
    stage.store.outcomes = (request) => (resolve(), outcomes(request))
    const path = `${ORIGIN}/v1/tasks/${(body as { id: string }).id}/result?within=60s`
    const headers = { authorization: 'Bearer root' }
    const waiting = stage.server.fetch(new Request(path, { headers, signal: leaving.signal }))
    await promise
    leaving.abort()
    expect((await waiting).status).toBe(499)
    expect(stage.logged.filter(({ level }) => level === 'error')).toEqual([])
  })

  test('once it is closed everything is 503, and waits end', async () => {
    await using stage = new Stage()
    await stage.publish()
    const { body } = await ask(stage.server, '/v1/tasks', { body: ada })
    const waiting = ask(stage.server, `/v1/tasks/${(body as { id: string }).id}/result?within=60s`)
    await ask(stage.server, '/v1/stats')
    await stage.server.close()
    expect(await waiting).toMatchObject(problem('closed', 503))
    expect(await ask(stage.server, '/v1/stats')).toMatchObject(problem('closed', 503))
  })
})

test('what users put into tasks is shown as the redaction has it', async () => {
  const places = new Set<string>()
  const redact: NonNullable<ConstructorParameters<typeof Stage>[0]>['redact'] = (
    _,
    { what, caller, queue, type },
  ) => {
    places.add(what)
    expect([caller, queue, type]).toEqual(['root', 'default', 'greet'])
    return `hidden ${what}`
  }
  await using stage = new Stage({ redact })
  await stage.publish()
  const secret = 'secret'
  const body = {
    ...ada,
    input: { name: secret },
    tags: [secret],
    metadata: { secret },
    headers: { secret },
    unique: { key: secret },
    partition: secret,
  }
  const { body: enqueued } = await ask(stage.server, '/v1/tasks', { body })
  const { id } = enqueued as { id: string }
  await stage.mill.tasks.cancel(id, { reason: secret })
  for (const path of [`/v1/tasks/${id}`, '/v1/tasks', `/v1/tasks/${id}/result`, `/v1/tasks/${id}/history`]) {
    const { status, body: shown } = await ask(stage.server, path)
    expect(status).toBe(200)
    expect(JSON.stringify(shown)).not.toContain(secret)
  }
  expect([...places].toSorted()).toEqual(['headers', 'input', 'key', 'log', 'metadata', 'reason', 'tags'])
})
