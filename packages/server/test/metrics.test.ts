/** What a server tells Prometheus: the gauges of the store, what it counts, and the text. */
import { expect, test, vi } from 'vitest'
import { defineTask, NonRetryableError, unchecked } from '@millrace/core'
import { Histogram, Registry } from '@prometheus-io/client'
import { Caller } from '../src/access/caller.ts'
import { QueuePattern } from '../src/access/queue-pattern.ts'
import { checkMetricsAccess, metricsHandler, ServerMetrics } from '../src/metrics/server-metrics.ts'
import { prometheus } from '../src/metrics/index.ts'
import { familiesOf, sample } from './observing/samples.ts'
import { promtool } from '../../../test/promtool.ts'
import { scene } from './observing/scene.ts'

const good = defineTask('good', { input: unchecked<number>(), queue: 'mail' })
const bad = defineTask('bad', {
  input: unchecked<number>(),
  queue: 'mail',
  retry: { attempts: 2, backoff: 'fixed', base: 1 },
})
const limited = defineTask('limited', { input: unchecked<number>(), queue: 'mail' })

test('the gauges tell what is in the store', async () => {
  await using at = scene()
  const { mill } = at
  await mill.enqueue(good, 1)
  await mill.enqueue(good, 2, { delay: '1h' })
  await mill.enqueue(limited, 1, { queue: 'other-queue' })
  await mill.queues.pause('other-queue')
  await mill.limits.put({ type: 'limited' }, { concurrency: 3 })
  await mill.breakers.trip('mailer')
  await mill.schedules.put('nightly', { task: good, cron: '0 3 * * *', zone: 'UTC', input: 1 })
  const metrics = new ServerMetrics(at)
  const { body } = await metrics.scrape(null)
  for (const [series, value] of [
    ['millrace_queue_tasks{queue="mail",state="ready"}', 1],
    ['millrace_queue_tasks{queue="mail",state="scheduled"}', 1],
    ['millrace_queue_tasks{queue="mail",state="failed"}', 0],
    ['millrace_dead_letters{queue="mail"}', 0],
    ['millrace_queue_paused{queue="mail"}', 0],
    ['millrace_queue_paused{queue="other-queue"}', 1],
    ['millrace_queue_workers{queue="mail"}', 0],
    ['millrace_limit_capacity{limit="type:limited"}', 3],
    ['millrace_limit_in_use{limit="type:limited"}', 0],
    ['millrace_breaker_state{breaker="mailer",state="open"}', 1],
    ['millrace_breaker_state{breaker="mailer",state="closed"}', 0],
    ['millrace_schedule_overdue_seconds{schedule="nightly"}', 0],
    ['millrace_workers{state="running"}', 0],
    ['millrace_scrape_store_up', 1],
  ] as const)
    expect([series, sample(body, series)]).toEqual([series, value])
  expect(
    sample(body, 'millrace_unroutable_task_age_seconds{queue="mail",type="good"}'),
  ).toBeGreaterThanOrEqual(0)
  expect(body).toMatch(
    /^millrace_build_info\{version="\d+\.\d+\.\d+",node="\d+\.\d+\.\d+",store="memory"\} 1$/m,
  )
})

test('a worker is seen with its slots, and takes what was unroutable', async () => {
  await using at = scene()
  await at.mill.enqueue(good, 1)
  const gate = Promise.withResolvers<void>()
  const began = Promise.withResolvers<void>()
  const worker = at.mill.worker({
    handlers: good.handler(async () => {
      began.resolve()
      await gate.promise
    }),
    concurrency: 4,
  })
  await worker.start()
  await began.promise
  const { body } = await new ServerMetrics(at).scrape(null)
  expect(sample(body, 'millrace_worker_slots{state="busy"}')).toBe(1)
  expect(sample(body, 'millrace_worker_slots{state="free"}')).toBe(3)
  expect(sample(body, 'millrace_queue_workers{queue="mail"}')).toBe(1)
  expect(body).not.toContain('millrace_unroutable_task_age_seconds{')
  gate.resolve()
})

