/** The gRPC server with all of its services. */
import type { Server } from '@grpc/grpc-js'
import type { Health } from '../health/health.ts'
import type { ServerParts } from '../parts.ts'
import { StoreService } from '../wire/generated/millrace/v1/store_pb.ts'
import { callServices } from './call-service.ts'
import { healthService } from './health-service.ts'
import { addReflection } from './reflection-service.ts'
import { newGrpcServer } from './server.ts'
import { workerService } from './worker-service.ts'

export interface GrpcParts extends ServerParts {
  readonly health: Health
}

/** What can be said of the gRPC server. */
export interface GrpcServices {
  /** Whether tools are told what is served: `told`. Default: not. */
  readonly reflection?: 'told' | 'off' | undefined
}

/** @param signal aborted when the server ends: its streams end then */
export function newGrpc(
  parts: GrpcParts,
  signal: AbortSignal,
  { reflection = 'off' }: GrpcServices = {},
): Server {
  const served = [...callServices(parts, signal), workerService(parts, signal)]
  const definitions = [StoreService, ...served.map(({ definition }) => definition)]
  const services = definitions.map(({ typeName }) => typeName)
  const health = healthService({ health: parts.health, services, signal })
  const server = newGrpcServer(parts, { signal, services: [...served, health] })
  if (reflection === 'told') addReflection(server, [...definitions, health.definition])
  return server
}
