/** Streams of the service layer over gRPC. */
import { once } from 'node:events'
import { status } from '@grpc/grpc-js'
import { expect, test } from 'vitest'
import { STREAM_METHODS } from '../../src/grpc/call-methods.ts'
import { EventHub } from '../../src/service/events/hub.ts'
import { methodDefinition } from '../../src/grpc/definition.ts'
import { codecOf } from '../../src/wire/codec.ts'
import { greet } from '../calls/prepared.ts'
import { ID, OTHER } from '../calls/making.ts'
import { Stage } from '../stage.ts'
import { bearer, GrpcScene, grpcTransport, reading } from './grpc-scene.ts'

const WATCH = STREAM_METHODS['events.watch']!
const FOLLOW = STREAM_METHODS['tasks.updates']!

interface Told {
  readonly id?: string
  readonly type: string
  readonly state?: string
  readonly task?: { readonly id: string }
}

test('events come as tasks end, and who comes back goes on where it was', async () => {
  const stage = new Stage()
  await using scene = await GrpcScene.open(stage)
  const events = reading<Told>(scene, WATCH, { input: { types: ['task.cancelled'] } })
  await events.open
  for (const id of [ID, OTHER]) await stage.mill.enqueue(greet, { name: 'a' }, { id, delay: '1h' })
  for (const id of [ID, OTHER]) await stage.mill.tasks.cancel(id)
  const first = await events.next()
  expect(first).toMatchObject({ type: 'task.cancelled', task: { id: ID, state: 'cancelled', tags: [] } })
  events.call.cancel()
  expect(await events.ended).toMatchObject({ code: status.CANCELLED })
  const again = reading<Told>(scene, WATCH, { input: { lastEventId: first!.id } })
  expect(await again.next()).toMatchObject({ type: 'task.cancelled', task: { id: OTHER } })
  const lost = reading<Told>(scene, WATCH, { input: { lastEventId: '00000000-1' } })
  expect(await lost.next()).toMatchObject({ type: 'resync' })
})

test('a task is followed to its end', async () => {
  const stage = new Stage()
  await using scene = await GrpcScene.open(stage)
  await stage.mill.enqueue(greet, { name: 'a' }, { id: ID, delay: '1h' })
  const updates = reading<Told>(scene, FOLLOW, { input: { id: ID } })
  expect(await updates.next()).toEqual({ type: 'state', state: 'scheduled', attempt: 1 })
  await stage.mill.tasks.cancel(ID)
  expect(await updates.next()).toMatchObject({ type: 'state', state: 'cancelled' })
  expect(await updates.next()).toBeUndefined()
  expect(await updates.ended).toMatchObject({ code: status.OK })
})

test('a credential that is revoked ends the stream, and so does one that may no more', async () => {
  const stage = new Stage()
  await using scene = await GrpcScene.open(stage)
  stage.grant('ada', 'viewer', '**')
  stage.grant('eve', 'viewer', '**')
  const ada = reading<Told>(scene, WATCH, { input: {}, as: 'ada' })
  const eve = reading<Told>(scene, WATCH, { input: {}, as: 'eve' })
  await Promise.all([ada.open, eve.open])
  const sinceMs = performance.now()
  stage.revoke('ada')
  stage.grant('eve', 'producer', '**')
  expect(await ada.ended).toMatchObject({ code: status.UNAUTHENTICATED })
  expect(await eve.ended).toMatchObject({ code: status.PERMISSION_DENIED })
  expect(performance.now() - sinceMs).toBeLessThan(5_000)
})

test('streams end with the server, and none opens after that', async () => {
  const stage = new Stage()
  await using scene = await GrpcScene.open(stage)
  const events = reading<Told>(scene, WATCH, { input: {} })
  await events.open
  scene.end()
  expect(await events.ended).toMatchObject({ code: status.UNAVAILABLE })
  expect(await reading<Told>(scene, WATCH, { input: {} }).ended).toMatchObject({ code: status.UNAVAILABLE })
})

test('a reader that does not read is kept nothing for: it hears how much it missed, and others miss nothing', async () => {
  const stage = new Stage()
  const hub = new EventHub({ ...stage.parts, bounds: { entries: 8, bytes: 2 ** 20 } })
  await using scene = await GrpcScene.open(stage, { hub })
  using _ = { [Symbol.dispose]: () => hub.close() }
  const quick = reading<Told>(scene, WATCH, { input: {} })
  const { path, requestSerialize, responseDeserialize } = methodDefinition(WATCH)
  const slow = scene.client.makeServerStreamRequest(
    path,
    requestSerialize,
    responseDeserialize,
    Buffer.alloc(0),
    bearer('root'),
  )
  slow.on('error', () => undefined) // it is cancelled at the end
  // who has asked for messages, and takes none: before that the client takes what comes
  slow.on('readable', () => undefined)
  await Promise.all([quick.open, once(slow, 'metadata')])

  // as many bytes as no window of HTTP/2, nor what is before and behind it, has room for
  const [rounds, perRound] = [16, 8]
  const reason = 'x'.repeat(15_000)
  for (let round = 0; round < rounds; round += 1) {
    const options = { delay: '1h', metadata: { reason } } as const
    const enqueuing = Array.from({ length: perRound }, () =>
      stage.mill.enqueue(greet, { name: 'a' }, options),
    )
    const handles = await Promise.all(enqueuing)
    await Promise.all(handles.map((handle) => handle.cancel()))
    for (let heard = 0; heard < perRound; heard += 1)
      expect(await quick.next()).toMatchObject({ type: 'task.cancelled' })
  }

  const decoded = codecOf<Told & { readonly missed?: number }>(WATCH.output)
  let [events, missed] = [0, 0]
  for await (const bytes of slow as AsyncIterable<Buffer>) {
    const told = decoded.decode(bytes)
    if (told.type === 'gap') missed += told.missed!
    else events += 1
    if (events + missed >= rounds * perRound) break
  }
  expect(missed).toBeGreaterThan(perRound)
  expect(events + missed).toBe(rounds * perRound)
})

test('what a redaction answers has the form that a message needs', async () => {
  const stage = new Stage({ redact: (value, { what }) => (what === 'input' ? value : '***') })
  await using scene = await GrpcScene.open(stage)
  await stage.mill.enqueue(
    greet,
    { name: 'a' },
    { id: ID, delay: '1h', tags: ['secret'], metadata: { a: 'secret' } },
  )
  await stage.mill.tasks.cancel(ID, { reason: 'secret' })
  const call = grpcTransport(scene)
  const got = await call(stage, 'tasks.get', { input: { id: ID }, as: 'root' })
  expect(got).toMatchObject({ output: { input: { name: 'a' }, tags: [], cancel: { reason: '***' } } })
  const explained = await call(stage, 'tasks.explain', { input: { id: ID }, as: 'root' })
  expect(explained).toHaveProperty('output')
  const history = await call(stage, 'tasks.history', { input: { id: ID }, as: 'root' })
  expect(JSON.stringify([got, explained, history])).not.toContain('secret')
})
