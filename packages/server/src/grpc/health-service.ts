/** `grpc.health.v1`: whether the server, or one of its services, can be given calls. It asks nobody who they are. */
import { once } from 'node:events'
import { create, fromBinary, toBinary, type MessageInitShape } from '@bufbuild/protobuf'
import { Metadata, status } from '@grpc/grpc-js'
import {
  Health as HealthDesc,
  HealthCheckRequestSchema,
  HealthCheckResponse_ServingStatus as ServingStatus,
  HealthCheckResponseSchema,
} from '../wire/generated/grpc/health/v1/health_pb.ts'
import type { handleServerStreamingCall, handleUnaryCall } from '@grpc/grpc-js'
import type { Health, ServingStatus as Status } from '../health/health.ts'
import { CallRecord, type RecordParts } from './call-record.ts'
import type { GrpcService } from './server.ts'
import type { Refusal } from './status.ts'

export interface HealthServiceParts {
  readonly health: Pick<Health, 'check' | 'watch'>
  readonly parts: RecordParts
  /** The full names of what is served. */
  readonly services: readonly string[]
  /** Aborted when the server ends: watches are told that it is not serving, and end. */
  readonly signal: AbortSignal
}

const STATUS: Readonly<Record<Status, ServingStatus>> = {
  serving: ServingStatus.SERVING,
  'not-serving': ServingStatus.NOT_SERVING,
}

export function healthService({ health, parts, services, signal }: HealthServiceParts): GrpcService {
  const known = new Set(['', ...services])
  const { check: one, watch: other } = HealthDesc.method
  const check: handleUnaryCall<Buffer, Buffer> = (call, answer) => {
    const record = CallRecord.of(parts, one)
    const service = asked(call.request)
    if (service === undefined) return answer(refused(record, NO_REQUEST))
    if (!known.has(service)) return answer(refused(record, UNKNOWN))
    // it never rejects
    void health.check().then((found) => {
      record.ended(null)
      answer(null, response({ status: STATUS[found.status] }))
    })
  }
  const watch: handleServerStreamingCall<Buffer, Buffer> = (call) => {
    const record = CallRecord.of(parts, other)
    const gone = new AbortController()
    const leave = (): void => gone.abort()
    call.on('cancelled', leave)
    call.on('close', leave)
    const service = asked(call.request)
    if (service === undefined) return void call.emit('error', refused(record, NO_REQUEST))
    const tell = async (): Promise<void> => {
      // services do not come later: it is told once, and the stream stays open as it is specified
      if (!known.has(service)) {
        call.write(response({ status: ServingStatus.SERVICE_UNKNOWN }))
        await aborted(AbortSignal.any([gone.signal, signal]))
        return
      }
      for await (const found of health.watch(AbortSignal.any([gone.signal, signal])))
        if (!call.write(response({ status: STATUS[found] })))
          await once(call, 'drain', { signal: gone.signal })
      if (!gone.signal.aborted) call.write(response({ status: ServingStatus.NOT_SERVING }))
    }
    const end = (): void => {
      if (call.cancelled) record.abandoned()
      else record.ended(null)
      call.end()
    }
    // what is thrown is that nobody reads any more
    tell().then(end, end)
  }
  return { definition: HealthDesc, implementation: { [one.name]: check, [other.name]: watch } }
}

function asked(bytes: Buffer): string | undefined {
  try {
    return fromBinary(HealthCheckRequestSchema, bytes).service
  } catch {
    return undefined // the caller is told
  }
}

function response(fields: MessageInitShape<typeof HealthCheckResponseSchema>): Buffer {
  return Buffer.from(toBinary(HealthCheckResponseSchema, create(HealthCheckResponseSchema, fields)))
}

interface Why {
  readonly status: status
  readonly code: string
  readonly details: string
}

const NO_REQUEST: Why = {
  status: status.INVALID_ARGUMENT,
  code: 'invalid-argument',
  details: 'This is no HealthCheckRequest.',
}
const UNKNOWN: Why = {
  status: status.NOT_FOUND,
  code: 'not-found',
  details: 'There is no such service here.',
}

function refused(record: CallRecord, { status: code, code: name, details }: Why): Refusal {
  record.ended({ status: code, code: name, error: undefined })
  return { code, details, metadata: new Metadata() }
}

async function aborted(signal: AbortSignal): Promise<void> {
  if (!signal.aborted) await once(signal, 'abort')
}
