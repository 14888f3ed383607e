/** Enqueues one task in a trace of its own, and writes the ids of that. */
import process from 'node:process'
import { connect, defineTask, unchecked } from '../../src/index.ts'
import { openTelemetry } from '../../src/opentelemetry.ts'
import { registerSdk } from './sdk.ts'

using sdk = registerSdk()
await using mill = await connect(process.argv[2]!, { plugins: [openTelemetry()] })
const { id } = await mill.enqueue(defineTask('job', { input: unchecked<string>() }), 'from afar')
const { traceId, spanId } = sdk.span('send default').spanContext()
process.stdout.write(JSON.stringify({ id, traceId, spanId }))
