/**
 * The table of wrong input: whatever is wrong with a call is a typed error with a hint, before anything is
 * written. Calls are written as JavaScript would have them, where no compiler helps.
 */
import { expect, test } from 'vitest'
import { defineTask, Mill, unchecked, type ErrorCode, type TaskHandle } from '../../src/index.ts'
import { World } from '../worker/world.ts'

const job = defineTask('job', { input: unchecked<unknown>() })
const ID = '00000000-0000-4000-8000-00000000dead'
const strict = defineTask('strict', {
  input: {
    '~standard': { version: 1, vendor: 'test', validate: () => ({ issues: [{ message: 'never' }] }) },
  },
})
const broken = defineTask('broken', {
  input: {
    '~standard': {
      version: 1,
      vendor: 'test',
      validate: () => {
        throw new TypeError('a bug of the schema')
      },
    },
  },
})
const keyed = defineTask('keyed', {
  input: unchecked<unknown>(),
  unique: {
    key: (): string => {
      throw new TypeError('a bug of the key')
    },
  },
})
const trap = {
  get name(): string {
    throw new TypeError('a bug of the getter')
  },
}
/** Options of which one cannot be read, be it their own or of their class. */
function trapped(name: string, others: object = {}): object {
  const get = (): never => {
    throw new TypeError('a bug of the getter')
  }
  return Object.defineProperty({ ...others }, name, { get, enumerable: true })
}
class Trapped {
  get delay(): never {
    throw new TypeError('a bug of the getter')
  }
}
const handler = job.handler(() => undefined)

/** Something as JavaScript sees it: any function takes anything. */
type Loose<T> = {
  readonly [K in keyof T]: T[K] extends (...args: never) => unknown ? LooseFunction : Loose<T[K]>
}
type LooseFunction = (...args: readonly unknown[]) => unknown
type Call = (mill: Loose<Mill>) => unknown
type Row = readonly [what: string, call: Call, code?: ErrorCode | undefined]

const define = defineTask as unknown as LooseFunction
const looseJob = job as unknown as Loose<typeof job>

function handle(mill: Loose<Mill>): Loose<TaskHandle> {
  return mill.handle(job, ID) as Loose<TaskHandle>
}

/** A row for an enqueue with these options. */
function options(what: string, given: unknown, code?: ErrorCode): Row {
  return [`enqueue: ${what}`, (mill) => mill.enqueue(job, 1, given), code]
}

const enqueues: readonly Row[] = [
  ['enqueue()', (mill) => mill.enqueue()],
  ['enqueue by name', (mill) => mill.enqueue('greet', {})],
  ['enqueue of a schema', (mill) => mill.enqueue(job.input, {})],
  ['a Date as input', (mill) => mill.enqueue(job, new Date()), 'invalid-payload'],
  ['a function as input', (mill) => mill.enqueue(job, () => 1), 'invalid-payload'],
  ['an input that its schema refuses', (mill) => mill.enqueue(strict, 1), 'invalid-payload'],
  ['a schema that throws', (mill) => mill.enqueue(broken, 1), 'invalid-payload'],
  ['a getter that throws', (mill) => mill.enqueue(job, trap), 'invalid-payload'],
  ['an input of 2 MiB', (mill) => mill.enqueue(job, 'x'.repeat(2_097_152)), 'too-large'],
  ['a unique key that cannot be made', (mill) => mill.enqueue(keyed, { key: 'thrown' })],
  options('no object', 5),
  options('a list', ['tag']),
  options('a slip of the finger', { dealy: '1s' }),
  options('an option of nothing', { colour: 'red' }),
  options('an id that is none', { id: 5 }),
  options('delay and runAt', { delay: 1, runAt: 1 }),
  options('a delay that is none', { delay: 'soon' }),
  options('a runAt that is null', { runAt: null }),
  options('a runAt that is a list', { runAt: [5] }),
  options('a runAt that is a bigint', { runAt: 5n }),
  options('a queue that is no name', { queue: 'no queue' }),
  options('a priority that is none', { priority: 'urgent' }),
  options('a retry that is none', { retry: 5 }),
  options('a slip in retry', { retry: { atempts: 5 } }),
  options('a timeout of nothing', { timeout: 0 }),
  options('held that is neither', { held: 'yes' }),
  options('after that is null', { after: null }),
  options('after that is a number', { after: 5 }),
  options('after that is a text', { after: ID }),
  options('a parent that is null', { after: [null] }),
  options('a parent that is a number', { after: [5] }),
  options('a parent without an id', { after: [{}] }),
  options('a parent with a number for an id', { after: [{ id: 5 }] }),
  options('a draft that was not enqueued', { after: [job.with(1)] }),
  options('an ifFailed that is none', { after: [{ task: ID, ifFailed: 5n }] }),
  options('an unknown parent', { after: [ID] }, 'unknown-parent'),
  options('too many parents', { after: Array(50_001).fill(ID) }, 'too-large'),
  options('a unique that is a text', { unique: 'key' }),
  options('a unique that is null', { unique: null }),
  options('a unique without a key', { unique: {} }),
  options('a unique with a slip', { unique: { key: 'k', than: 'keep' } }),
  options('a unique.then that is none', { unique: { key: 'k', then: 'drop' } }),
  options('a unique with while beside within', { unique: { key: 'k', while: 'live', within: '1h' } }),
  options('tags that are a text', { tags: 'tag' }),
  options('a tag that is no name', { tags: ['no tag'] }),
  options('too many tags', { tags: Array(101).fill('tag') }, 'too-large'),
  options('needs that are a text', { needs: 'gpu' }),
  options('needs that are null', { needs: null }),
  options('metadata that is a text', { metadata: 'me' }),
  options('metadata that is null', { metadata: null }),
  options('metadata of numbers', { metadata: { a: 1 } }, 'invalid-payload'),
  options('metadata that no store keeps', { metadata: { a: '\0' } }, 'invalid-payload'),
  options('headers that are too large', { headers: { a: 'x'.repeat(20_000) } }, 'too-large'),
]

