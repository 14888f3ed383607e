/** The server of gRPC: which services it has, and how much it takes at once. */
import { Server } from '@grpc/grpc-js'
import { serviceDefinition } from './definition.ts'
import { storeService } from './store-service.ts'
import { StoreService } from '../wire/generated/millrace/v1/store_pb.ts'
import type { DescService } from '@bufbuild/protobuf'
import type { UntypedServiceImplementation } from '@grpc/grpc-js'
import type { StoreCallParts } from './store-calls.ts'

/** The port allows 8 MiB of payloads in a request, which have things around them. */
const MESSAGE_BYTES = 16 * 1_048_576
/** Calls and streams of one connection at the same time. */
const STREAMS_MAX = 1_000
const KEEPALIVE_MS = 30_000
const KEEPALIVE_TIMEOUT_MS = 10_000

/** A service, and what answers its calls. */
export interface GrpcService {
  readonly definition: DescService
  readonly implementation: UntypedServiceImplementation
}

/** What a server may be told. */
export interface GrpcOptions {
  /** Aborted when it ends: streams end then, when what is under way is answered. */
  readonly signal: AbortSignal
  /** Beside the store. */
  readonly services?: readonly GrpcService[]
}

/** A server that is bound to no address yet. It is the caller's to bind, and to shut down. */
export function newGrpcServer(parts: StoreCallParts, { signal, services = [] }: GrpcOptions): Server {
  const server = new Server({
    'grpc.max_receive_message_length': MESSAGE_BYTES,
    'grpc.max_send_message_length': MESSAGE_BYTES,
    'grpc.max_concurrent_streams': STREAMS_MAX,
    'grpc.keepalive_time_ms': KEEPALIVE_MS,
    'grpc.keepalive_timeout_ms': KEEPALIVE_TIMEOUT_MS,
    // a compressed message may be a bomb, and what is sent here is small
    'grpc.default_compression_algorithm': 0,
  })
  const store = { definition: StoreService, implementation: storeService(parts, signal) }
  for (const { definition, implementation } of [store, ...services])
    server.addService(serviceDefinition(definition), implementation)
  return server
}
