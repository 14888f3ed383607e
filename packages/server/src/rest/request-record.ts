/** What is told of a request when it has ended: by whom it was, what came of it, and how long it took. */
import { problemOf } from '../service/problems.ts'
import { RestError } from './refusals.ts'
import type { ServerParts } from '../parts.ts'
import type { Route } from './routes.ts'

type Parts = Pick<ServerParts, 'platform' | 'recorder'>

export class RequestRecord {
  /** Stands in the answer, too. */
  readonly callId: string
  /** The name of the credential, once it is known. */
  caller: string | null = null
  readonly #parts: Parts
  readonly #route: Pick<Route, 'method' | 'path'>
  readonly #beganMs: number
  #failure: unknown
  #stream: Disposable | undefined

  constructor(parts: Parts, route: Pick<Route, 'method' | 'path'>) {
    const { platform } = parts
    this.callId = hex(platform.random32()) + hex(platform.random32())
    this.#parts = parts
    this.#route = route
    this.#beganMs = platform.monotonicMs()
  }

  failed(error: unknown): void {
    this.#failure = error
  }

  /** The answer is a stream: it ends when that does. */
  streams(): void {
    this.#stream = this.#parts.recorder?.stream('rest', this.#template)
  }

  /** The answer is on its way. */
  answered(status: number): void {
    if (this.#stream === undefined || status >= 400) this.ended(status)
  }

  ended(status = 200): void {
    const { platform, recorder } = this.#parts
    this.#stream?.[Symbol.dispose]()
    recorder?.ended({
      callId: this.callId,
      transport: 'rest',
      method: this.#route.method,
      route: this.#template,
      status,
      statusName: String(status),
      code: this.#failure === undefined ? null : codeOf(this.#failure),
      durationMs: platform.monotonicMs() - this.#beganMs,
      caller: this.caller,
      err: this.#failure,
    })
  }

  get #template(): string {
    return `/v1${this.#route.path}`
  }
}

function codeOf(error: unknown): string {
  return error instanceof RestError ? error.code : problemOf(error).code
}

function hex(bits: number): string {
  return bits.toString(16).padStart(8, '0')
}