const bulks: readonly Row[] = [
  ['enqueueMany()', (mill) => mill.enqueueMany()],
  ['enqueueMany(5)', (mill) => mill.enqueueMany(5)],
  ['enqueueMany([5])', (mill) => mill.enqueueMany([job.with(1), 5])],
  ['enqueueMany of inputs', (mill) => mill.enqueueMany([{ task: job, input: 1 }], { atomic: true })],
  ['a slip in the options of a bulk', (mill) => mill.enqueueMany([job.with(1)], { atomik: true })],
  ['atomic that is neither', (mill) => mill.enqueueMany([job.with(1)], { atomic: 'yes' })],
  ['enqueueFlow()', (mill) => mill.enqueueFlow()],
  ['enqueueFlow of something like one', (mill) => mill.enqueueFlow({ node: null })],
  ['a circle', (mill) => mill.enqueueMany([job.with(1, { id: ID, after: [ID] })]), 'cycle'],
  ['50 001 drafts', (mill) => mill.enqueueMany(Array(50_001).fill(job.with(1))), 'too-large'],
  [
    'a wrong draft of an atomic bulk',
    (mill) => mill.enqueueMany([job.with(1), job.with(2, { after: 5 } as never)], { atomic: true }),
  ],
  [
    'wrong parents beside a graph',
    (mill) =>
      mill.enqueueMany([job.with(1, { id: ID }), job.with(2, { after: [ID, null, { task: 5 }] } as never)], {
        atomic: true,
      }),
  ],
]

const waits: readonly Row[] = [
  ['call()', (mill) => mill.call(job, 1)],
  ['call without within', (mill) => mill.call(job, 1, {})],
  ['call with a slip', (mill) => mill.call(job, 1, { within: '1s', dealy: '1s' })],
  ['handle of no definition', (mill) => mill.handle('job', ID)],
  ['handle of no id', (mill) => mill.handle(job, 'x')],
  ['result()', (mill) => handle(mill).result()],
  ['result with a slip', (mill) => handle(mill).result({ whithin: '1s' })],
  ['a signal that is none', (mill) => handle(mill).result({ within: '1s', signal: 5 })],
  ['a result of nothing', (mill) => handle(mill).result({ within: '1s' }), 'not-found'],
  ['the status of nothing', (mill) => handle(mill).status(), 'not-found'],
  ['a reason that is no text', (mill) => handle(mill).cancel(5)],
]

