/** What a process counts that enqueues tasks and runs them. */
import { expect, test, vi } from 'vitest'
import { defineTask, NonRetryableError, StoreError, unchecked } from '@millrace/core'
import { prometheus } from '../src/metrics/index.ts'
import { operationOf } from '../src/metrics/operations.ts'
import { sample } from './observing/samples.ts'
import { scene } from './observing/scene.ts'

const job = defineTask('job', {
  input: unchecked<'good' | 'once' | 'never'>(),
  queue: 'jobs',
  retry: { attempts: 3, backoff: 'fixed', base: 1 },
})

test('enqueues, attempts, and how long tasks wait and run', async () => {
  const { plugin, metrics } = prometheus()
  await using at = scene({ plugins: [plugin] })
  const worker = at.mill.worker({
    handlers: job.handler((input, { attempt }) => {
      if (input === 'never') throw new NonRetryableError('never')
      if (input === 'once' && attempt === 1) throw new Error('once more')
    }),
  })
  await worker.start()
  const id = '0193c0de-0000-7000-8000-000000000001'
  const first = await at.mill.enqueue(job, 'good', { id })
  await at.mill.enqueue(job, 'good', { id })
  const others = await at.mill.enqueueMany([job.with('once'), job.with('never')], { atomic: true })
  await expect(at.mill.enqueue(job, 'good', { needs: 'x' as never })).rejects.toThrow('needs')
  await first.result({ within: '10s' })
  await others[0].result({ within: '10s' })
  await others[1].result({ within: '10s' }).catch(() => undefined)
  await worker.stop()
  const { body } = await metrics()
  const of = 'queue="jobs",type="job"'
  for (const [series, value] of [
    [`millrace_tasks_enqueued_total{${of},outcome="created"}`, 3],
    [`millrace_tasks_enqueued_total{${of},outcome="duplicate"}`, 1],
    [`millrace_tasks_enqueued_total{${of},outcome="refused"}`, 1],
    [`millrace_task_attempts_total{${of},outcome="succeeded"}`, 2],
    [`millrace_task_attempts_total{${of},outcome="retried"}`, 1],
    [`millrace_task_attempts_total{${of},outcome="failed"}`, 1],
    [`millrace_task_wait_seconds_count{${of}}`, 4],
    [`millrace_task_run_seconds_count{${of},outcome="succeeded"}`, 2],
  ] as const)
    expect([series, sample(body, series)]).toEqual([series, value])
  expect(sample(body, `millrace_task_wait_seconds_sum{${of}}`)).toBeLessThan(5)
})

test('the wait is from when the task was due', async () => {
  const { plugin, metrics } = prometheus()
  await using at = scene({ plugins: [plugin] })
  const handle = await at.mill.enqueue(job, 'good', { runAt: Date.now() - 120_000 })
  const worker = at.mill.worker({ handlers: job.handler(() => undefined) })
  await worker.start()
  await handle.result({ within: '10s' })
  const { body } = await metrics()
  expect(sample(body, 'millrace_task_wait_seconds_sum{queue="jobs",type="job"}')).toBeGreaterThanOrEqual(120)
})

test('lost leases, take-overs and failures of the store come from the events of workers', async () => {
  const { plugin, metrics } = prometheus()
  const task = { queue: 'jobs', type: 'job' } as never
  plugin.event!({ name: 'lost', task, attempt: 1 })
  plugin.event!({ name: 'crashed', task, attempt: 1, error: new Error('gone') })
  plugin.event!({ name: 'reclaimed', id: 'x', type: 'job', cause: 'lapsed' })
  const away = new StoreError('store-unavailable', 'away', { effect: 'none' })
  plugin.event!({ name: 'error', error: away, doing: 'settling and claiming tasks' })
  plugin.event!({ name: 'error', error: new Error('a listener'), doing: "a listener of 'lost'" })
  const { body } = await metrics()
  expect(sample(body, 'millrace_lease_lost_total{queue="jobs",type="job"}')).toBe(1)
  expect(sample(body, 'millrace_task_attempts_total{queue="jobs",type="job",outcome="crashed"}')).toBe(1)
  expect(sample(body, 'millrace_tasks_reclaimed_total{type="job",cause="lapsed"}')).toBe(1)
  expect(sample(body, 'millrace_store_errors_total{operation="exchange"}')).toBe(1)
  expect(body.match(/^millrace_store_errors_total\{/gm)).toHaveLength(1)
})

test.each([
  ['renewing the lease', 'renew'],
  ['letting the schedule nightly-4711 fire', 'schedule'],
  ['enqueuing the dead letter of 0193c0de-0000-7000-8000-000000000001', 'dead-letter'],
  ['something new', 'other'],
])('%s is the operation %s', (doing, operation) => expect(operationOf(doing)).toBe(operation))

test('a task whose worker is gone is taken over, and that is counted', async () => {
  const { plugin, metrics } = prometheus()
  await using at = scene({ plugins: [plugin] })
  const reclaimed = vi.fn<(event: unknown) => void>()
  const worker = at.mill.worker({ handlers: job.handler(() => undefined) })
  worker.on('reclaimed', reclaimed)
  const session = '00000000-0000-4000-8000-000000000001'
  await at.mill.enqueue(job, 'good')
  await at.store.openSession({
    session,
    ttlMs: 1,
    host: 'gone',
    pid: 1,
    queues: ['jobs'],
    types: ['job'],
    offers: [],
    concurrency: 1,
    state: 'running',
    definitions: [],
  })
  const demand = {
    types: ['job'],
    offers: [],
    queues: [{ queue: 'jobs', slots: [1, 1, 1, 1, 1] as const, tasksMax: 1 }],
    tasksMax: 1,
    quantum: 1,
    bytesMax: 1_000_000,
    cursor: null,
    turn: null,
  }
  const { claims } = await at.store.exchange({
    session,
    nonce: '0000000000000001',
    again: false,
    settlements: [],
    demand,
  })
  expect(claims).toHaveLength(1)
  await at.store.closeSession(session)
  await worker.start()
  await vi.waitFor(
    () => expect(reclaimed).toHaveBeenCalledWith({ id: claims[0]!.id, type: 'job', cause: 'lapsed' }),
    {
      timeout: 15_000,
    },
  )
  expect(sample((await metrics()).body, 'millrace_tasks_reclaimed_total{type="job",cause="lapsed"}')).toBe(1)
}, 20_000)

test('names beyond the bound share a series', async () => {
  const { plugin, metrics } = prometheus()
  await using at = scene({ plugins: [plugin] })
  await at.mill.enqueueMany(Array.from({ length: 300 }, (_, n) => job.with('good', { queue: `q${n}` })))
  const { body } = await metrics()
  expect(body.match(/^millrace_tasks_enqueued_total\{/gm)).toHaveLength(201)
  expect(sample(body, 'millrace_tasks_enqueued_total{queue="other",type="job",outcome="created"}')).toBe(100)
})
