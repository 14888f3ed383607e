/** Health and reflection. */
import { fromBinary, toBinary, create } from '@bufbuild/protobuf'
import { status } from '@grpc/grpc-js'
import { expect, test } from 'vitest'
import {
  Health,
  HealthCheckRequestSchema,
  HealthCheckResponseSchema,
} from '../../src/wire/generated/grpc/health/v1/health_pb.ts'
import { methodDefinition } from '../../src/grpc/definition.ts'
import { Stage } from '../stage.ts'
import { bearer, GrpcScene, Reading } from './grpc-scene.ts'

const SERVING = 1
const NOT_SERVING = 2
const SERVICE_UNKNOWN = 3

function request(service: string): Buffer {
  return Buffer.from(toBinary(HealthCheckRequestSchema, create(HealthCheckRequestSchema, { service })))
}

function statusOf(bytes: Buffer): number {
  return fromBinary(HealthCheckResponseSchema, bytes).status
}

function watch(scene: GrpcScene, service: string): Reading<number> {
  const { path, requestSerialize, responseDeserialize } = methodDefinition(Health.method.watch)
  const call = scene.client.makeServerStreamRequest(
    path,
    requestSerialize,
    responseDeserialize,
    request(service),
  )
  return new Reading(call, statusOf)
}

test('health is told of the server and its services, without a credential', async () => {
  await using scene = await GrpcScene.open(new Stage())
  const check = (service: string): Promise<Buffer> =>
    scene.unary(Health.method.check, request(service), bearer(''))
  expect(statusOf(await check(''))).toBe(SERVING)
  expect(statusOf(await check('millrace.v1.TaskService'))).toBe(SERVING)
  expect(statusOf(await check('millrace.v1.WorkerService'))).toBe(SERVING)
  await expect(check('millrace.v1.Nothing')).rejects.toMatchObject({ code: status.NOT_FOUND })
  scene.health.drain()
  expect(statusOf(await check(''))).toBe(NOT_SERVING)
})

test('who watches is told of each change, and at the end that it is over', async () => {
  await using scene = await GrpcScene.open(new Stage())
  const all = watch(scene, '')
  const unknown = watch(scene, 'nobody')
  expect(await all.next()).toBe(SERVING)
  expect(await unknown.next()).toBe(SERVICE_UNKNOWN)
  scene.health.drain()
  expect(await all.next()).toBe(NOT_SERVING)
  scene.end()
  expect(await all.ended).toMatchObject({ code: status.OK })
  expect(await unknown.ended).toMatchObject({ code: status.OK })
})

test('reflection is off, unless it is asked for', async () => {
  await using off = await GrpcScene.open(new Stage())
  await expect(reflected(off)).rejects.toMatchObject({ code: status.UNIMPLEMENTED })
  await using on = await GrpcScene.open(new Stage(), { reflection: true })
  expect(await reflected(on)).toEqual(
    expect.arrayContaining(['millrace.v1.TaskService', 'millrace.v1.StoreService', 'grpc.health.v1.Health']),
  )
})

/** The names of the services, as reflection tells them. */
async function reflected(scene: GrpcScene): Promise<readonly string[]> {
  const bytes = (one: Buffer): Buffer => one
  const call = scene.client.makeBidiStreamRequest(
    '/grpc.reflection.v1.ServerReflection/ServerReflectionInfo',
    bytes,
    bytes,
  )
  return new Promise((resolve, reject) => {
    call.on('error', reject)
    call.on('data', (answer: Buffer) => {
      resolve(answer.toString('latin1').match(/[a-z][\w.]*\.v1\.\w+/g) ?? [])
      call.end()
    })
    // list_services = 7: "*"
    call.write(Buffer.from([0x3a, 1, 0x2a]))
  })
}
