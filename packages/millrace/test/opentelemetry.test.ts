/** A trace from an enqueue through the run of its task, in an exporter in memory. */
import { execFileSync } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { DatabaseSync } from 'node:sqlite'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { context, propagation, SpanKind, SpanStatusCode, trace } from '@opentelemetry/api'
import { AlwaysOffSampler } from '@opentelemetry/sdk-trace'
import {
  connect,
  currentTask,
  defineTask,
  NonRetryableError,
  SnoozeError,
  unchecked,
  type Mill,
} from '../src/index.ts'
import { openTelemetry } from '../src/opentelemetry.ts'
import { sqlite } from '../src/sqlite.ts'
import { registerSdk, type Sdk } from './tracing/sdk.ts'

const job = defineTask('job', {
  input: unchecked<string>(),
  retry: { attempts: 2, backoff: 'fixed', base: 1 },
})
const child = defineTask('child', { input: unchecked<string>(), queue: 'children' })

let sdk: Sdk
beforeEach(() => {
  sdk = registerSdk()
})
afterEach(() => sdk[Symbol.dispose]())

const traced = (options?: Parameters<typeof openTelemetry>[0]): Promise<Mill> =>
  connect('memory:', { plugins: [openTelemetry(options)] })

const spansCalled = (name: string): number => sdk.spans().filter((span) => span.name === name).length

test('a run is linked to what enqueued its task, and has a trace of its own', async () => {
  await using mill = await traced()
  await mill.worker({ handlers: job.handler(() => undefined) }).start()
  const handle = await mill.enqueue(job, 'a')
  await handle.result({ within: '10s' })
  const send = sdk.span('send default')
  expect(send.kind).toBe(SpanKind.PRODUCER)
  expect(send.attributes).toEqual({
    'messaging.system': 'millrace',
    'messaging.destination.name': 'default',
    'messaging.operation.type': 'send',
    'messaging.operation.name': 'send',
    'messaging.message.id': handle.id,
    'millrace.task.type': 'job',
  })
  const run = sdk.span('process default')
  expect(run.kind).toBe(SpanKind.CONSUMER)
  expect(run.parentSpanContext).toBeUndefined()
  expect(run.spanContext().traceId).not.toBe(send.spanContext().traceId)
  expect(run.attributes).toEqual({
    'messaging.system': 'millrace',
    'messaging.destination.name': 'default',
    'messaging.operation.type': 'process',
    'messaging.operation.name': 'process',
    'messaging.message.id': handle.id,
    'millrace.task.type': 'job',
    'millrace.task.attempt': 1,
  })
  expect(run.links).toHaveLength(1)
  expect(run.links[0]!.context).toMatchObject({
    traceId: send.spanContext().traceId,
    spanId: send.spanContext().spanId,
    isRemote: true,
  })
  expect(run.status.code).toBe(SpanStatusCode.UNSET)
})

test('parent: a run goes on in the trace of the enqueue, and so does what its handler enqueues and does', async () => {
  await using mill = await traced({ parent: 'parent' })
  const tracer = trace.getTracer('user')
  const ended = Promise.withResolvers<void>()
  await mill
    .worker({
      handlers: [
        job.handler(async (_, ctx) => {
          await tracer.startActiveSpan('inside', async (span) => {
            await ctx.enqueue(child, 'b')
            span.end()
          })
        }),
        child.handler(() => ended.resolve()),
      ],
    })
    .start()
  await tracer.startActiveSpan('request', async (span) => {
    await mill.enqueue(job, 'a')
    span.end()
  })
  await ended.promise
  await vi.waitFor(() => [sdk.span('process children'), sdk.span('process default')])
  const parents = ['send default', 'process default', 'inside', 'send children', 'process children']
  let parent = sdk.span('request').spanContext()
  for (const name of parents) {
    const { parentSpanContext, spanContext } = sdk.span(name)
    expect([name, parentSpanContext?.spanId]).toEqual([name, parent.spanId])
    parent = spanContext.call(sdk.span(name))
  }
  expect(new Set(sdk.spans().map((span) => span.spanContext().traceId)).size).toBe(1)
})

test('a link: what a handler enqueues belongs to the trace of the run', async () => {
  await using mill = await traced()
  const ended = Promise.withResolvers<void>()
  await mill
    .worker({
      handlers: [
        job.handler(async (_, ctx) => void (await ctx.enqueue(child, 'b'))),
        child.handler(() => ended.resolve()),
      ],
    })
    .start()
  await mill.enqueue(job, 'a')
  await ended.promise
  await vi.waitFor(() => [sdk.span('process children'), sdk.span('process default')])
  const run = sdk.span('process default').spanContext()
  const send = sdk.span('send children')
  expect(send.parentSpanContext?.spanId).toBe(run.spanId)
  expect(sdk.span('process children').links.map((link) => link.context.spanId)).toEqual([
    send.spanContext().spanId,
  ])
})

