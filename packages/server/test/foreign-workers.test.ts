/** Workers of other languages: what they say and are told, without the wire. */
import { create, type MessageInitShape } from '@bufbuild/protobuf'
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import { codeOf, defineTask, MemoryStore, Mill, systemPlatform, unchecked } from '@millrace/core'
import { Caller } from '../src/access/caller.ts'
import { QueuePattern } from '../src/access/queue-pattern.ts'
import {
  RunRequestSchema,
  type RunRequest,
  type RunResponse,
} from '../src/wire/generated/millrace/v1/worker_service_pb.ts'
import { ForeignWorker } from '../src/workers/foreign-worker.ts'

type Say = MessageInitShape<typeof RunRequestSchema>['message']
type Heard = RunResponse['message']

const quiet = { debug() {}, info() {}, warn() {}, error() {} }
const job = defineTask('job', { input: unchecked<{ readonly n: number }>(), output: unchecked<unknown>() })
const child = defineTask('child', { input: unchecked<string>() })
const caller = new Caller({
  name: 'key:python',
  grants: [{ role: 'worker', queues: [new QueuePattern('default'), new QueuePattern('media')] }],
})

/** The other end of the line. */
class Far {
  readonly worker: ForeignWorker
  readonly ended: Promise<unknown>
  /** Whether more was to be read, each time that changed. */
  readonly listened: boolean[] = []
  readonly #heard: Heard[] = []
  readonly #asked: { readonly wanted: string; readonly tell: (heard: never) => void }[] = []

  constructor(mill: Mill) {
    const ended = Promise.withResolvers<unknown>()
    this.ended = ended.promise
    this.worker = new ForeignWorker({
      mill,
      platform: systemPlatform,
      caller,
      send: ({ message }) => this.#hear(message),
      listening: (more) => this.listened.push(more),
      ended: (error) => ended.resolve(error),
      definitionOf: () => Promise.resolve(child),
    })
  }

  say(message: NonNullable<Say>): void {
    this.worker.hear(create(RunRequestSchema, { message }) as RunRequest)
  }

  begin(more: object = {}): Promise<unknown> {
    this.say({ case: 'begin', value: { tasks: [{ type: 'job' }], ...more } })
    return this.next('begun')
  }

  /** The next message of that kind. */
  next<C extends NonNullable<Heard['case']>>(
    wanted: C,
  ): Promise<Extract<Heard, { readonly case: C }>['value']> {
    return new Promise((tell) => {
      this.#asked.push({ wanted, tell })
      this.#match()
    })
  }

  #hear(message: Heard): void {
    this.#heard.push(message)
    this.#match()
  }

  #match(): void {
    for (const ask of this.#asked) {
      const at = this.#heard.findIndex(({ case: heard }) => heard === ask.wanted)
      if (at < 0) continue
      this.#asked.splice(this.#asked.indexOf(ask), 1)
      ask.tell(this.#heard.splice(at, 1)[0]!.value as never)
    }
  }
}

let mill: Mill
beforeEach(() => {
  mill = new Mill(new MemoryStore({ platform: systemPlatform }), { logger: quiet })
})
afterEach(() => mill.close())

