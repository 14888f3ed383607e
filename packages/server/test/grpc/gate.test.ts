/** What is read of a call, and when: first of all it has to be known whose it is. */
import { connect, constants, type ClientHttp2Session } from 'node:http2'
import { once } from 'node:events'
import { gzipSync } from 'node:zlib'
import { status } from '@grpc/grpc-js'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { OpenCounts } from '../../src/access/open-counts.ts'
import { Traffic } from '../../src/access/traffic.ts'
import { STREAM_METHODS } from '../../src/grpc/call-methods.ts'
import { Stage } from '../stage.ts'
import { GrpcScene, reading } from './grpc-scene.ts'
import type { ServerParts } from '../../src/parts.ts'

const MIB = 1_048_576

let scene: GrpcScene
let session: ClientHttp2Session
const start = async (parts: Partial<ServerParts> = {}): Promise<void> => {
  scene = await GrpcScene.open(new Stage(), parts)
  session = connect(`http://${scene.url}`)
  session.on('error', () => undefined) // being cut off is what some wait for
}
beforeEach(() => start())
afterEach(async () => {
  session.destroy()
  await scene[Symbol.asyncDispose]()
})

function frame(bytes: Buffer, { flag = 0, length = bytes.length } = {}): Buffer {
  const prefix = Buffer.alloc(5)
  prefix.writeUInt8(flag, 0)
  prefix.writeUInt32BE(length, 1)
  return Buffer.concat([prefix, bytes])
}

type Stream = ReturnType<ClientHttp2Session['request']>

function open(as: string, headers: Readonly<Record<string, string>> = {}): Stream {
  const stream = session.request({
    ':method': 'POST',
    ':path': '/millrace.v1.StoreService/Now',
    'content-type': 'application/grpc',
    te: 'trailers',
    authorization: `Bearer ${as}`,
    ...headers,
  })
  stream.on('error', () => undefined) // the same
  return stream.resume()
}

/** The status of a call, wherever it came. */
async function statusOf(stream: Stream): Promise<number> {
  const { promise, resolve } = Promise.withResolvers<number>()
  const hear = (headers: object): void => {
    const told = (headers as Readonly<Record<string, unknown>>)['grpc-status']
    if (told !== undefined) resolve(Number(told))
  }
  stream.on('response', hear)
  stream.on('trailers', hear)
  stream.once('close', () => resolve(-1))
  return promise
}

test('who is not known is refused before their message is there, and the rest of it is not read', async () => {
  const stream = open('nobody')
  stream.write(frame(Buffer.alloc(4 * MIB), { length: 15 * MIB }))
  expect(await statusOf(stream)).toBe(status.UNAUTHENTICATED)
  if (!stream.closed) await once(stream, 'close')
  expect(stream.rstCode).toBe(constants.NGHTTP2_NO_ERROR)
  const known = open('root')
  known.end(frame(Buffer.alloc(0)))
  expect(await statusOf(known)).toBe(status.OK)
})

test('a compressed message is unpacked as far as one may be long', async () => {
  const bomb = open('root', { 'grpc-encoding': 'gzip' })
  bomb.end(frame(gzipSync(Buffer.alloc(17 * MIB)), { flag: 1 }))
  expect(await statusOf(bomb)).toBe(status.RESOURCE_EXHAUSTED)
  const honest = open('root', { 'grpc-encoding': 'gzip' })
  honest.end(frame(gzipSync(Buffer.alloc(0)), { flag: 1 }))
  expect(await statusOf(honest)).toBe(status.OK)
  const broken = open('root', { 'grpc-encoding': 'deflate' })
  broken.end(frame(Buffer.from('no deflate'), { flag: 1 }))
  expect(await statusOf(broken)).toBe(status.INVALID_ARGUMENT)
})

