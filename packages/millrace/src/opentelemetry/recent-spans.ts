/**
 * Under which span tasks ran that ran lately: what a worker says of them when they have ended is said outside of it.
 * Nothing is kept unless somebody asks.
 */
import { trace, type SpanContext } from '@opentelemetry/api'

const KEPT_MAX = 10_000

const spans = new Map<string, SpanContext>()
let asked = false

/** From now on they are kept. */
export function keepSpans(): void {
  asked = true
}

export function noteSpan(task: string, span: SpanContext): void {
  if (!asked) return
  spans.delete(task)
  spans.set(task, span)
  if (spans.size <= KEPT_MAX) return
  for (const oldest of spans.keys()) {
    spans.delete(oldest)
    break
  }
}

/** The span that is active; else the one under which the task ran last. */
export function spanFor(task: unknown): SpanContext | undefined {
  const active = trace.getActiveSpan()?.spanContext()
  if (active !== undefined) return active
  return typeof task === 'string' ? spans.get(task) : undefined
}
