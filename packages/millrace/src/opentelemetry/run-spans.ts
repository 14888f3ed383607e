/** A span around each call of a handler, linked to those that enqueued its tasks. */
import {
  context,
  isSpanContextValid,
  ROOT_CONTEXT,
  SpanKind,
  trace,
  type Attributes,
  type Context as TraceContext,
  type Link,
  type Tracer,
} from '@opentelemetry/api'
import { ATTRIBUTE, SYSTEM } from './attributes.ts'
import { contextOf, spanContextOf, withBaggage } from './trace-context.ts'
import { failSpan } from './failed-span.ts'
import { noteSpan } from './recent-spans.ts'
import type { Context, RunCall } from '@millrace/core'

/** How a run hangs together with what enqueued its task. */
export type Parentage = 'link' | 'parent'

/** Links of one span: the SDK keeps so many by default. */
const LINKS_MAX = 128

export async function runTraced(
  { ctx }: RunCall,
  next: () => Promise<unknown>,
  { tracer, parent }: { readonly tracer: Tracer; readonly parent: Parentage },
): Promise<unknown> {
  const items: readonly Context[] = 'items' in ctx ? ctx.items : [ctx]
  const [first] = items
  if (first === undefined) return next()
  const single = 'items' in ctx ? undefined : ctx
  const queue = first.task.queue
  const from = single !== undefined && parent === 'parent' ? contextOf(single.task.headers) : ROOT_CONTEXT
  const span = tracer.startSpan(
    `process ${queue}`,
    { kind: SpanKind.CONSUMER, attributes: attributesOf(items, single), links: linksTo(items) },
    from,
  )
  const spanContext = span.spanContext()
  if (!isSpanContextValid(spanContext)) return next() // nobody traces
  for (const { task } of items) noteSpan(task.id, spanContext)
  // not on top of what is active here: that is of whoever's enqueue happened to wake the worker
  const traced: TraceContext = trace.setSpan(ROOT_CONTEXT, span)
  const inner = single === undefined ? traced : withBaggage(traced, single.task.headers)
  try {
    return await context.with(inner, next)
  } catch (error) {
    if (!isSnooze(error)) failSpan(span, error)
    throw error
  } finally {
    span.end()
  }
}

function attributesOf(items: readonly Context[], single: Context | undefined): Attributes {
  const [{ task }] = items as readonly [Context]
  const attributes: Attributes = {
    [ATTRIBUTE.system]: SYSTEM,
    [ATTRIBUTE.destination]: task.queue,
    [ATTRIBUTE.operationType]: 'process',
    [ATTRIBUTE.operationName]: 'process',
    [ATTRIBUTE.taskType]: task.type,
  }
  if (single === undefined) return { ...attributes, [ATTRIBUTE.batchCount]: items.length }
  attributes[ATTRIBUTE.messageId] = single.task.id
  attributes[ATTRIBUTE.attempt] = single.attempt
  const { schedule } = single.task
  if (schedule !== undefined) attributes[ATTRIBUTE.schedule] = schedule.name
  return attributes
}

/** Each producer once, however many of its tasks there are. */
function linksTo(items: readonly Context[]): Link[] {
  const links = new Map<string, Link>()
  for (const { task } of items) {
    const producer = spanContextOf(task.headers)
    if (producer === undefined || links.size === LINKS_MAX) continue
    const attributes = { [ATTRIBUTE.messageId]: task.id }
    if (!links.has(producer.spanId)) links.set(producer.spanId, { context: producer, attributes })
  }
  return [...links.values()]
}

/** That a task asks to be woken later is no failure. */
function isSnooze(error: unknown): boolean {
  return (
    typeof error === 'object' && error !== null && (error as { readonly code?: unknown }).code === 'snooze'
  )
}
