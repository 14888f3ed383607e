/** A span around each call that enqueues, whose context goes on with the tasks. */
import {
  context,
  createContextKey,
  isSpanContextValid,
  SpanKind,
  SpanStatusCode,
  trace,
  type Attributes,
  type Context,
  type Span,
  type Tracer,
} from '@opentelemetry/api'
import { ATTRIBUTE, SYSTEM } from './attributes.ts'
import { contextOf, withTrace } from './trace-context.ts'
import { failSpan } from './failed-span.ts'
import type { BulkAnswer, EnqueueCall, PluginDraft } from '@millrace/core'

type Answers = readonly BulkAnswer[]
type Answer = Answers | Promise<Answers>

/** What the SDK goes by. It is a key of the API's, and the only part of this that it has. */
const SUPPRESSED = createContextKey('OpenTelemetry SDK Context Key SUPPRESS_TRACING')

/** Whether spans of the store's driver are made below those of enqueues. */
export type StoreSpans = 'suppressed' | 'kept'

/** Waits for nothing itself: in a transaction on a synchronous connection nobody could. */
export function enqueueTraced(
  { drafts }: EnqueueCall,
  next: () => Answer,
  { tracer, storeSpans }: { readonly tracer: Tracer; readonly storeSpans: StoreSpans },
): Answer {
  if (drafts.length === 0) return next()
  const parent = parentOf(drafts)
  const { name, attributes } = described(drafts)
  const span = tracer.startSpan(name, { kind: SpanKind.PRODUCER, attributes }, parent)
  const spanContext = span.spanContext()
  if (!isSpanContextValid(spanContext)) return next() // nobody traces
  const traced = trace.setSpan(parent, span)
  for (const draft of drafts) {
    const headers = withTrace(draft.options.headers, spanContext, traced)
    draft.options = { ...draft.options, headers }
  }
  const inner = storeSpans === 'kept' ? traced : traced.setValue(SUPPRESSED, true)
  return ended(span, () => context.with(inner, next))
}

/** Inside of anything traced that; else what the caller of a server has sent along with the task. */
function parentOf(drafts: readonly PluginDraft[]): Context {
  const active = context.active()
  if (trace.getSpan(active) !== undefined) return active
  const headers = drafts[0]?.options.headers
  return headers?.['traceparent'] === undefined ? active : contextOf(headers)
}

function described(drafts: readonly PluginDraft[]): {
  readonly name: string
  readonly attributes: Attributes
} {
  const queues = new Set(drafts.map(({ task, options }) => options.queue ?? task.options.queue))
  const types = new Set(drafts.map(({ task }) => task.name))
  const [queue] = queues
  const attributes: Attributes = {
    [ATTRIBUTE.system]: SYSTEM,
    [ATTRIBUTE.operationType]: 'send',
    [ATTRIBUTE.operationName]: 'send',
    [ATTRIBUTE.taskType]: types.size === 1 ? [...types][0]! : 'mixed',
  }
  if (drafts.length > 1) attributes[ATTRIBUTE.batchCount] = drafts.length
  if (queues.size !== 1 || queue === undefined) return { name: 'send', attributes }
  return { name: `send ${queue}`, attributes: { ...attributes, [ATTRIBUTE.destination]: queue } }
}

function ended(span: Span, enqueue: () => Answer): Answer {
  const added = (answers: Answers): Answers => {
    const rejected = answers.filter(({ outcome }) => outcome === 'rejected')
    const [only] = answers
    if (answers.length === 1 && only !== undefined && 'id' in only)
      span.setAttribute(ATTRIBUTE.messageId, only.id)
    if (rejected.length > 0) {
      span.setAttribute(ATTRIBUTE.rejected, rejected.length)
      if (rejected.length === answers.length)
        span.setStatus({ code: SpanStatusCode.ERROR, message: 'all were refused' })
    }
    span.end()
    return answers
  }
  const refused = (error: unknown): never => {
    failSpan(span, error)
    span.end()
    throw error
  }
  let answer: Answer
  try {
    answer = enqueue()
  } catch (error) {
    return refused(error)
  }
  return answer instanceof Promise ? answer.then(added, refused) : added(answer)
}
