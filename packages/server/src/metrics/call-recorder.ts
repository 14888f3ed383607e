/** What is kept of every call, whatever its transport: a line in the log, and the metrics. */
import type { Logger } from '@millrace/core'
import { logCall, type EndedCall } from '../logging/call-log.ts'
import type { CallMetrics, Transport } from './call-metrics.ts'

/** A call that has ended. */
export interface RecordedCall extends EndedCall {
  /** What the status is called in metrics: `200`, or of gRPC `NOT_FOUND`. */
  readonly statusName: string
  /** Whether it was a stream: how long those last says nothing of how fast calls are. */
  readonly isStream: boolean
}

export class CallRecorder {
  readonly #metrics: CallMetrics
  readonly #logger: Logger

  constructor(metrics: CallMetrics, logger: Logger) {
    this.#metrics = metrics
    this.#logger = logger
  }

  ended({ statusName, isStream, ...call }: RecordedCall): void {
    const { transport, method, route, code, durationMs, err } = call
    const known = route ?? 'unmatched'
    const seconds = isStream ? null : durationMs / 1_000
    this.#metrics.observeCall({ transport, route: known, method, status: statusName, seconds, error: err })
    if (code === 'unauthenticated' || code === 'forbidden') this.#metrics.refused(transport, code)
    logCall(this.#logger, call)
  }

  /** Counts a stream as open until it is disposed of. */
  stream(transport: Transport, route: string): Disposable {
    return this.#metrics.openStream(transport, route)
  }
}
