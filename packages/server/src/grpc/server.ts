/** The server of gRPC: which services it has, and how much it takes at once. */
import { Server } from '@grpc/grpc-js'
import { serviceDefinition } from './definition.ts'
import { guarded } from './guarded.ts'
import { storeService } from './store-service.ts'
import { StoreService } from '../wire/generated/millrace/v1/store_pb.ts'
import type { DescService } from '@bufbuild/protobuf'
import { HeldBytes } from '../listen/held-bytes.ts'
import { Doorkeeper } from '../listen/doorkeeper.ts'
import { Turns } from '../listen/turns.ts'
import { Conduct } from './conduct.ts'
import { Pace } from './pace.ts'
import { SlowStart } from './slow-start.ts'
import { Intake } from '../access/intake.ts'
import { UNPACKED_AT_ONCE } from './unpacking.ts'
import { grpcOptions, LISTEN_LIMITS, type ListenLimits } from '../listen/limits.ts'
import type { UntypedServiceImplementation } from '@grpc/grpc-js'
import type { StoreCallParts } from './store-calls.ts'

/** A page of a thousand tasks with all their errors and metadata. */
const ANSWER_BYTES = 64 * 1_048_576

/** Streams of a connection that may be reset at once, and in a second. */
const RESETS = { streamResetBurst: 200, streamResetRate: 33 }

/** What of a server of grpc-js is not public: what its servers of HTTP/2 are made with. */
interface Inner {
  readonly commonServerOptions: Readonly<Record<string, unknown>>
}

/** A service, and what answers its calls. */
export interface GrpcService {
  readonly definition: DescService
  readonly implementation: UntypedServiceImplementation
}

/** What a server may be told. */
export interface GrpcOptions {
  /** Aborted when it ends: streams end then, when what is under way is answered. */
  readonly signal: AbortSignal
  /** What connections and calls may take up. Default: those of `listen`. */
  readonly limits?: ListenLimits | undefined
  /** Who is told of connections that do harm. Default: one that nobody asks. */
  readonly door?: Doorkeeper | undefined
  /** Beside the store. */
  readonly services?: readonly GrpcService[]
}

/** A server that is bound to no address yet. It is the caller's to bind, and to shut down. */
export function newGrpcServer(
  parts: StoreCallParts,
  { signal, limits = LISTEN_LIMITS, door, services = [] }: GrpcOptions,
): Server {
  const { platform, logger } = parts
  const told = door ?? new Doorkeeper({ platform, logger, perSecond: limits.harmPerSecond })
  const starts = new SlowStart(limits.streamsMax, platform)
  const gate = {
    ...parts,
    intake: parts.intake ?? new Intake(platform),
    starts,
    held: HeldBytes.inQuarters(limits.heldBytesMax),
    unpacked: new Turns(UNPACKED_AT_ONCE),
    pace: new Pace(),
    conduct: new Conduct({ platform, door: told, wastedPerSecond: limits.wastedPerSecond }),
  }
  const server = new Server({
    ...grpcOptions(limits),
    'grpc.max_concurrent_streams': starts.first,
    'grpc.max_send_message_length': ANSWER_BYTES,
    // a compressed message may be a bomb, and what is sent here is small
    'grpc.default_compression_algorithm': 0,
    interceptors: [guarded(gate)],
  })
  // nghttp2 itself ends connections on which too many streams are reset: grpc-js has no option for it
  Object.assign(server as unknown as Inner, {
    commonServerOptions: { ...(server as unknown as Inner).commonServerOptions, ...RESETS },
  })
  const store = { definition: StoreService, implementation: storeService(parts, signal) }
  for (const { definition, implementation } of [store, ...services])
    server.addService(serviceDefinition(definition), implementation)
  return server
}