test('unroutable is what no live worker serves, handles and has the offers for', async () => {
  await using at = scene()
  const gate = Promise.withResolvers<void>()
  const began = Promise.withResolvers<void>()
  const worker = at.mill.worker({
    handlers: good.handler(async () => {
      began.resolve()
      await gate.promise
    }),
    concurrency: 1,
    offers: ['disk'],
  })
  await worker.start()
  await at.mill.enqueueMany([good.with(1), good.with(2), good.with(3, { needs: ['disk'] })])
  await began.promise
  const series = async (): Promise<readonly string[]> => {
    const { body } = await new ServerMetrics(at).scrape(null)
    return [...body.matchAll(/^millrace_unroutable_task_age_seconds\{(.*)\}/gm)].map(([, labels]) => labels!)
  }
  expect(await series()).toEqual([])
  await at.mill.enqueueMany([
    limited.with(1),
    good.with(4, { queue: 'unserved' }),
    good.with(5, { needs: ['gpu'] }),
  ])
  expect((await series()).toSorted()).toEqual([
    'queue="mail",type="good"',
    'queue="mail",type="limited"',
    'queue="unserved",type="good"',
  ])
  gate.resolve()
})

test('what has gone from the store is told of no more', async () => {
  await using at = scene()
  await at.mill.breakers.trip('mailer')
  const metrics = new ServerMetrics(at)
  expect((await metrics.scrape(null)).body).toContain('breaker="mailer"')
  vi.spyOn(at.mill.breakers, 'list').mockResolvedValue([])
  at.pass(5_000)
  expect((await metrics.scrape(null)).body).not.toContain('breaker="mailer"')
})

test('the store is read at most once in a while, and never twice at the same time', async () => {
  await using at = scene()
  const { promise, resolve } = Promise.withResolvers<readonly []>()
  const read = vi.spyOn(at.mill.queues, 'list').mockReturnValue(promise)
  const metrics = new ServerMetrics(at)
  const scrapes = [metrics.scrape(null), metrics.scrape(null)]
  at.pass(60_000)
  scrapes.push(metrics.scrape(null))
  resolve([])
  await Promise.all(scrapes)
  expect(read).toHaveBeenCalledTimes(1)
  await metrics.scrape(null)
  expect(read).toHaveBeenCalledTimes(2) // a minute has passed since it began
  at.pass(4_000)
  await metrics.scrape(null)
  expect(read).toHaveBeenCalledTimes(2)
  at.pass(1_000)
  await metrics.scrape(null)
  expect(read).toHaveBeenCalledTimes(3)
})

test('a store that takes too long holds up no scrape; the next reading waits for the last', async () => {
  await using at = scene()
  const { promise, resolve } = Promise.withResolvers<readonly []>()
  const read = vi.spyOn(at.mill.queues, 'list').mockReturnValue(promise)
  const metrics = new ServerMetrics(at, { waitMs: 5 })
  expect(sample((await metrics.scrape(null)).body, 'millrace_scrape_store_up')).toBe(0)
  at.pass(60_000)
  expect(sample((await metrics.scrape(null)).body, 'millrace_scrape_store_up')).toBe(0)
  expect(read).toHaveBeenCalledTimes(1)
  resolve([])
  await vi.waitFor(async () =>
    expect(sample((await metrics.scrape(null)).body, 'millrace_scrape_store_up')).toBe(1),
  )
})

test('a store that fails is told of and counted; old gauges go after a minute', async () => {
  await using at = scene()
  await at.mill.enqueue(good, 1)
  const metrics = new ServerMetrics(at)
  await metrics.scrape(null)
  vi.spyOn(at.mill.queues, 'list').mockRejectedValue(new Error('no road to 10.0.0.7'))
  at.pass(6_000)
  const { body } = await metrics.scrape(null)
  expect(sample(body, 'millrace_scrape_store_up')).toBe(0)
  expect(sample(body, 'millrace_scrape_failures_total')).toBe(1)
  expect(sample(body, 'millrace_scrape_age_seconds')).toBeGreaterThanOrEqual(6)
  expect(sample(body, 'millrace_queue_tasks{queue="mail",state="ready"}')).toBe(1)
  expect(body).not.toContain('10.0.0.7')
  expect(at.lines).toContainEqual([
    'warn',
    { error: 'no road to 10.0.0.7' },
    'the store could not be read for the metrics',
  ])
  at.pass(55_000)
  expect((await metrics.scrape(null)).body).not.toContain('millrace_queue_tasks{')
})