const operations: readonly Row[] = [
  ['tasks.get()', (mill) => mill.tasks.get()],
  ['tasks.history of no id', (mill) => mill.tasks.history('x')],
  ['a state that is none', (mill) => mill.tasks.list({ state: 'bogus' })],
  ['a state that is shown only', (mill) => mill.tasks.list({ state: ['failed', 'ready'] })],
  ['a list of no queue', (mill) => mill.tasks.list({ queue: 'no queue' })],
  ['a list by a slip', (mill) => mill.tasks.list({ sate: 'failed' })],
  ['a list by null', (mill) => mill.tasks.list(null)],
  ['a limit that is none', (mill) => mill.tasks.list({ limit: 0 })],
  ['a cursor that is none', (mill) => mill.tasks.list({ cursor: 'bogus' })],
  ['a cursor that is a number', (mill) => mill.tasks.list({ cursor: 5 })],
  ['cancel()', (mill) => mill.tasks.cancel()],
  ['cancel of everything', (mill) => mill.tasks.cancel({})],
  ['cancel of no id', (mill) => mill.tasks.cancel([ID, 5])],
  ['cancel with a slip', (mill) => mill.tasks.cancel({ stat: 'pending' })],
  ['cancel with a reason that is none', (mill) => mill.tasks.cancel(ID, { reason: 5 })],
  ['retry with a slip', (mill) => mill.tasks.retry(ID, { inputs: 1 })],
  ['retry with no JSON', (mill) => mill.tasks.retry(ID, { input: new Date() }), 'invalid-payload'],
  ['a priority that is none', (mill) => mill.tasks.setPriority(ID, 'urgent')],
  ['queues.pause()', (mill) => mill.queues.pause()],
  ['a pause with a slip', (mill) => mill.queues.pause('q', { who: 'Ada' })],
  ['a pause by no text', (mill) => mill.queues.pause('q', { by: 5 })],
  ['explain of no id', (mill) => mill.tasks.explain('x')],
  ['queues.configure()', (mill) => mill.queues.configure('q', null)],
  ['queues.configure with a slip', (mill) => mill.queues.configure('q', { retentoin: {} })],
  ['a retention that is none', (mill) => mill.queues.configure('q', { retention: '1d' })],
  ['a bound that is none', (mill) => mill.queues.configure('q', { retention: { bytes: 1n } })],
  ['close with a slip', (mill) => mill.close({ drian: '1s' })],
  ['a drain that is none', (mill) => mill.close({ drain: 'soon' })],
]

const workers: readonly Row[] = [
  ['worker()', (mill) => mill.worker()],
  ['a worker without handlers', (mill) => mill.worker({})],
  ['a handler that is none', (mill) => mill.worker({ handlers: [job] })],
  ['two handlers', (mill) => mill.worker({ handlers: [handler, job.handler(() => 1)] })],
  ['a worker with a slip', (mill) => mill.worker({ handlers: handler, concurency: 5 })],
  ['no queues', (mill) => mill.worker({ handlers: handler, queues: [] })],
  ['queues that are a text', (mill) => mill.worker({ handlers: handler, queues: 'media' })],
  ['queues that are null', (mill) => mill.worker({ handlers: handler, queues: null })],
  ['offers that are a text', (mill) => mill.worker({ handlers: handler, offers: 'gpu' })],
  ['priorities that are null', (mill) => mill.worker({ handlers: handler, priorities: null })],
  ['slots that are none', (mill) => mill.worker({ handlers: handler, concurrency: 1n })],
  ['a lease that is too short', (mill) => mill.worker({ handlers: handler, lease: 1 })],
]

const definitions: readonly Row[] = [
  ['defineTask()', () => define()],
  ['a task without a schema', () => define('job', {})],
  ['a task with a slip', () => define('job', { input: unchecked(), prioritty: 'high' })],
  ['an option of a later version', () => define('job', { input: unchecked(), breaker: {} })],
  ['a slip in unique', () => define('job', { input: unchecked(), unique: { key: String, by: 1 } })],
  ['a slip in retry', () => define('job', { input: unchecked(), retry: { attempt: 3 } })],
  ['handler()', () => looseJob.handler()],
  ['a handler that runs nowhere', () => looseJob.handler(() => 1, { runIn: 'cloud' })],
  ['memory for a handler that has none of its own', () => looseJob.handler(() => 1, { heapMb: 64 })],
  ['too small a heap', () => looseJob.handler(() => 1, { runIn: 'thread', heapMb: 15 })],
  ['an environment that is no list', () => looseJob.handler(() => 1, { runIn: 'process', env: 'A' })],
  ['a batch elsewhere', () => looseJob.batch({ size: 1, runIn: 'thread' }, () => [])],
  ['a handler with a slip', () => looseJob.handler(() => 1, { runin: 'inline' })],
]

/** A row for a definition with these options. */
function flow(what: string, given: object): Row {
  return [`flow: ${what}`, () => define('t', { input: unchecked(), ...given })]
}

