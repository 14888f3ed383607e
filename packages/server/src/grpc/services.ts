/** The gRPC server with all of its services. */
import type { Server } from '@grpc/grpc-js'
import type { Health } from '../health/health.ts'
import type { ServerParts } from '../parts.ts'
import { StoreService } from '../wire/generated/millrace/v1/store_pb.ts'
import { callServices } from './call-service.ts'
import { healthService } from './health-service.ts'
import { addReflection } from './reflection-service.ts'
import { newGrpcServer, type GrpcOptions } from './server.ts'
import { workerService } from './worker-service.ts'

export interface GrpcParts extends ServerParts {
  readonly health: Health
}

/** How the gRPC server is. */
export interface GrpcServices extends Pick<GrpcOptions, 'signal' | 'limits' | 'door'> {
  /** Whether tools are told what is served. Default `false`. */
  readonly reflection?: boolean | undefined
}

/** Its streams end with the signal of the options. */
export function newGrpc(
  parts: GrpcParts,
  { signal, limits, door, reflection = false }: GrpcServices,
): Server {
  const { budgets } = parts.mill['~served']
  const served = [...callServices(parts, signal), workerService(parts, signal)]
  const definitions = [StoreService, ...served.map(({ definition }) => definition)]
  const services = definitions.map(({ typeName }) => typeName)
  const health = healthService({ health: parts.health, parts, services, signal })
  const server = newGrpcServer({ ...parts, budgets }, { signal, limits, door, services: [...served, health] })
  if (reflection) addReflection(server, [...definitions, health.definition], parts)
  return server
}