test('names beyond the bound share a series', async () => {
  await using at = scene()
  await at.mill.enqueueMany(Array.from({ length: 250 }, (_, n) => good.with(n, { queue: `q${n}` })))
  const { body } = await new ServerMetrics(at).scrape(null)
  const ready = body.match(/^millrace_queue_tasks\{queue="[^"]+",state="ready"\} \d+$/gm)
  expect(ready).toHaveLength(201)
  expect(sample(body, 'millrace_queue_tasks{queue="other",state="ready"}')).toBe(50)
})

test('ends of tasks are counted, whoever runs them, and what was missed', async () => {
  await using at = scene()
  const metrics = new ServerMetrics(at)
  metrics.start()
  const worker = at.mill.worker({
    handlers: [
      good.handler(() => undefined),
      bad.handler(() => {
        throw new NonRetryableError('no')
      }),
    ],
  })
  await worker.start()
  const one = await at.mill.enqueue(good, 1)
  await one.result({ within: '10s' })
  await at.mill.enqueue(good, 2)
  await at.mill.enqueue(bad, 1)
  await vi.waitFor(
    async () => {
      const { body } = await metrics.scrape(null)
      const count = (type: string, outcome: string): number | undefined =>
        sample(body, `millrace_tasks_finished_total{queue="mail",type="${type}",outcome="${outcome}"}`)
      expect([count('good', 'succeeded'), count('bad', 'failed')]).toEqual([2, 1])
    },
    { timeout: 10_000 },
  )
  await metrics.close()
})

test('gaps and failures of listening are counted, and it goes on', async () => {
  await using at = scene()
  const platform = {
    ...at.platform,
    setTimer: (_: number, run: () => void) => at.platform.setTimer(0, run, 'holds'),
  }
  const metrics = new ServerMetrics({ ...at, platform })
  const again = Promise.withResolvers<void>()
  const events = vi.spyOn(at.mill, 'events')
  events.mockImplementationOnce(async function* () {
    yield { type: 'gap', missed: 7 } as const
    throw new Error('away')
  } as never)
  events.mockImplementationOnce(() => {
    again.resolve()
    return (async function* () {
      yield { type: 'gap', missed: 1 }
    })() as never
  })
  metrics.start()
  await again.promise
  await metrics.close()
  const { body } = await metrics.scrape(null)
  expect(sample(body, 'millrace_events_missed_total')).toBe(8)
  expect(sample(body, 'millrace_events_interruptions_total')).toBe(1)
})

test('calls, streams and refused callers are counted', async () => {
  await using at = scene()
  const metrics = new ServerMetrics(at)
  const { calls: hooks } = metrics
  hooks.observeCall({
    transport: 'rest',
    route: '/v1/tasks/{id}',
    method: 'GET',
    status: '200',
    seconds: 0.02,
  })
  const error = Object.assign(new Error('away'), { code: 'store-unavailable' })
  hooks.observeCall({
    transport: 'grpc',
    route: 'Enqueue',
    method: 'unary',
    status: 'UNAVAILABLE',
    seconds: 1,
    error,
  })
  for (let n = 0; n < 20; n++)
    hooks.observeCall({
      transport: 'rest',
      route: 'unmatched',
      method: `VERB${n}`,
      status: '404',
      seconds: 0,
    })
  hooks.observeCall({ transport: 'rest', route: 'unmatched', method: 'POST', status: '404', seconds: 0 })
  hooks.refused('rest', 'unauthenticated')
  const open = hooks.openStream('rest', '/v1/events')
  hooks.openStream('rest', '/v1/events')
  open[Symbol.dispose]()
  open[Symbol.dispose]()
  const { body } = await metrics.scrape(null)
  const of = 'transport="rest",route="/v1/tasks/{id}",method="GET"'
  expect(sample(body, `millrace_server_requests_total{${of},status="200"}`)).toBe(1)
  const strange = 'transport="rest",route="unmatched"'
  expect(sample(body, `millrace_server_requests_total{${strange},method="other",status="404"}`)).toBe(20)
  expect(sample(body, `millrace_server_requests_total{${strange},method="POST",status="404"}`)).toBe(1)
  expect(sample(body, 'millrace_store_errors_total{operation="Enqueue"}')).toBe(1)
  expect(sample(body, 'millrace_server_open_streams{transport="rest",route="/v1/events"}')).toBe(1)
  expect(sample(body, 'millrace_server_auth_failures_total{transport="rest",reason="unauthenticated"}')).toBe(
    1,
  )
  expect(body).toMatch(/millrace_server_request_seconds_bucket\{le="0\.025",.*\} 1/)
})

test('GET /metrics answers text, or OpenMetrics, one scrape after the other, and nothing else', async () => {
  await using at = scene()
  const handler = metricsHandler(new ServerMetrics(at))
  const get = (accept?: string): Promise<Response> =>
    handler(new Request('http://host/metrics', accept === undefined ? {} : { headers: { accept } }))
  const open = await get('application/openmetrics-text; version=1.0.0,text/plain;q=0.5')
  expect(open.headers.get('content-type')).toBe('application/openmetrics-text; version=1.0.0; charset=utf-8')
  const openBody = await open.text()
  expect(openBody).toMatch(/^# TYPE millrace_scrape_failures counter$/m)
  expect(openBody).toMatch(/^millrace_scrape_failures_total 0$/m)
  expect(openBody).not.toMatch(/\n\n/)
  expect(openBody.endsWith('\n# EOF\n')).toBe(true)
  const plain = await get()
  expect(plain.headers.get('content-type')).toBe('text/plain; version=0.0.4; charset=utf-8')
  expect(plain.headers.get('cache-control')).toBe('no-store')
  const body = await plain.text()
  expect(body).toMatch(/^# TYPE millrace_scrape_failures_total counter$/m)
  expect(body).not.toContain('# EOF')
  expect((await handler(new Request('http://host/metrics', { method: 'POST' }))).status).toBe(405)
  const head = await handler(new Request('http://host/metrics', { method: 'HEAD' }))
  expect([head.status, await head.text()]).toEqual([200, ''])
})

test('the numbers of all queues are for those who may view all queues', () => {
  const caller = (role: 'viewer' | 'worker', pattern: string): Caller =>
    new Caller({ name: 'key:x', grants: [{ role, queues: [new QueuePattern(pattern)] }] })
  expect(() => checkMetricsAccess(caller('viewer', '**'))).not.toThrow()
  expect(() => checkMetricsAccess(caller('viewer', 'mail'))).toThrow('may view in all queues')
  expect(() => checkMetricsAccess(caller('worker', '**'))).toThrow('may view')
})

test('a worker and a server in one process can share a registry, and promtool finds nothing wrong with it', async () => {
  const { plugin, registry, metrics } = prometheus()
  await using at = scene({ plugins: [plugin] })
  await at.mill.enqueue(good, 1)
  const server = new ServerMetrics(at, { registry })
  server.calls.observeCall({ transport: 'rest', route: '/a"b\\c', method: 'GET', status: '200', seconds: 1 })
  const { body } = await server.scrape(null)
  expect(familiesOf(body)).toContain('millrace_tasks_enqueued_total')
  expect(familiesOf(body)).toContain('millrace_queue_tasks')
  expect((await metrics()).body).toContain('millrace_queue_tasks')
  expect(promtool(['check', 'metrics'], body)).toEqual({ code: 0, text: '' })
  expect(
    promtool(['check', 'metrics'], body.replaceAll('millrace_tasks_enqueued_total', 'millraceTasks')),
  ).toMatchObject({
    code: 3,
  })
})

test('a registry that has something else under a name is refused', async () => {
  await using at = scene()
  const registry = new Registry()
  new Histogram({ name: 'millrace_store_errors_total', help: 'Not ours.', registers: [registry] })
  expect(() => new ServerMetrics(at, { registry })).toThrow('millrace_store_errors_total of another kind')
})
