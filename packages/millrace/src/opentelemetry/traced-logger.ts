/** Logs with the ids of the trace. */
import { isSpanContextValid } from '@opentelemetry/api'
import { keepSpans, spanFor } from './recent-spans.ts'
import type { Logger, LogLevel } from '@millrace/core'

/**
 * A logger whose lines have `trace_id` and `span_id`: those of handlers, of whatever they log by `ctx.log`, and what
 * workers say of a task that ran under `openTelemetry()`. Lines without a trace stay as they are.
 *
 * @param logger what writes the lines: pino, `console`, or the like
 */
export function withTraceIds(logger: Logger): Logger {
  keepSpans()
  const write =
    (level: LogLevel) =>
    (first: object | string, second?: string): void => {
      const data = typeof first === 'string' ? {} : first
      const span = spanFor((data as { readonly task?: unknown }).task)
      if (span === undefined || !isSpanContextValid(span)) return passOn(logger, level, [first, second])
      const ids = { trace_id: span.traceId, span_id: span.spanId }
      const given = data instanceof Error ? { err: data } : data
      const message =
        typeof first === 'string' ? first : (second ?? (data instanceof Error ? data.message : ''))
      logger[level]({ ...given, ...ids }, message)
    }
  return { debug: write('debug'), info: write('info'), warn: write('warn'), error: write('error') }
}

function passOn(
  logger: Logger,
  level: LogLevel,
  [first, second]: readonly [object | string, string | undefined],
): void {
  if (typeof first === 'string') logger[level](first)
  else logger[level](first, second)
}
