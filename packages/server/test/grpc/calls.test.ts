import { describe, expect, test } from 'vitest'
import { CASES } from '../calls/table.ts'
import { ENGINES, Stage } from '../stage.ts'
import { GrpcScene, grpcTransport } from './grpc-scene.ts'

describe.each(ENGINES)('calls over gRPC on %s', (engine) => {
  test.each(CASES.map((one) => [one.name, one] as const))('%s', async (_, one) => {
    const stage = new Stage({ engine })
    await using scene = await GrpcScene.open(stage)
    const grpc = grpcTransport(scene)
    await stage.publish()
    expect.hasAssertions()
    await one.run((call, input = {}, as = 'root') => grpc(stage, call, { input, as }), stage)
  })
})
