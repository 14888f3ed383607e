/** The gRPC server with all of its services. */
import type { Server } from '@grpc/grpc-js'
import type { Health } from '../health/health.ts'
import type { ServerParts } from '../parts.ts'
import { newGrpcServer, type GrpcOptions } from './server.ts'

export interface GrpcParts extends ServerParts {
  readonly health: Health
}

/** Its options are those of `newGrpcServer`. */
export function newGrpc(parts: GrpcParts, options: Pick<GrpcOptions, 'signal' | 'limits'>): Server {
  return newGrpcServer(parts, options)
}