test('failures: the exception, the status, and each attempt by its number', async () => {
  await using mill = await traced()
  const worker = mill.worker({
    handlers: [
      job.handler((_, { attempt }) => {
        if (attempt === 1) throw new TypeError('not yet')
        throw new NonRetryableError('never')
      }),
    ],
  })
  await worker.start()
  const handle = await mill.enqueue(job, 'a')
  await expect(handle.result({ within: '10s' })).rejects.toThrow('never')
  const runs = sdk.spans().filter((span) => span.name === 'process default')
  expect(
    runs.map(({ attributes, status, events }) => [
      attributes['millrace.task.attempt'],
      attributes['error.type'],
      status,
      events.map(({ name, attributes: of }) => [name, of?.['exception.message']]),
    ]),
  ).toEqual([
    [1, 'TypeError', { code: SpanStatusCode.ERROR, message: 'not yet' }, [['exception', 'not yet']]],
    [2, 'non-retryable', { code: SpanStatusCode.ERROR, message: 'never' }, [['exception', 'never']]],
  ])
  expect(new Set(runs.flatMap(({ links }) => links.map((link) => link.context.spanId))).size).toBe(1)
})

test('that a task snoozes is no failure', async () => {
  await using mill = await traced()
  let runs = 0
  await mill
    .worker({
      handlers: job.handler(() => {
        runs += 1
        if (runs === 1) throw new SnoozeError(1)
      }),
    })
    .start()
  await (await mill.enqueue(job, 'a')).result({ within: '10s' })
  const statuses = sdk.spans().filter((span) => span.name === 'process default')
  expect(statuses.map(({ status }) => status.code)).toEqual([SpanStatusCode.UNSET, SpanStatusCode.UNSET])
})

test('an enqueue that is refused fails its span', async () => {
  await using mill = await traced()
  await expect(mill.enqueue(job, 'a', { headers: { big: 'x'.repeat(20_000) } })).rejects.toThrow('headers')
  expect(sdk.span('send default').status.code).toBe(SpanStatusCode.ERROR)
  expect(sdk.span('send default').attributes['error.type']).toBe('too-large')
})

test('many are one span; batches are one span with links', async () => {
  await using mill = await traced({ parent: 'parent' })
  await mill.enqueueMany([job.with('a'), job.with('b'), child.with('c')])
  await mill.enqueue(job, 'd')
  const sends = sdk.spans()
  expect(sends.map(({ name, attributes }) => [name, attributes['messaging.batch.message_count']])).toEqual([
    ['send', 3],
    ['send default', undefined],
  ])
  expect(sends[0]!.attributes).toMatchObject({ 'millrace.task.type': 'mixed' })
  expect(sends[0]!.attributes).not.toHaveProperty('messaging.destination.name')
  const sizes: number[] = []
  await mill
    .worker({
      handlers: job.batch({ size: 3, linger: '1s' }, (inputs) => {
        sizes.push(inputs.length)
        return inputs.map(() => undefined)
      }),
    })
    .start()
  await vi.waitFor(() => sdk.span('process default'))
  const run = sdk.span('process default')
  expect(sizes).toEqual([3])
  expect(run.attributes).toMatchObject({ 'messaging.batch.message_count': 3 })
  expect(run.attributes).not.toHaveProperty('messaging.message.id')
  expect(run.parentSpanContext).toBeUndefined()
  const senders = sends.map((span) => span.spanContext().spanId)
  expect(run.links.map((link) => link.context.spanId).toSorted()).toEqual(senders.toSorted())
})

test('baggage and the state of the trace go along; the one that was inherited makes room', async () => {
  await using mill = await traced()
  const seen: (readonly [string | undefined, string | undefined])[] = []
  const look = (): void => {
    const baggage = propagation.getActiveBaggage()?.getEntry('tenant')?.value
    seen.push([baggage, currentTask()?.task.headers['tracestate']])
  }
  const ended = Promise.withResolvers<void>()
  await mill
    .worker({
      handlers: [
        job.handler(async (_, ctx) => {
          look()
          await ctx.enqueue(child, 'b')
        }),
        child.handler(() => {
          look()
          ended.resolve()
        }),
      ],
    })
    .start()
  const headers = {
    traceparent: '00-11111111111111111111111111111111-2222222222222222-01',
    tracestate: 'vendor=one,other=2',
    baggage: 'tenant=a%20b;property=1,broken=%,=none',
  }
  await mill.enqueue(job, 'a', { headers })
  await ended.promise
  const send = sdk.span('send default')
  expect(send.spanContext().traceId).toBe('1'.repeat(32))
  expect(send.parentSpanContext?.spanId).toBe('2'.repeat(16))
  // the run has a trace of its own, and so has its child: there is no state of another one
  expect(seen).toEqual([
    ['a b', 'vendor=one,other=2'],
    ['a b', undefined],
  ])
})