const flows: readonly Row[] = [
  flow('a partition that is a text', { partition: 'acme' }),
  flow('a partition without a key', { partition: { fifo: true } }),
  flow('a partition that is null', { partition: null }),
  flow('fifo that is a text', { partition: { key: () => 'a', fifo: 'yes' } }),
  flow('limits that are no list', { limits: { name: 'a' } }),
  flow('a limit that is null', { limits: [null] }),
  flow('a limit without a name', { limits: [{ concurrency: 1 }] }),
  flow('a limit twice', { limits: [{ name: 'a' }, { name: 'a' }] }),
  flow('nine limits', { limits: Array.from({ length: 9 }, (_, n) => ({ name: `l${n}` })) }),
  flow('a concurrency of nothing', { limits: [{ name: 'a', concurrency: 0 }] }),
  flow('a rate that is a number', { limits: [{ name: 'a', rate: 5 }] }),
  flow('a rate that is null', { limits: [{ name: 'a', rate: null }] }),
  flow('a rate without a time', { limits: [{ name: 'a', rate: { limit: 5 } }] }),
  flow('a rate in no time', { limits: [{ name: 'a', rate: { limit: 5, per: 0 } }] }),
  flow('a burst of nothing', { limits: [{ name: 'a', rate: { limit: 5, per: '1s', burst: 0 } }] }),
  flow('a key that is a text', { limits: [{ name: 'a', key: 'b' }] }),
  flow('a cost that is a number', { limits: [{ name: 'a', cost: 2 }] }),
  flow('a breaker by its name', { breaker: 'bank' }),
  flow('a breaker that is null', { breaker: null }),
  flow('a breaker without a name', { breaker: { share: 0.5 } }),
  flow('a share in percent', { breaker: { name: 'a', share: 50 } }),
  flow('a breaker of more outcomes than are kept', { breaker: { name: 'a', of: 1_001 } }),
  flow('a breaker with a window of nothing', { breaker: { name: 'a', within: 0 } }),
  flow('a breaker that stays open for no time', { breaker: { name: 'a', open: 0 } }),
  flow('trips that is a number', { breaker: { name: 'a', trips: 5 } }),
  flow('counts that is a number', { breaker: { name: 'a', counts: 5 } }),
  [
    'a partition that cannot be made',
    (mill) => mill.enqueue(define('t', { input: unchecked(), partition: keyed.unique!.key }), {}),
  ],
  [
    'a partition that is no text',
    (mill) => mill.enqueue(define('t', { input: unchecked(), partition: () => 5 }), {}),
  ],
  [
    'a cost that is a fraction',
    (mill) => mill.enqueue(define('t', { input: unchecked(), limits: [{ name: 'a', cost: () => 0.5 }] }), {}),
  ],
  options('a partition of 600 bytes', { partition: 'x'.repeat(600) }),
  options('a partition that is a number', { partition: 5 }),
  options('a partition that is null', { partition: null }),
  [
    'a partition of null, as the definition says',
    (mill) => mill.enqueue(define('t', { input: unchecked(), partition: () => null }), {}),
  ],
  options('a dueBy that is a date', { dueBy: new Date() }),
  options('prefers that is a text', { prefers: 'eu' }),
  options('prefers that is null', { prefers: null }),
  options('a preference that is no name', { prefers: ['e u'] }),
  options('nine preferences', { prefers: Array.from({ length: 9 }, (_, n) => `r${n}`) }),
  options('spillAfter that is none', { prefers: ['eu'], spillAfter: 'soon' }),
  options('spillAfter that is none, with nothing preferred', { prefers: [], spillAfter: 'soon' }),
  options('spillAfter without prefers', { spillAfter: '1s' }),
  ['limits.put()', (mill) => mill.limits.put()],
  ['limits.put of null', (mill) => mill.limits.put(null, { concurrency: 1 })],
  ['limits.put of nothing', (mill) => mill.limits.put({}, { concurrency: 1 })],
  ['limits.put of both', (mill) => mill.limits.put({ queue: 'q', type: 't' }, { concurrency: 1 })],
  ['limits.put without a limit', (mill) => mill.limits.put('a', {})],
  ['limits.put with null', (mill) => mill.limits.put('a', null)],
  ['limits.put with a concurrency of null', (mill) => mill.limits.put('a', { concurrency: null })],
  ['limits.remove of a breaker', (mill) => mill.limits.remove('breaker:a')],
  ['breakers.trip()', (mill) => mill.breakers.trip()],
  ['breakers.trip with null', (mill) => mill.breakers.trip('a', null)],
  ['breakers.trip for no time that is', (mill) => mill.breakers.trip('a', { for: 'long' })],
  ['breakers.reset()', (mill) => mill.breakers.reset()],
  ['partitions.put()', (mill) => mill.partitions.put()],
  ['partitions.put without a weight', (mill) => mill.partitions.put('a', {})],
  ['partitions.put with a weight of 0', (mill) => mill.partitions.put('a', { weight: 0 })],
  ['partitions.put without options', (mill) => mill.partitions.put('a')],
  ['budgets.put()', (mill) => mill.budgets.put()],
  ['budgets.put of null', (mill) => mill.budgets.put(null, { tasks: 1 })],
  ['budgets.put without options', (mill) => mill.budgets.put({ queue: 'q' })],
  ['budgets.put with tasks of null', (mill) => mill.budgets.put({ queue: 'q' }, { tasks: null })],
  ['budgets.put with a quota of null', (mill) => mill.budgets.put({ queue: 'q' }, { quota: null })],
  ['budgets.remove()', (mill) => mill.budgets.remove()],
]

