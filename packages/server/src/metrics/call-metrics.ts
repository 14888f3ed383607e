/** What the server itself does: calls by either transport, streams, and callers that were turned away. */
import { isStoreFailure } from './error-text.ts'
import { LabelBound, OTHER } from './label-bound.ts'
import { storeErrors } from './store-errors.ts'
import type { Counter, Gauge, Histogram } from '@prometheus-io/client'
import type { Families } from './families.ts'

export type Transport = 'rest' | 'grpc'

/** A call that was answered, or was not. */
export interface ObservedCall {
  readonly transport: Transport
  /**
   * The template of a route (`/v1/tasks/{id}`) or the name of an RPC; never a path as it was called: of what fits no route
   * `unmatched`.
   */
  readonly route: string
  /** Of HTTP, or the name of the RPC: one that there is. */
  readonly method: string
  /** The status of HTTP (`200`), or the name of that of gRPC (`OK`). */
  readonly status: string
  /** `null`: it was a stream, whose time is that of whoever listened. */
  readonly seconds: number | null
  /** What made it fail, where that is known. */
  readonly error?: unknown
}

/** Of a duration, in seconds. */
const BUCKETS = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30]

/** Of HTTP: named, since whoever calls chooses, and the first that come might be none. */
const METHODS: ReadonlySet<string> = new Set(['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS'])

/** The hooks of REST and gRPC. */
export class CallMetrics {
  readonly #routes = new LabelBound(200)
  readonly #statuses = new LabelBound(64)
  readonly #reasons = new LabelBound(16)
  readonly #requests: Counter<'transport' | 'route' | 'method' | 'status'>
  readonly #seconds: Histogram<'transport' | 'route' | 'method'>
  readonly #streams: Gauge<'transport' | 'route'>
  readonly #refused: Counter<'transport' | 'reason'>
  readonly #storeErrors: Counter<'operation'>

  constructor(families: Families) {
    this.#requests = families.counter({
      name: 'millrace_server_requests_total',
      help: 'Calls that were answered, and streams that have ended.',
      labels: ['transport', 'route', 'method', 'status'],
    })
    this.#seconds = families.histogram(
      {
        name: 'millrace_server_request_seconds',
        help: 'How long calls took until their answer was complete; of streams nothing.',
        labels: ['transport', 'route', 'method'],
      },
      BUCKETS,
    )
    this.#streams = families.gauge({
      name: 'millrace_server_open_streams',
      help: 'Streams that are open now.',
      labels: ['transport', 'route'],
    })
    this.#refused = families.counter({
      name: 'millrace_server_auth_failures_total',
      help: 'Calls that were refused for who made them.',
      labels: ['transport', 'reason'],
    })
    this.#storeErrors = storeErrors(families)
  }

  observeCall({ transport, route: given, method: verb, status: code, seconds, error }: ObservedCall): void {
    const route = this.#routes.of(given)
    const method = transport === 'grpc' || METHODS.has(verb) ? verb : OTHER
    this.#requests.inc({ transport, route, method, status: this.#statuses.of(code) })
    if (seconds !== null) this.#seconds.observe({ transport, route, method }, seconds)
    if (error !== undefined && isStoreFailure(error)) this.#storeErrors.inc({ operation: route })
  }

  /** Counts a stream as open until it is disposed of. */
  openStream(transport: Transport, route: string): Disposable {
    const labels = { transport, route: this.#routes.of(route) }
    this.#streams.inc(labels)
    let isOpen = true
    return {
      [Symbol.dispose]: () => {
        if (isOpen) this.#streams.dec(labels)
        isOpen = false
      },
    }
  }

  /** @param reason the code of the error: `unauthenticated`, `forbidden` */
  refused(transport: Transport, reason: string): void {
    this.#refused.inc({ transport, reason: this.#reasons.of(reason) })
  }
}
