/** Lines of a log with the ids of the trace that they belong to. */
import { expect, test } from 'vitest'
import { connect, defineTask, unchecked, type Logger } from '../src/index.ts'
import { openTelemetry, withTraceIds } from '../src/opentelemetry.ts'
import { registerSdk } from './tracing/sdk.ts'

const job = defineTask('job', { input: unchecked<string>() })

test('lines of handlers and of workers have the ids of the run', async () => {
  using sdk = registerSdk()
  const lines: (readonly [string, string | undefined, unknown, unknown])[] = []
  const write =
    (level: string) =>
    (data: unknown, message?: string): void => {
      const { trace_id, span_id } = (typeof data === 'object' ? data : {}) as Record<string, unknown>
      lines.push([level, message ?? String(data), trace_id, span_id])
    }
  const logger: Logger = {
    debug: write('debug'),
    info: write('info'),
    warn: write('warn'),
    error: write('error'),
  }
  const withIds = withTraceIds(logger)
  await using mill = await connect('memory:', { plugins: [openTelemetry()], logger: withIds })
  const worker = mill.worker({
    handlers: job.handler((_, ctx) => {
      ctx.log.info({ n: 1 }, 'from the context')
      withIds.warn('by itself')
      withIds.error(new Error('an error alone'))
    }),
  })
  await worker.start()
  const succeeded = Promise.withResolvers<void>()
  worker.on('succeeded', () => succeeded.resolve())
  await mill.enqueue(job, 'a')
  await succeeded.promise
  withIds.info('afterwards')
  const { traceId, spanId } = sdk.span('process default').spanContext()
  const of = [traceId, spanId]
  expect(lines.filter(([, message]) => message !== 'started')).toEqual([
    ['info', 'from the context', ...of],
    ['warn', 'by itself', ...of],
    ['error', 'an error alone', ...of],
    ['info', 'succeeded', ...of],
    ['info', 'afterwards', undefined, undefined],
  ])
})