describe('a worker of another language', () => {
  test('gets tasks and answers them: results, progress, logs and checkpoints are kept', async () => {
    const far = new Far(mill)
    await far.begin({ name: 'build-7' })
    const handle = await mill.enqueue(job, { n: 1 }, { tags: ['a'], metadata: { of: 'test' } })
    const task = await far.next('task')
    expect(task).toMatchObject({
      id: handle.id,
      type: 'job',
      queue: 'default',
      attempt: 1,
      input: { case: 'json', value: '{"n":1}' },
      checkpoint: '',
      epoch: 1,
      tags: ['a'],
      metadata: { of: 'test' },
    })
    const { run } = task
    far.say({ case: 'progress', value: { run, fraction: 0.5, text: 'half' } })
    far.say({ case: 'log', value: { run, level: 'warn', text: 'odd', data: '{"width":3}' } })
    far.say({ case: 'checkpoint', value: { run, request: 7n, json: '{"page":2}' } })
    expect(await far.next('answer')).toMatchObject({ request: 7n, result: { case: 'id', value: '' } })
    expect(await mill.tasks.get(handle.id)).toMatchObject({
      state: 'running',
      checkpoint: { page: 2 },
      progress: { fraction: 0.5, message: 'half' },
      logs: [{ level: 'warn', message: 'odd', data: '{"width":3}' }],
    })
    expect(await mill.workers.list()).toMatchObject([{ host: 'build-7', types: ['job'] }])
    far.say({
      case: 'done',
      value: { run, outcome: { case: 'succeeded', value: { result: { case: 'json', value: '{"sum":3}' } } } },
    })
    expect(await handle.result({ within: '5s' })).toEqual({ sum: 3 })
    far.say({ case: 'drain', value: {} })
    await far.next('drained')
    expect(await far.ended).toBeUndefined()
    expect(await mill.workers.list()).toEqual([])
  })

  const failure = { name: 'ValueError', message: 'no such file', stack: 'line 1' }
  const kept = expect.objectContaining(failure) as unknown
  test.each([
    {
      what: 'failed',
      outcome: { case: 'failed', value: failure },
      state: 'scheduled',
      failures: 1,
      error: kept,
      from: 0,
      to: 1_000,
    },
    {
      what: 'failed for good',
      outcome: { case: 'failed', value: { ...failure, again: { case: 'never', value: true } } },
      state: 'failed',
      failures: 1,
      error: kept,
      from: -Infinity,
      to: 0,
    },
    {
      what: 'failed, and is to be tried after so long',
      outcome: {
        case: 'failed',
        value: { ...failure, again: { case: 'after', value: { seconds: 3_600n } } },
      },
      state: 'scheduled',
      failures: 1,
      error: kept,
      from: 3_600_000,
      to: 3_600_000,
    },
    {
      what: 'snoozed',
      outcome: { case: 'snoozed', value: { seconds: 60n, nanos: 500_000_000 } },
      state: 'scheduled',
      failures: 0,
      error: null,
      from: 60_500,
      to: 60_500,
    },
  ] as const)('says that a task has $what', async ({ outcome, state, failures, error, from, to }) => {
    const far = new Far(mill)
    await far.begin()
    const { id } = await mill.enqueue(job, { n: 1 })
    const { run } = await far.next('task')
    far.say({ case: 'done', value: { run, outcome } })
    far.say({ case: 'drain', value: {} })
    await far.next('drained')
    const found = (await mill.tasks.get(id))!
    expect(found).toMatchObject({ state, counters: { failures, crashes: 0 }, error })
    const inMs = found.runAt - found.history.at(-1)!.at
    expect(inMs).toBeGreaterThanOrEqual(from)
    expect(inMs).toBeLessThanOrEqual(to)
  })

  test('enqueues in the name of its task, where its credential may', async () => {
    const far = new Far(mill)
    await far.begin()
    await mill.enqueue(job, { n: 1 })
    const { run } = await far.next('task')
    far.say({
      case: 'spawn',
      value: { run, request: 1n, type: 'child', key: 'caption', input: '"a"', queue: 'media' },
    })
    const { result } = await far.next('answer')
    expect(await mill.tasks.get(result.value as string)).toMatchObject({
      type: 'child',
      queue: 'media',
      input: 'a',
    })
    far.say({ case: 'spawn', value: { run, request: 2n, type: 'child', input: '"a"', queue: 'mail' } })
    expect(await far.next('answer')).toMatchObject({
      request: 2n,
      result: { case: 'refusal', value: { code: 'forbidden' } },
    })
    far.worker.gone()
  })

  test('asks for so much at a time, and is not heard until some of it is answered', async () => {
    const far = new Far(mill)
    await far.begin()
    await mill.enqueue(job, { n: 1 })
    const { run } = await far.next('task')
    const say = (request: number): void =>
      far.say({ case: 'checkpoint', value: { run, request: BigInt(request), json: String(request) } })
    for (let request = 1; request < 64; request += 1) say(request)
    expect(far.listened).toEqual([])
    say(64)
    expect(far.listened).toEqual([false])
    for (let request = 1; request <= 64; request += 1) await far.next('answer')
    expect(far.listened).toEqual([false, true])
    far.worker.gone()
  })

  test('is told that a task is to stop, and says how it ended all the same', async () => {
    const far = new Far(mill)
    await far.begin()
    const handle = await mill.enqueue(job, { n: 1 })
    const { run } = await far.next('task')
    await handle.cancel('enough')
    expect(await far.next('abort')).toMatchObject({ run, reason: 'cancel' })
    far.say({ case: 'done', value: { run, outcome: { case: 'failed', value: failure } } })
    expect(await handle.settled({ within: '5s' })).toMatchObject({ outcome: 'cancelled' })
    far.worker.gone()
  })

  test('that is gone has crashed: its tasks are taken over, and what it says then does not count', async () => {
    const far = new Far(mill)
    await far.begin({ lease: { seconds: 1n } })
    const handle = await mill.enqueue(job, { n: 1 })
    const { run } = await far.next('task')
    far.worker.gone()
    expect(await far.ended).toBeUndefined()
    far.say({ case: 'done', value: { run, outcome: { case: 'succeeded', value: {} } } })
    const other = new Far(mill)
    await other.begin()
    const again = await other.next('task')
    expect(again).toMatchObject({ id: handle.id, attempt: 1 })
    expect(again.epoch).toBeGreaterThan(1)
    expect(await mill.tasks.get(handle.id)).toMatchObject({ counters: { crashes: 1, failures: 0 } })
    other.say({ case: 'done', value: { run: again.run, outcome: { case: 'succeeded', value: {} } } })
    await handle.result({ within: '5s' })
    other.worker.gone()
  })

  test('that says nothing for as long as its lease is taken for dead', async () => {
    const far = new Far(mill)
    await far.begin({ lease: { seconds: 1n } })
    expect(codeOf(await far.ended)).toBe('store-unavailable')
    await vi.waitFor(async () => expect(await mill.workers.list()).toEqual([]))
  })

  test('ends when an operator drains it', async () => {
    const far = new Far(mill)
    await far.begin({ lease: { seconds: 1n } })
    const beating = setInterval(() => far.say({ case: 'beat', value: {} }), 100)
    const [worker] = await mill.workers.list()
    await mill.workers.drain(worker!.session)
    await far.next('drained')
    clearInterval(beating)
    expect(await far.ended).toBeUndefined()
  })

  const refused: readonly {
    readonly what: string
    readonly says: readonly NonNullable<Say>[]
    readonly code: string
  }[] = [
    { what: 'does not begin', says: [{ case: 'beat', value: {} }], code: 'invalid-argument' },
    { what: 'names no tasks', says: [{ case: 'begin', value: {} }], code: 'invalid-argument' },
    {
      what: 'begins twice',
      says: [
        { case: 'begin', value: { tasks: [{ type: 'job' }] } },
        { case: 'begin', value: { tasks: [{ type: 'job' }] } },
      ],
      code: 'invalid-argument',
    },
    {
      what: 'may not work in the queue',
      says: [{ case: 'begin', value: { tasks: [{ type: 'job' }], queues: { mail: 1 } } }],
      code: 'forbidden',
    },
    {
      what: 'may not work in the queue of a definition',
      says: [{ case: 'begin', value: { tasks: [{ type: 'job', queue: 'mail' }] } }],
      code: 'forbidden',
    },
    {
      what: 'has too many slots',
      says: [{ case: 'begin', value: { tasks: [{ type: 'job' }], queues: { media: 600, default: 600 } } }],
      code: 'invalid-argument',
    },
    {
      what: 'has a lease that is too short',
      says: [{ case: 'begin', value: { tasks: [{ type: 'job' }], lease: { nanos: 1_000_000 } } }],
      code: 'invalid-argument',
    },
    {
      what: 'has a schema that is none',
      says: [{ case: 'begin', value: { tasks: [{ type: 'job', schema: '[' }] } }],
      code: 'invalid-argument',
    },
  ]
  test.each(refused)('that $what is refused', async ({ says, code }) => {
    const far = new Far(mill)
    for (const message of says) far.say(message)
    expect(codeOf(await far.ended)).toBe(code)
  })

  test('that sends what is no JSON is ended, and its task taken over', async () => {
    const far = new Far(mill)
    await far.begin()
    const { id } = await mill.enqueue(job, { n: 1 })
    const { run } = await far.next('task')
    far.say({
      case: 'done',
      value: { run, outcome: { case: 'succeeded', value: { result: { case: 'json', value: '{' } } } },
    })
    expect(codeOf(await far.ended)).toBe('invalid-argument')
    expect((await mill.tasks.get(id))?.counters.failures).toBe(0)
  })

  test('takes over no definition of a queue of others', async () => {
    const theirs = defineTask('job', { input: unchecked<null>(), queue: 'mail' })
    const worker = mill.worker({ handlers: theirs.handler(() => null) })
    await worker.start()
    const far = new Far(mill)
    far.say({ case: 'begin', value: { tasks: [{ type: 'job', queue: 'media' }] } })
    expect(codeOf(await far.ended)).toBe('forbidden')
    expect(await mill.definitions()).toMatchObject([{ type: 'job', queue: 'mail' }])
  })

  test('publishes no definition for a queue of others', async () => {
    const far = new Far(mill)
    far.say({ case: 'begin', value: { tasks: [{ type: 'new', queue: 'mail' }], queues: { media: 1 } } })
    expect(codeOf(await far.ended)).toBe('forbidden')
    expect(await mill.definitions()).toEqual([])
  })

  test('publishes what it can run, with its schema', async () => {
    const far = new Far(mill)
    const schema = '{"type":"object"}'
    await far.begin({
      tasks: [{ type: 'job', queue: 'media', attempts: 7, timeout: { seconds: 5n }, schema }],
    })
    const [definition] = await mill.definitions()
    expect(definition).toMatchObject({ type: 'job', queue: 'media', schema })
    expect(JSON.parse(definition!.options)).toMatchObject({ retry: { attempts: 7 }, timeoutMs: 5_000 })
    far.worker.gone()
  })
})
