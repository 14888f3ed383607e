/** Traces of OpenTelemetry, from an enqueue through the run of its task: `millrace/opentelemetry`. */
import { trace } from '@opentelemetry/api'
import { checkMembers, InvalidArgumentError, type Members, type Plugin } from '@millrace/core'
import { enqueueTraced, type StoreSpans } from './opentelemetry/enqueue-spans.ts'
import { runTraced, type Parentage } from './opentelemetry/run-spans.ts'

export { withTraceIds } from './opentelemetry/traced-logger.ts'
export type { Parentage } from './opentelemetry/run-spans.ts'
export type { StoreSpans } from './opentelemetry/enqueue-spans.ts'

/** How spans are made. */
export interface OpenTelemetryOptions {
  /**
   * How a run hangs together with what enqueued its task. `link`, the default: it begins a trace of its own, which is
   * linked to the other, as befits tasks that wait, are repeated, or are run many at a time. `parent`: it goes on in the
   * trace of the enqueue, and is linked, too; batches are only linked.
   */
  readonly parent?: Parentage | undefined
  /**
   * Whether an instrumented driver of the store makes spans below those of enqueues. Default `suppressed`: what several
   * callers enqueue at the same time travels together, and would be shown in the trace of one of them.
   */
  readonly storeSpans?: StoreSpans | undefined
}

const MEMBERS: Members<OpenTelemetryOptions> = { parent: true, storeSpans: true }

/**
 * A plugin that makes spans, by the tracer provider that is registered; while none is, it does nothing. Which spans are
 * kept, and where they go, is said to the SDK.
 *
 * @throws InvalidArgumentError
 */
export function openTelemetry(options: OpenTelemetryOptions = {}): Plugin {
  checkMembers(options, MEMBERS, 'openTelemetry')
  const { parent = 'link', storeSpans = 'suppressed' } = options
  checkOneOf(parent, 'parent', ['link', 'parent'])
  checkOneOf(storeSpans, 'storeSpans', ['suppressed', 'kept'])
  // the API's own stands for whichever provider is registered, also later
  const tracer = trace.getTracer('millrace')
  return {
    name: 'opentelemetry',
    enqueue: (call, next) => enqueueTraced(call, next, { tracer, storeSpans }),
    run: (call, next) => runTraced(call, next, { tracer, parent }),
  }
}

function checkOneOf(given: string, what: string, known: readonly string[]): void {
  if (known.includes(given)) return
  throw new InvalidArgumentError(`${what} is ${JSON.stringify(given)}.`, {
    hint: `It is one of ${known.join(', ')}.`,
  })
}
