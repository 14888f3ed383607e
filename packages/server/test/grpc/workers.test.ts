/** Workers of other languages over gRPC. */
import { create, fromBinary, toBinary, type MessageInitShape } from '@bufbuild/protobuf'
import { Client, credentials, status, type ClientDuplexStream, type StatusObject } from '@grpc/grpc-js'
import { expect, test, vi } from 'vitest'
import { methodDefinition } from '../../src/grpc/definition.ts'
import {
  RunRequestSchema,
  RunResponseSchema,
  WorkerService,
  type RunResponse,
} from '../../src/wire/generated/millrace/v1/worker_service_pb.ts'
import { greet } from '../calls/prepared.ts'
import { Stage } from '../stage.ts'
import { bearer, GrpcScene, Reading } from './grpc-scene.ts'

type Say = NonNullable<MessageInitShape<typeof RunRequestSchema>['message']>
type Heard = RunResponse['message']

/** A worker, as one of another language would be: it knows nothing but the messages. */
class FarWorker {
  readonly client: Client
  readonly call: ClientDuplexStream<Buffer, Buffer>
  readonly ended: Promise<StatusObject>
  readonly #messages: Reading<Heard>

  constructor(url: string, as = 'python') {
    this.client = new Client(url, credentials.createInsecure())
    const { path, requestSerialize, responseDeserialize } = methodDefinition(WorkerService.method.run)
    this.call = this.client.makeBidiStreamRequest(path, requestSerialize, responseDeserialize, bearer(as))
    this.#messages = new Reading(this.call, (bytes) => fromBinary(RunResponseSchema, bytes).message)
    this.ended = this.#messages.ended
  }

  say(message: Say): void {
    const bytes = toBinary(RunRequestSchema, create(RunRequestSchema, { message }))
    this.call.write(Buffer.from(bytes))
  }

  async begin(more: object = {}): Promise<void> {
    this.say({ case: 'begin', value: { tasks: [{ type: 'greet' }], concurrency: 5, ...more } })
    await this.next('begun')
  }

  async next<C extends NonNullable<Heard['case']>>(
    wanted: C,
  ): Promise<Extract<Heard, { readonly case: C }>['value']> {
    const message = await this.#messages.next()
    if (message?.case !== wanted) throw new Error(`${message?.case ?? 'The end'} came instead of ${wanted}.`)
    return message.value as never
  }

  succeed(run: bigint, json: string): void {
    this.say({
      case: 'done',
      value: { run, outcome: { case: 'succeeded', value: { result: { case: 'json', value: json } } } },
    })
  }

  kill(): void {
    this.call.cancel()
    this.client.close()
  }
}

async function scene(): Promise<{ readonly stage: Stage; readonly grpc: GrpcScene }> {
  const stage = new Stage()
  stage.grant('python', 'worker', 'default')
  return { stage, grpc: await GrpcScene.open(stage) }
}

test('a worker runs tasks, and leaves when what it has is done', async () => {
  const { stage, grpc } = await scene()
  await using _ = grpc
  const worker = new FarWorker(grpc.url)
  await worker.begin({ name: 'build-7' })
  const handles = await Promise.all([1, 2, 3].map((n) => stage.mill.enqueue(greet, { name: `n${n}` })))
  for (const _one of handles) {
    const { run, input } = await worker.next('task')
    worker.succeed(run, String(input.value))
  }
  for (const [at, handle] of handles.entries())
    expect(await handle.result({ within: '10s' })).toEqual({ name: `n${at + 1}` })
  expect(await stage.mill.workers.list()).toMatchObject([{ host: 'build-7', queues: ['default'] }])
  worker.say({ case: 'drain', value: {} })
  await worker.next('drained')
  expect(await worker.ended).toMatchObject({ code: status.OK })
  worker.kill()
})

test('what a worker had that was killed is taken over by others', async () => {
  const { stage, grpc } = await scene()
  await using _ = grpc
  const first = new FarWorker(grpc.url)
  await first.begin()
  const handle = await stage.mill.enqueue(greet, { name: 'Ada' })
  await first.next('task')
  first.kill()
  const second = new FarWorker(grpc.url)
  await second.begin()
  const { run, id } = await second.next('task')
  expect(id).toBe(handle.id)
  second.succeed(run, '"done"')
  expect(await handle.result({ within: '10s' })).toBe('done')
  second.kill()
})

