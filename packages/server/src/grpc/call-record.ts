/** What is told of a call of gRPC when it has ended: by whom it was, what came of it, and how long it took. */
import { status } from '@grpc/grpc-js'
import { pathOf } from './definition.ts'
import type { DescMethod } from '@bufbuild/protobuf'
import type { ServerParts } from '../parts.ts'

type Parts = Pick<ServerParts, 'platform' | 'recorder'>

interface Failed {
  readonly status: status
  readonly code: string
  readonly error: unknown
}

export class CallRecord {
  /** The name of the credential, once it is known. */
  caller: string | null = null
  readonly #parts: Parts
  readonly #method: DescMethod
  readonly #beganMs: number
  readonly #open: Disposable | undefined

  constructor(parts: Parts, method: DescMethod) {
    this.#parts = parts
    this.#method = method
    this.#beganMs = parts.platform.monotonicMs()
    if (method.methodKind !== 'unary') this.#open = parts.recorder?.stream('grpc', pathOf(method))
  }

  /** @param failed `null`: it succeeded */
  ended(failed: Failed | null): void {
    const { platform, recorder } = this.#parts
    const code = failed?.status ?? status.OK
    this.#open?.[Symbol.dispose]()
    recorder?.ended({
      callId: hex(platform.random32()) + hex(platform.random32()),
      transport: 'grpc',
      method: this.#method.methodKind === 'unary' ? 'unary' : 'stream',
      route: pathOf(this.#method),
      status: code,
      statusName: status[code],
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