const clients: readonly Row[] = [
  ['a client with a slip', () => new World().mill(undefined, { maxPendign: 5 } as never)],
  ['maxPending of nothing', () => new World().mill(undefined, { maxPending: 0 })],
  ['a storeTimeout of nothing', () => new World().mill(undefined, { storeTimeout: 0 })],
  ['maxPendingBytes of nothing', () => new World().mill(undefined, { maxPendingBytes: 0.5 })],
]

const traps: readonly Row[] = [
  options('a getter that throws', trapped('delay')),
  options('a getter of a class that throws', new Trapped()),
  options('a getter of a name that nobody knows', trapped('dealy')),
  options('a getter in retry', { retry: trapped('attempts') }),
  options('a getter in unique', { unique: trapped('key') }),
  options('a getter in metadata', { metadata: trapped('a') }),
  options('a getter of a parent', { after: [trapped('ifFailed', { task: ID })] }),
  options('a getter for the parent', { after: [trapped('task')] }),
  options('a getter for the id of a parent', { after: [trapped('id')] }),
  ['a draft with a getter', () => looseJob.with(1, trapped('id'))],
  ['a bulk with a getter', (mill) => mill.enqueueMany([job.with(1)], trapped('atomic'))],
  ['a call with a getter', (mill) => mill.call(job, 1, trapped('within'))],
  ['a call with a getter of enqueue', (mill) => mill.call(job, 1, trapped('delay', { within: '1s' }))],
  ['a wait with a getter', (mill) => handle(mill).result(trapped('within'))],
  ['a list with a getter', (mill) => mill.tasks.list(trapped('state'))],
  ['a filter with a getter', (mill) => mill.tasks.cancel(trapped('queue'))],
  ['a retry with a getter', (mill) => mill.tasks.retry(ID, trapped('input'))],
  ['a retention with a getter', (mill) => mill.queues.configure('q', { retention: trapped('bytes') })],
  ['a worker with a getter', (mill) => mill.worker(trapped('lease', { handlers: handler }))],
  ['queues with a getter', (mill) => mill.worker({ handlers: handler, queues: trapped('media') })],
  ['a definition with a getter', () => define('job', trapped('queue', { input: unchecked() }))],
  ['a client with a getter', () => new Mill(new World().store, trapped('maxPending'))],
  ['close with a getter', (mill) => mill.close(trapped('drain'))],
]

const rows: readonly Row[] = [
  ...enqueues,
  ...bulks,
  ...waits,
  ...operations,
  ...workers,
  ...definitions,
  ...flows,
  ...clients,
  ...traps,
]

const table = rows.map(([what, call, code = 'invalid-argument']) => [what, call, code] as const)

test.each(table)('%s', async (_, call, code) => {
  const world = new World()
  const line = world.line()
  const mill = world.mill(line)
  const error = await world.refusal(Promise.try(() => call(mill as unknown as Loose<Mill>)))
  expect(error).toMatchObject({ code, hint: expect.stringMatching(/\w{2} .*[.):]/) as unknown })
  expect(error.message).not.toMatch(/undefined \(reading|is not (a function|iterable)/)
  // the store may have been asked, and has nothing of it
  expect(await world.store.queues()).toEqual([])
  expect(line.calls.filter(({ method }) => /^(configure|remove|openSession)/.test(method))).toEqual([])
})
