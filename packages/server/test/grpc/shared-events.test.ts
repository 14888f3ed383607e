/** One server reads how tasks end once, whoever listens, and by whatever way they came in. */
import { Client, credentials } from '@grpc/grpc-js'
import { MemoryStore, Mill, systemPlatform } from '@millrace/core'
import { expect, test, vi } from 'vitest'
import { createServer } from '../../src/index.ts'
import { STREAM_METHODS } from '../../src/grpc/call-methods.ts'
import { ID } from '../calls/making.ts'
import { greet } from '../calls/prepared.ts'
import { bearer, readingOf } from './grpc-scene.ts'

const WATCH = STREAM_METHODS['events.watch']!

interface Told {
  readonly id: string
  readonly type: string
}

test('the events of the store are read once for REST and gRPC, and an id of one is a place in the other', async () => {
  const silent = { debug() {}, info() {}, warn() {}, error() {} }
  await using mill = new Mill(new MemoryStore({ platform: systemPlatform }), { logger: silent })
  await using server = createServer(mill)
  await server.open()
  const reads = vi.spyOn(mill, 'events')
  const { url, grpcUrl } = await server.listen({ port: 0, grpcPort: 0 })
  const client = new Client(new URL(grpcUrl!).host, credentials.createInsecure())
  const watch = (input: object) => readingOf<Told>(client, WATCH, { input, metadata: bearer('') })
  const leaving = new AbortController()
  using _ = {
    [Symbol.dispose]() {
      leaving.abort()
      client.close()
    },
  }
  const rest = await fetch(`${url}/v1/events`, { signal: leaving.signal })
  const grpc = watch({})
  await grpc.open
  expect(reads).toHaveBeenCalledTimes(1)

  await mill.enqueue(greet, { name: 'a' }, { id: ID, delay: '1h' })
  await mill.tasks.cancel(ID)
  const heard = await grpc.next()
  expect(heard).toMatchObject({ type: 'task.cancelled' })
  const decoder = new TextDecoder()
  let text = ''
  for await (const bytes of rest.body!) {
    text += decoder.decode(bytes as Uint8Array)
    if (text.includes('task.cancelled')) break
  }
  expect(text).toContain(`id: ${heard!.id}\n`)
  grpc.call.cancel()
})