test('who sends more than they may in a second is read more slowly, and answered all the same', async () => {
  session.destroy()
  await scene[Symbol.asyncDispose]()
  const { platform } = new Stage().parts
  await start({ traffic: new Traffic(4 * MIB, platform) })
  const began = performance.now()
  const stream = open('root')
  stream.end(frame(Buffer.alloc(3 * MIB)))
  expect(await statusOf(stream)).toBe(status.OK)
  expect(performance.now() - began).toBeGreaterThan(400)
})

test('streams that a credential has open are counted', async () => {
  session.destroy()
  await scene[Symbol.asyncDispose]()
  await start({ open: new OpenCounts(1) })
  const watch = STREAM_METHODS['events.watch']!
  const first = reading(scene, watch, { input: {}, as: 'root' })
  await first.open
  const second = reading(scene, watch, { input: {}, as: 'root' })
  expect(await second.ended).toMatchObject({ code: status.RESOURCE_EXHAUSTED })
  const hints = open('root', { ':path': '/millrace.v1.StoreService/WatchHints' })
  hints.end(frame(Buffer.alloc(0)))
  expect(await statusOf(hints)).toBe(status.RESOURCE_EXHAUSTED)
  const work = open('root', { ':path': '/millrace.v1.StoreService/Work' })
  expect(await statusOf(work)).toBe(status.RESOURCE_EXHAUSTED)
  first.call.cancel()
  await first.ended
})

test('a connection on which calls are taken back by the hundred is closed', async () => {
  const goaway = once(session, 'goaway') as Promise<[number]>
  let isClosed = false
  void goaway.then(() => (isClosed = true))
  for (let count = 0; count < 1_000 && !isClosed; count++) {
    open('root').close(constants.NGHTTP2_CANCEL)
    if (count % 20 === 0) await new Promise((resolve) => setImmediate(resolve))
  }
  const [code] = await goaway
  expect([constants.NGHTTP2_ENHANCE_YOUR_CALM, constants.NGHTTP2_INTERNAL_ERROR]).toContain(code)
})

test('a connection on which calls are refused by the hundred is closed, and says why', async () => {
  const goaway = once(session, 'goaway') as Promise<[number]>
  let isClosed = false
  void goaway.then(() => (isClosed = true))
  const told: number[] = []
  while (!isClosed)
    told.push(...(await Promise.all(Array.from({ length: 10 }, () => statusOf(open('nobody'))))))
  const [code] = await goaway
  expect(code).toBe(constants.NGHTTP2_ENHANCE_YOUR_CALM)
  expect(
    told.filter((one) => one === status.UNAUTHENTICATED || one === status.RESOURCE_EXHAUSTED).length,
  ).toBeGreaterThan(50)
})

test('calls that take long do not keep others out: a connection that is full of them may have more', async () => {
  // a client that has not heard yet how many there may be is refused what is too many, and tries it again
  if (session.remoteSettings.maxConcurrentStreams !== 16) await once(session, 'remoteSettings')
  const hints = Array.from({ length: 40 }, () =>
    open('root', { ':path': '/millrace.v1.StoreService/WatchHints' }),
  )
  for (const stream of hints) stream.end(frame(Buffer.alloc(0)))
  const now = open('root')
  now.end(frame(Buffer.alloc(0)))
  expect(await statusOf(now)).toBe(status.OK)
  for (const stream of hints) stream.close()
})

test('large messages of a credential are read one after the other, and the small ones beside them', async () => {
  const slow = open('root')
  slow.write(frame(Buffer.alloc(1 * MIB), { length: 15 * MIB }))
  const large = open('root')
  large.end(frame(Buffer.alloc(2 * MIB)))
  const small = open('root')
  small.end(frame(Buffer.alloc(0)))
  expect(await statusOf(small)).toBe(status.OK)
  const other = open('ada')
  other.end(frame(Buffer.alloc(2 * MIB)))
  expect(await statusOf(other)).not.toBe(-1)
  expect(large.closed).toBe(false)
  slow.end(Buffer.alloc(14 * MIB))
  expect(await statusOf(large)).toBe(status.OK)
})
