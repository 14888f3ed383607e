/** One request and what becomes of it, recorded once: when its answer is complete. */
import type { Platform } from '@millrace/core'
import { logCall } from '../logging/call-log.ts'
import { codeFor, problemAnswer } from './answers.ts'
import type { ServerParts } from '../parts.ts'

/** The header that names a request, in it and in its answer. */
export const REQUEST_ID_HEADER = 'x-request-id'

/** One that fits into a line of a log as it is. */
const GIVEN_ID = /^[A-Za-z0-9][A-Za-z0-9._:-]{0,127}$/
const METHODS: ReadonlySet<string> = new Set(['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS'])
const INSTANCE_MAX = 200
/** Whoever asked is gone; as some servers write it in their logs. */
const GONE = 499

type Parts = Pick<ServerParts, 'platform' | 'logger' | 'recorder'>

export class Visit {
  /** The caller's own, if it is one, so that both logs have the same. */
  readonly id: string
  /** The template of the route, once it is found. */
  route: string | null = null
  /** The name of the credential, once it is known. */
  caller: string | null = null
  readonly #request: Request
  readonly #parts: Parts
  readonly #startedMs: number
  #failure: { readonly code: string; readonly err: unknown } | undefined
  #stream: Disposable | 'uncounted' | undefined
  #isRecorded = false

  constructor(request: Request, parts: Parts) {
    this.#request = request
    this.#parts = parts
    this.#startedMs = parts.platform.monotonicMs()
    const given = request.headers.get(REQUEST_ID_HEADER) ?? ''
    this.id = GIVEN_ID.test(given) ? given : newRequestId(parts.platform)
  }

  /** The answer that tells of an error. */
  failed(error: unknown): Response {
    if (this.#isGone(error)) {
      this.#failure = { code: 'abandoned', err: undefined }
      return new Response(null, { status: GONE })
    }
    this.broke(error)
    const instance = new URL(this.#request.url).pathname.slice(0, INSTANCE_MAX)
    return problemAnswer(error, { instance, requestId: this.id })
  }

  /** A stream that had begun ends with this. */
  broke(error: unknown): void {
    this.#failure = { code: codeFor(error), err: error }
  }

  /** From now on the answer is a stream, and is complete when that ends. */
  streams(): void {
    this.#stream = this.#parts.recorder?.stream('rest', this.route ?? 'unmatched') ?? 'uncounted'
  }

  streamEnded(): void {
    if (typeof this.#stream === 'object') this.#stream[Symbol.dispose]()
    this.#record(200)
  }

  /** Names the request in its answer, and records it unless that is a stream. */
  answered(response: Response): Response {
    response.headers.set(REQUEST_ID_HEADER, this.id)
    if (this.#stream === undefined) this.#record(response.status)
    return response
  }

  /** Whether what was broken off was so by its caller. */
  #isGone(error: unknown): boolean {
    const { signal } = this.#request
    const isBreak = error === signal.reason || (error instanceof DOMException && error.name === 'AbortError')
    return signal.aborted && isBreak
  }

  #record(status: number): void {
    if (this.#isRecorded) return
    this.#isRecorded = true
    const { method } = this.#request
    const call = {
      callId: this.id,
      transport: 'rest' as const,
      method: METHODS.has(method) ? method : 'other',
      route: this.route,
      status,
      code: this.#failure?.code ?? null,
      durationMs: this.#parts.platform.monotonicMs() - this.#startedMs,
      caller: this.caller,
      err: this.#failure?.err,
    }
    const { recorder, logger } = this.#parts
    if (recorder === undefined) logCall(logger, call)
    else recorder.ended({ ...call, statusName: String(status), isStream: this.#stream !== undefined })
  }
}

export function newRequestId({ random32 }: Pick<Platform, 'random32'>): string {
  return Array.from({ length: 4 }, () => random32().toString(16).padStart(8, '0')).join('')
}