test('what a producer does not trace, and a schedule has none of, is linked to nothing', async () => {
  await using mill = await traced()
  await mill.worker({ handlers: job.handler(() => undefined) }).start()
  await mill.schedules.put('nightly', { task: job, input: 'a', cron: '0 3 * * *', zone: 'UTC' })
  const run = await mill.schedules.trigger('nightly')
  expect(run).toBeDefined()
  await vi.waitFor(() => sdk.span('process default'))
  const { links, attributes, parentSpanContext } = sdk.span('process default')
  expect([links, parentSpanContext]).toEqual([[], undefined])
  expect(attributes['millrace.schedule.name']).toBe('nightly')
  expect(spansCalled('send default')).toBe(0)
})

test('a transaction on a synchronous connection: the span is that of the call', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'millrace-tracing-'))
  using db = new DatabaseSync(join(folder, 'file.db'))
  {
    await using mill = await connect(sqlite(db), { plugins: [openTelemetry()] })
    db.exec('BEGIN')
    const handle = mill.within(db).enqueue(job, 'a')
    db.exec('COMMIT')
    const { spanId, traceId } = sdk.span('send default').spanContext()
    expect((await handle.status()).headers).toEqual({ traceparent: `00-${traceId}-${spanId}-01` })
    expect(sdk.span('send default').attributes['messaging.message.id']).toBe(handle.id)
  }
  rmSync(folder, { recursive: true })
})

test('from one process to another', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'millrace-tracing-'))
  try {
    const url = `sqlite:${join(folder, 'file.db')}`
    const script = join(import.meta.dirname, 'tracing/enqueue.ts')
    const told = execFileSync(process.execPath, ['-C', '@millrace/source', script, url], { encoding: 'utf8' })
    const producer = JSON.parse(told) as {
      readonly id: string
      readonly traceId: string
      readonly spanId: string
    }
    await using mill = await connect(url, { plugins: [openTelemetry({ parent: 'parent' })] })
    await mill.worker({ handlers: job.handler(() => undefined) }).start()
    await mill.handle(job, producer.id).result({ within: '10s' })
    const run = sdk.span('process default')
    expect(run.parentSpanContext).toMatchObject({ traceId: producer.traceId, spanId: producer.spanId })
    expect(run.spanContext().traceId).toBe(producer.traceId)
  } finally {
    rmSync(folder, { recursive: true })
  }
})

test('a driver of the store makes no spans below an enqueue, but for who wants them', async () => {
  for (const [storeSpans, count] of [
    ['suppressed', 0],
    ['kept', 1],
  ] as const) {
    using fresh = (sdk[Symbol.dispose](), registerSdk())
    const driver = {
      name: 'driver',
      enqueue: (_: unknown, next: () => unknown) => (trace.getTracer('pg').startSpan('query').end(), next()),
    }
    await using mill = await connect('memory:', { plugins: [openTelemetry({ storeSpans }), driver] })
    await mill.enqueue(job, 'a')
    expect(fresh.spans().filter(({ name }) => name === 'query')).toHaveLength(count)
  }
})

test('a handler that an enqueue woke makes its spans all the same', async () => {
  await using mill = await traced()
  await mill
    .worker({ handlers: job.handler(() => trace.getTracer('user').startSpan('inside').end()) })
    .start()
  await (await mill.enqueue(job, 'a')).result({ within: '10s' })
  expect(sdk.span('inside').parentSpanContext?.spanId).toBe(sdk.span('process default').spanContext().spanId)
})

test('what is not sampled stays so on its way', async () => {
  sdk[Symbol.dispose]()
  sdk = registerSdk({ sampler: new AlwaysOffSampler() })
  await using mill = await traced()
  const handle = await mill.enqueue(job, 'a')
  expect((await handle.status()).headers['traceparent']).toMatch(/^00-[0-9a-f]{32}-[0-9a-f]{16}-00$/)
  expect(sdk.spans()).toEqual([])
})

test('without an SDK nothing is done, and a trace that came along goes on', async () => {
  sdk[Symbol.dispose]()
  await using mill = await traced()
  const seen = Promise.withResolvers<unknown>()
  await mill.worker({ handlers: job.handler((_, { task }) => seen.resolve(task.headers)) }).start()
  const traceparent = `00-${'1'.repeat(32)}-${'2'.repeat(16)}-01`
  const handle = await mill.enqueue(job, 'a')
  expect((await handle.status()).headers).toEqual({})
  expect(await seen.promise).toEqual({})
  const second = await mill.enqueue(child, 'b', { headers: { traceparent } })
  expect((await second.status()).headers).toEqual({ traceparent })
})

test.each([
  [{ parent: 'child' as never }, 'parent is "child".'],
  [{ storeSpans: true as never }, 'storeSpans is true.'],
  [{ exporter: 1 } as never, 'exporter'],
])('what is no option is refused', (options, message) => {
  expect(() => openTelemetry(options)).toThrow(message)
})

test('the context outside stays as it was', async () => {
  await using mill = await traced()
  const before = context.active()
  await mill.enqueue(job, 'a')
  expect(context.active()).toBe(before)
})
