import { defineTask, systemPlatform, unchecked, type Platform } from '@millrace/core'
import { expect, test } from 'vitest'
import { Stage, type StageOptions } from '../stage.ts'
import { ORIGIN } from './requests.ts'

const job = defineTask('job', { input: unchecked<number>(), retry: false })

interface Heard {
  readonly id: string | undefined
  readonly event: string
  readonly data: Record<string, unknown>
}

/** A listener that reads as it is told. */
class Listener {
  readonly #reader: ReadableStreamDefaultReader<Uint8Array>
  #text = ''

  constructor(body: ReadableStream<Uint8Array>) {
    this.#reader = body.getReader()
  }

  /** The next event; `undefined` at the end. */
  async next(): Promise<Heard | undefined> {
    for (;;) {
      const end = this.#text.indexOf('\n\n')
      if (end < 0) {
        const { done, value } = await this.#reader.read()
        if (done) return undefined
        this.#text += new TextDecoder().decode(value)
        continue
      }
      const block = this.#text.slice(0, end)
      this.#text = this.#text.slice(end + 2)
      const fields = new Map(
        block.split('\n').map((line) => [line.split(': ')[0]!, line.slice(line.indexOf(': ') + 2)]),
      )
      const data = fields.get('data')
      if (data !== undefined)
        return {
          id: fields.get('id'),
          event: fields.get('event')!,
          data: JSON.parse(data) as Record<string, unknown>,
        }
    }
  }

  close(): Promise<void> {
    return this.#reader.cancel()
  }
}

async function listen(
  { server }: Stage,
  path: string,
  { as = 'root', lastId }: { readonly as?: string; readonly lastId?: string | undefined } = {},
): Promise<Listener> {
  const headers = {
    authorization: `Bearer ${as}`,
    ...(lastId === undefined ? {} : { 'last-event-id': lastId }),
  }
  const response = await server.fetch(new Request(`${ORIGIN}${path}`, { headers }))
  expect(response.status).toBe(200)
  expect(response.headers.get('content-type')).toMatch(/^text\/event-stream/)
  return new Listener(response.body!)
}

/** Runs so many tasks to their end. */
async function run({ mill }: Stage, inputs: readonly number[], queue = 'default'): Promise<void> {
  await using worker = await running(mill, queue)
  const handles = await mill.enqueueMany(
    inputs.map((input) => job.with(input, { queue })),
    { atomic: true },
  )
  for (const handle of handles) await handle.settled({ within: '20s' })
  void worker
}

async function running(mill: Stage['mill'], queue: string): Promise<AsyncDisposable> {
  const handler = job.handler((input) => {
    if (input < 0) throw new Error('negative')
    return input
  })
  const worker = mill.worker({ handlers: [handler], queues: [queue] } as never)
  await worker.start()
  return { [Symbol.asyncDispose]: () => worker.stop() }
}

