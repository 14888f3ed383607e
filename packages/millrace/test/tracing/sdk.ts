/** The SDK of OpenTelemetry, with an exporter that keeps spans in memory. */
import { context, trace } from '@opentelemetry/api'
import { AsyncLocalStorageContextManager } from '@opentelemetry/context-async-hooks'
import {
  InMemorySpanExporter,
  SimpleSpanProcessor,
  TracerProvider,
  type ReadableSpan,
  type Sampler,
} from '@opentelemetry/sdk-trace'

export interface Sdk extends Disposable {
  spans(): readonly ReadableSpan[]
  /** The only span of that name. @throws Error if there are several, or none */
  span(name: string): ReadableSpan
}

export function registerSdk(options: { readonly sampler?: Sampler } = {}): Sdk {
  const exporter = new InMemorySpanExporter()
  const spanProcessors = [new SimpleSpanProcessor({ exporter })]
  context.setGlobalContextManager(new AsyncLocalStorageContextManager().enable())
  trace.setGlobalTracerProvider(new TracerProvider({ ...options, spanProcessors }))
  const spans = (): readonly ReadableSpan[] => [...exporter.getFinishedSpans()]
  return {
    spans,
    span(name) {
      const found = spans().filter((span) => span.name === name)
      if (found.length !== 1)
        throw new Error(
          `${found.length} spans are called ${name}: ${spans()
            .map((span) => span.name)
            .join(', ')}`,
        )
      return found[0]!
    },
    [Symbol.dispose]() {
      trace.disable()
      context.disable()
    },
  }
}