test('a credential that is revoked ends it within 5 s, and its tasks are free', async () => {
  const { stage, grpc } = await scene()
  await using _ = grpc
  const worker = new FarWorker(grpc.url)
  await worker.begin({ lease: { seconds: 600n } })
  const handle = await stage.mill.enqueue(greet, { name: 'Ada' })
  await worker.next('task')
  const sinceMs = performance.now()
  stage.revoke('python')
  expect(await worker.ended).toMatchObject({ code: status.UNAUTHENTICATED })
  expect(performance.now() - sinceMs).toBeLessThan(5_000)
  stage.grant('python', 'worker', 'default')
  const other = new FarWorker(grpc.url)
  await other.begin()
  expect(await other.next('task')).toMatchObject({ id: handle.id })
  worker.kill()
  other.kill()
})

test('a worker whose credential was narrowed ends, and spawns nothing where it may not any more', async () => {
  const { stage, grpc } = await scene()
  await using _ = grpc
  await stage.publish()
  stage.grant('python', 'worker', 'default', 'media', 'mail')
  const worker = new FarWorker(grpc.url)
  await worker.begin({
    tasks: [{ type: 'greet' }, { type: 'cut', queue: 'media' }],
    lease: { seconds: 600n },
  })
  await stage.mill.enqueue(greet, { name: 'Ada' })
  const { run } = await worker.next('task')
  const spawn = async (request: bigint): Promise<string | undefined> => {
    worker.say({
      case: 'spawn',
      value: { run, request, type: 'greet', input: '{"name":"x"}', queue: 'mail' },
    })
    return (await worker.next('answer')).result.case
  }
  expect(await spawn(1n)).toBe('id')
  stage.grant('python', 'worker', 'default', 'media')
  await vi.waitFor(async () => expect(await spawn(2n)).toBe('refusal'), { timeout: 5_000, interval: 100 })
  stage.grant('python', 'worker', 'default')
  expect(await worker.ended).toMatchObject({ code: status.PERMISSION_DENIED })
  worker.kill()
})

test('a server that ends lets a worker finish what it has, and gives it no more', async () => {
  const { stage, grpc } = await scene()
  await using _ = grpc
  const worker = new FarWorker(grpc.url)
  await worker.begin({ concurrency: 1 })
  const [first, second] = await stage.mill.enqueueMany(
    [greet.with({ name: 'Ada' }), greet.with({ name: 'Eve' })],
    { atomic: true },
  )
  const { run } = await worker.next('task')
  grpc.end()
  worker.succeed(run, '1')
  await worker.next('drained')
  expect(await worker.ended).toMatchObject({ code: status.OK })
  expect(await stage.mill.tasks.get(first.id)).toMatchObject({ state: 'succeeded' })
  expect(await stage.mill.tasks.get(second.id)).toMatchObject({ state: 'ready' })
  worker.kill()
})

test.each([
  { what: 'no credential', as: '', code: status.UNAUTHENTICATED },
  { what: 'one that may not work', as: 'viewer', code: status.PERMISSION_DENIED },
  { what: 'a foreign queue', as: 'python', begin: { queues: { media: 1 } }, code: status.PERMISSION_DENIED },
  {
    what: 'a lease that is too short',
    as: 'python',
    begin: { lease: { seconds: 0n } },
    code: status.INVALID_ARGUMENT,
  },
  { what: 'no tasks', as: 'python', begin: { tasks: [] }, code: status.INVALID_ARGUMENT },
])('refused: $what', async ({ as, begin = {}, code }) => {
  const { stage, grpc } = await scene()
  await using _ = grpc
  stage.grant('viewer', 'viewer', '**')
  const worker = new FarWorker(grpc.url, as)
  worker.say({ case: 'begin', value: { tasks: [{ type: 'greet' }], ...begin } })
  expect(await worker.ended).toMatchObject({ code })
  expect(await stage.mill.workers.list()).toEqual([])
  worker.kill()
})

test('what is no message ends the stream, and so does silence', async () => {
  const { grpc } = await scene()
  await using _ = grpc
  const odd = new FarWorker(grpc.url)
  odd.call.write(Buffer.from([0xff]))
  expect(await odd.ended).toMatchObject({ code: status.INVALID_ARGUMENT })
  const silent = new FarWorker(grpc.url)
  await silent.begin({ lease: { seconds: 1n } })
  expect(await silent.ended).toMatchObject({ code: status.UNAVAILABLE })
  odd.kill()
  silent.kill()
})