/** A platform whose timers of the streams go off when the test says so. */
class Bell {
  readonly platform: Platform = {
    ...systemPlatform,
    setTimer: (delayMs, go, hold) => {
      if (delayMs !== this.#delayMs) return systemPlatform.setTimer(delayMs, go, hold)
      this.#waiting.push(go)
      return { cancel: () => void (this.#waiting = this.#waiting.filter((one) => one !== go)) }
    },
  }
  readonly #delayMs: number
  #waiting: (() => void)[] = []

  constructor(delayMs: number) {
    this.#delayMs = delayMs
  }

  ring(): void {
    for (const go of this.#waiting.splice(0)) go()
  }
}

const CHECK_MS = 2_000
const HEARTBEAT_MS = 15_000

test('tells how tasks end, as it is filtered', async () => {
  await using stage = new Stage()
  const all = await listen(stage, '/v1/events')
  const failed = await listen(stage, '/v1/events?types=task.failed&type=job')
  const media = await listen(stage, '/v1/events?queue=media')
  await run(stage, [1, -2])
  await run(stage, [3], 'media')
  const heard = [await all.next(), await all.next(), await all.next()]
  expect(
    heard.map((one) => `${one!.event} ${(one!.data['task'] as { queue: string }).queue}`).toSorted(),
  ).toEqual(['task.failed default', 'task.succeeded default', 'task.succeeded media'])
  expect(await failed.next()).toMatchObject({
    event: 'task.failed',
    data: { task: { error: { message: 'negative' } } },
  })
  expect(await media.next()).toMatchObject({ data: { task: { queue: 'media' } } })
  for (const listener of [all, failed, media]) await listener.close()
})

test('leaves out what the listener may not see', async () => {
  await using stage = new Stage()
  stage.grant('media', 'viewer', 'media')
  const listener = await listen(stage, '/v1/events', { as: 'media' })
  await run(stage, [1])
  await run(stage, [2], 'media')
  expect(await listener.next()).toMatchObject({ data: { task: { queue: 'media' } } })
  await listener.close()
})

test('goes on where the listener was', async () => {
  await using stage = new Stage()
  const first = await listen(stage, '/v1/events')
  await run(stage, [1, 2, 3])
  const seen = [await first.next(), await first.next()]
  await first.close()
  await run(stage, [4])
  const second = await listen(stage, '/v1/events', { lastId: seen[1]!.id })
  const rest = [await second.next(), await second.next()]
  const ids = [...seen, ...rest].map((one) => (one!.data['task'] as { id: string }).id)
  expect(new Set(ids).size).toBe(4)
  await second.close()
})

test('does not take a place in what another server told for one in its own', async () => {
  await using stage = new Stage()
  const first = await listen(stage, '/v1/events')
  await run(stage, [1, 2])
  const seen = await first.next()
  const second = await listen(stage, '/v1/events', { lastId: seen!.id!.replace(/^.{8}/, 'fedcba98') })
  expect(await second.next()).toMatchObject({ event: 'resync' })
  for (const listener of [first, second]) await listener.close()
})

test.each(['00000000-5', 'nonsense', '1-1'])('says that it cannot go on from %s', async (lastId) => {
  await using stage = new Stage()
  const listener = await listen(stage, '/v1/events', { lastId })
  expect(await listener.next()).toMatchObject({ event: 'resync' })
  await run(stage, [1])
  expect(await listener.next()).toMatchObject({ event: 'task.succeeded' })
  await listener.close()
})

test('a listener that is slow is told how much it missed, and nothing is kept for it', async () => {
  await using stage = new Stage({ events: { entries: 5, bytes: 1_000_000 } })
  const slow = await listen(stage, '/v1/events')
  const quick = await listen(stage, '/v1/events')
  await run(
    stage,
    Array.from({ length: 50 }, (_, index) => index),
  )
  // the quick one has heard of all, so that the ring has turned
  let heard = 0
  for (let next = await quick.next(); heard < 50; next = heard < 50 ? await quick.next() : undefined)
    heard += next!.event === 'gap' ? (next!.data['missed'] as number) : 1
  let missed = 0
  let told = 0
  while (missed + told < 50) {
    const next = await slow.next()
    if (next!.event === 'gap') missed += next!.data['missed'] as number
    else told += 1
  }
  expect(missed).toBeGreaterThan(30)
  expect(missed + told).toBe(50)
  for (const listener of [slow, quick]) await listener.close()
})

test('the store is read once for all of them, and not for nobody', async () => {
  const bell = new Bell(60_000)
  await using stage = new Stage({ platform: bell.platform })
  let looks = 0
  const list = stage.store.list.bind(stage.store)
  stage.store.list = (request) => {
    if (request.endedSince !== undefined) looks += 1
    return list(request)
  }
  const listeners = await Promise.all(Array.from({ length: 20 }, () => listen(stage, '/v1/events')))
  await run(stage, [1])
  const heard = await Promise.all(listeners.map((listener) => listener.next()))
  expect(new Set(heard.map((one) => one!.id)).size).toBe(1)
  expect(looks).toBeLessThan(15)
  for (const listener of listeners) await listener.close()
  // a minute after the last has left nothing is read, and nobody knows any more where they were
  bell.ring()
  const late = await listen(stage, '/v1/events', { lastId: heard[0]!.id })
  expect(await late.next()).toMatchObject({ event: 'resync' })
  await late.close()
})

test('ends when the credential is revoked', async () => {
  const bell = new Bell(CHECK_MS)
  await using stage = new Stage({ platform: bell.platform })
  stage.grant('leaving', 'viewer', '**')
  const listener = await listen(stage, '/v1/events', { as: 'leaving' })
  bell.ring()
  await run(stage, [1])
  expect(await listener.next()).toMatchObject({ event: 'task.succeeded' })
  stage.revoke('leaving')
  bell.ring()
  expect(await listener.next()).toMatchObject({ event: 'error', data: { code: 'unauthenticated' } })
  expect(await listener.next()).toBeUndefined()
})

test('shows no more than the credential may by now', async () => {
  const bell = new Bell(CHECK_MS)
  await using stage = new Stage({ platform: bell.platform })
  stage.grant('changed', 'viewer', '**')
  const listener = await listen(stage, '/v1/events', { as: 'changed' })
  stage.grant('changed', 'viewer', 'media')
  bell.ring()
  await run(stage, [1])
  await run(stage, [2], 'media')
  expect(await listener.next()).toMatchObject({ data: { task: { queue: 'media' } } })
  await listener.close()
})

test('says that it is still there while nothing happens', async () => {
  const bell = new Bell(HEARTBEAT_MS)
  await using stage = new Stage({ platform: bell.platform })
  const response = await stage.server.fetch(
    new Request(`${ORIGIN}/v1/events`, { headers: { authorization: 'Bearer root' } }),
  )
  const reader = response.body!.getReader()
  const text = async (): Promise<string> =>
    new TextDecoder().decode((await reader.read()).value as Uint8Array)
  expect(await text()).toMatch(/^retry: /)
  const beat = text()
  bell.ring()
  expect(await beat).toBe(': still here\n\n')
  await reader.cancel()
})

test('ends with the server', async () => {
  await using stage = new Stage()
  const listener = await listen(stage, '/v1/events')
  await stage.server.close()
  expect(await listener.next()).toMatchObject({ event: 'end', data: { reason: 'closing' } })
  expect(await listener.next()).toBeUndefined()
})

test('each credential has so many open, and a place is free again with each that leaves', async () => {
  await using stage = new Stage({ streams: 2 } satisfies StageOptions)
  const [first, second] = [await listen(stage, '/v1/events'), await listen(stage, '/v1/events')]
  const headers = { authorization: 'Bearer root' }
  const refused = await stage.server.fetch(new Request(`${ORIGIN}/v1/events`, { headers }))
  expect(refused.status).toBe(429)
  expect(refused.headers.get('retry-after')).toBe('1')
  await first.close()
  const third = await listen(stage, '/v1/events')
  for (const listener of [second, third]) await listener.close()
})

test('follows a task: its states, progress and log, then the end', async () => {
  await using stage = new Stage()
  const steps = defineTask('steps', { input: unchecked<null>() })
  const { id } = await stage.mill.enqueue(steps, null)
  const listener = await listen(stage, `/v1/tasks/${id}/updates`)
  expect(await listener.next()).toMatchObject({ event: 'state', data: { state: 'ready', attempt: 1 } })
  const handler = steps.handler((_, ctx) => {
    ctx.log.info('half way')
    ctx.progress(0.5, 'so far')
    return 1
  })
  const worker = stage.mill.worker({ handlers: [handler] })
  await worker.start()
  const heard: Heard[] = []
  for (let next = await listener.next(); next !== undefined; next = await listener.next()) heard.push(next)
  expect(heard.map(({ event }) => event)).toEqual(expect.arrayContaining(['log', 'progress', 'state', 'end']))
  expect(heard.find(({ data }) => data['state'] === 'succeeded')).toBeDefined()
  expect(heard.at(-1)).toMatchObject({ event: 'end', data: { reason: 'ended' } })
  await worker.stop()
})
