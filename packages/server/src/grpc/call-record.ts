/** What is told of a call of gRPC when it has ended: by whom it was, what came of it, and how long it took. */
import { status } from '@grpc/grpc-js'
import { pathOf } from './definition.ts'
import type { DescMethod } from '@bufbuild/protobuf'
import type { ServerParts } from '../parts.ts'

export type RecordParts = Pick<ServerParts, 'platform' | 'recorder'>

/** What is called. */
export interface Rpc {
  readonly path: string
  readonly isStream: boolean
}

interface Failed {
  readonly status: status
  readonly code: string
  readonly error: unknown
}

export class CallRecord {
  /** The name of the credential, once it is known. */
  caller: string | null = null
  readonly #parts: RecordParts
  readonly #rpc: Rpc
  readonly #beganMs: number
  readonly #open: Disposable | undefined
  #isEnded = false

  constructor(parts: RecordParts, rpc: Rpc) {
    this.#parts = parts
    this.#rpc = rpc
    this.#beganMs = parts.platform.monotonicMs()
    if (rpc.isStream) this.#open = parts.recorder?.stream('grpc', rpc.path)
  }

  static of(parts: RecordParts, method: DescMethod): CallRecord {
    return new CallRecord(parts, { path: pathOf(method), isStream: method.methodKind !== 'unary' })
  }

  /** Nobody wants to hear any more. */
  abandoned(): void {
    this.ended({ status: status.CANCELLED, code: 'abandoned', error: undefined })
  }

  /**
   * The first time counts: a stream that ends may be told of that in several ways.
   *
   * @param failed `null`: it succeeded
   */
  ended(failed: Failed | null): void {
    if (this.#isEnded) return
    this.#isEnded = true
    const { platform, recorder } = this.#parts
    const { path, isStream } = this.#rpc
    const code = failed?.status ?? status.OK
    this.#open?.[Symbol.dispose]()
    recorder?.ended({
      callId: hex(platform.random32()) + hex(platform.random32()),
      transport: 'grpc',
      method: isStream ? 'stream' : 'unary',
      route: path,
      status: code,
      statusName: status[code],
      isStream,
      code: failed?.code ?? null,
      durationMs: platform.monotonicMs() - this.#beganMs,
      caller: this.caller,
      err: failed?.error,
    })
  }
}

function hex(bits: number): string {
  return bits.toString(16).padStart(8, '0')
}
