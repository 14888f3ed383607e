/** The gRPC server with all of its services. */
import type { Server } from '@grpc/grpc-js'
import type { Health } from '../health/health.ts'
import type { ServerParts } from '../parts.ts'
import { newGrpcServer } from './server.ts'

export interface GrpcParts extends ServerParts {
  readonly health: Health
}

/** @param signal aborted when the server ends: its streams end then */
export function newGrpc(parts: GrpcParts, signal: AbortSignal): Server {
  return newGrpcServer(parts, { signal })
}
