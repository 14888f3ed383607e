/** How often a credential may ask, over gRPC and REST together. */
import { status } from '@grpc/grpc-js'
import { expect, test } from 'vitest'
import { systemPlatform } from '@millrace/core'
import { TokenBuckets } from '../../src/access/token-buckets.ts'
import { STREAM_METHODS } from '../../src/grpc/call-methods.ts'
import { restApp } from '../../src/rest/app.ts'
import { Stage } from '../stage.ts'
import { GrpcScene, grpcTransport, reading } from './grpc-scene.ts'

test('who asks too often is told so, by every way in, and others are not', async () => {
  const stage = new Stage()
  stage.grant('other', 'admin', '**')
  const rates = new TokenBuckets({ perSecond: 0.001, burst: 2 }, systemPlatform)
  await using scene = await GrpcScene.open(stage, { rates })
  const rest = restApp({ ...stage.parts, rates })
  const ask = (as: string): Promise<Response> =>
    rest.fetch(new Request('http://localhost/v1/stats', { headers: { authorization: `Bearer ${as}` } }))
  const make = grpcTransport(scene)
  const stats = (as: string): ReturnType<typeof make> => make(stage, 'stats.get', { input: {}, as })
  expect(await stats('root')).toHaveProperty('output')
  expect((await ask('root')).status).toBe(200)
  expect((await ask('root')).status).toBe(429)
  expect(await stats('root')).toMatchObject({ refused: 'backpressure' })
  const stream = reading(scene, STREAM_METHODS['events.watch']!, { input: {}, as: 'root' })
  expect(await stream.ended).toMatchObject({ code: status.RESOURCE_EXHAUSTED })
  expect(await stats('other')).toHaveProperty('output')
  await rest.close()
})
