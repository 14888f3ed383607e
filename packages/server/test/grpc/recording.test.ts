/** No RPC of any service is left out of the metrics: neither those that are ours, nor health and reflection. */
import { type ClientReadableStream, type Metadata } from '@grpc/grpc-js'
import { expect, test, vi } from 'vitest'
import { CallRecorder } from '../../src/metrics/call-recorder.ts'
import { Stage } from '../stage.ts'
import { bearer, GrpcScene } from './grpc-scene.ts'
import type { CallMetrics, ObservedCall } from '../../src/metrics/call-metrics.ts'

const NOTHING = Buffer.alloc(0)
const asItIs = (bytes: Buffer): Buffer => bytes

/** What is counted, instead of counting it. */
class Counted {
  readonly calls: ObservedCall[] = []
  readonly #open = new Map<string, number>()
  readonly recorder: CallRecorder

  constructor(stage: Stage) {
    const metrics: Pick<CallMetrics, 'observeCall' | 'openStream' | 'refused'> = {
      observeCall: (call) => void this.calls.push(call),
      refused: () => undefined,
      openStream: (_, route) => {
        this.#add(route, 1)
        return { [Symbol.dispose]: () => this.#add(route, -1) }
      },
    }
    this.recorder = new CallRecorder(metrics as CallMetrics, stage.parts.logger)
  }

  open(route: string): number | undefined {
    return this.#open.get(route)
  }

  #add(route: string, by: number): void {
    this.#open.set(route, (this.#open.get(route) ?? 0) + by)
  }
}

function ask(scene: GrpcScene, path: string, metadata: Metadata): Promise<void> {
  // what comes of it is not what this is about
  return new Promise((resolve) => {
    scene.client.makeUnaryRequest(path, asItIs, asItIs, NOTHING, metadata, () => resolve())
  })
}

test('each RPC is recorded once, with its status; streams are counted while they are open, and not timed', async () => {
  const stage = new Stage()
  const counted = new Counted(stage)
  await using scene = await GrpcScene.open(stage, { recorder: counted.recorder, reflection: true })
  const { rpcs } = scene
  expect(rpcs.map(({ path }) => path.split('/')[1])).toEqual(
    expect.arrayContaining([
      'millrace.v1.StoreService',
      'millrace.v1.TaskService',
      'millrace.v1.EventService',
      'millrace.v1.WorkerService',
      'grpc.health.v1.Health',
      'grpc.reflection.v1.ServerReflection',
      'grpc.reflection.v1alpha.ServerReflection',
    ]),
  )
  const recorded = (path: string): readonly ObservedCall[] =>
    counted.calls.filter(({ route }) => route === path)
  for (const { path } of rpcs.filter(({ type }) => type === 'unary')) {
    await ask(scene, path, bearer('root'))
    expect([path, recorded(path).map(({ seconds }) => typeof seconds)]).toEqual([path, ['number']])
  }
  for (const { path, type } of rpcs.filter((one) => one.type !== 'unary')) {
    const stream =
      type === 'bidi'
        ? scene.client.makeBidiStreamRequest(path, asItIs, asItIs, bearer('root'))
        : scene.client.makeServerStreamRequest(path, asItIs, asItIs, NOTHING, bearer('root'))
    stream.on('error', () => undefined) // it was cancelled, or refused
    stream.resume()
    await vi.waitFor(() => expect([path, counted.open(path)]).toEqual([path, expect.any(Number)]))
    stream.cancel()
    await vi.waitFor(() => expect([path, recorded(path).length]).toEqual([path, 1]))
    expect([path, recorded(path)[0]!.seconds, counted.open(path)]).toEqual([path, null, 0])
  }
})

test('streams that are left, refused, and ended by the client are told apart', async () => {
  const stage = new Stage()
  const counted = new Counted(stage)
  await using scene = await GrpcScene.open(stage, { recorder: counted.recorder })
  const status = async (
    stream: ClientReadableStream<Buffer>,
    leave: () => void,
  ): Promise<string | undefined> => {
    counted.calls.length = 0
    const refused = new Promise<void>((resolve) => stream.on('error', () => resolve()))
    stream.resume()
    await Promise.race([new Promise((resolve) => stream.once('metadata', resolve)), refused])
    leave()
    await vi.waitFor(() => expect(counted.calls.length).toBe(1))
    return counted.calls[0]!.status
  }
  const events = (as: string): ClientReadableStream<Buffer> =>
    scene.client.makeServerStreamRequest(
      '/millrace.v1.EventService/WatchEvents',
      asItIs,
      asItIs,
      NOTHING,
      bearer(as),
    )
  const left = events('root')
  expect(await status(left, () => left.cancel())).toBe('CANCELLED')
  const refused = events('nobody')
  expect(await status(refused, () => undefined)).toBe('UNAUTHENTICATED')
  const work = scene.client.makeBidiStreamRequest(
    '/millrace.v1.StoreService/Work',
    asItIs,
    asItIs,
    bearer('root'),
  )
  expect(await status(work, () => work.end())).toBe('OK')
})
