/**
 * What plugins cost that observe, in CPU time: 20 000 tasks that do nothing are enqueued and drained, without one and with one in turns,
 * on the memory store, where a task costs least. `--pairs`, `--tasks`, `--store sqlite`:
 * node -C @millrace/source packages/millrace/test/tracing/cost.ts
 */
import { mkdtempSync, rmSync } from 'node:fs'
import process from 'node:process'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { context, trace } from '@opentelemetry/api'
import { AsyncLocalStorageContextManager } from '@opentelemetry/context-async-hooks'
import { NoopSpanProcessor, TracerProvider } from '@opentelemetry/sdk-trace'
import { connect, defineTask, unchecked, type Plugin } from '../../src/index.ts'
import { openTelemetry } from '../../src/opentelemetry.ts'
import { prometheus } from '../../src/prometheus.ts'

const { values } = parseArgs({
  options: {
    pairs: { type: 'string', default: '7' },
    tasks: { type: 'string', default: '20000' },
    store: { type: 'string', default: 'memory' },
  },
})
const tasks = Number(values.tasks)
const noop = defineTask('noop', { input: unchecked<number>() })

/** Of this process, so that others on the machine matter less. */
function cpuUs(): number {
  const { user, system } = process.cpuUsage()
  return user + system
}

/** Answers microseconds of CPU per task of the enqueue in bulks, and of the drain. */
async function trial(
  plugins: readonly Plugin[],
): Promise<{ readonly enqueue: number; readonly drain: number }> {
  const folder = mkdtempSync(join(tmpdir(), 'millrace-observing-'))
  const url = values.store === 'sqlite' ? `sqlite:${join(folder, 'file.db')}` : 'memory:'
  try {
    await using mill = await connect(url, { plugins })
    const begunAt = cpuUs()
    for (let from = 0; from < tasks; from += 1_000)
      await mill.enqueueMany(
        Array.from({ length: Math.min(1_000, tasks - from) }, (_, n) => noop.with(from + n)),
      )
    const filledAt = cpuUs()
    let left = tasks
    const drained = Promise.withResolvers<void>()
    const worker = mill.worker({
      concurrency: 100,
      handlers: noop.handler(() => {
        left -= 1
        if (left === 0) drained.resolve()
      }),
    })
    await worker.start()
    await drained.promise
    const drainedAt = cpuUs()
    return {
      enqueue: (filledAt - begunAt) / tasks,
      drain: (drainedAt - filledAt) / tasks,
    }
  } finally {
    rmSync(folder, { recursive: true })
  }
}

function median(numbers: readonly number[]): number {
  return numbers.toSorted((a, b) => a - b)[Math.floor(numbers.length / 2)]!
}

async function compare(name: string, plugins: () => readonly Plugin[]): Promise<void> {
  await trial([])
  await trial(plugins())
  const ratios = { enqueue: [] as number[], drain: [] as number[] }
  const bare = { enqueue: [] as number[], drain: [] as number[] }
  for (let pair = 0; pair < Number(values.pairs); pair++) {
    const isFirst = pair % 2 === 0
    const first = await trial(isFirst ? [] : plugins())
    const second = await trial(isFirst ? plugins() : [])
    const [without, with_] = isFirst ? [first, second] : [second, first]
    for (const part of ['enqueue', 'drain'] as const) {
      bare[part].push(without[part])
      ratios[part].push(with_[part] - without[part])
    }
  }
  const told = (['enqueue', 'drain'] as const).map(
    (part) =>
      `${part} ${median(bare[part]).toFixed(1)} µs a task, with it ${signed(median(ratios[part]))} (${signed(Math.min(...ratios[part]))} to ${signed(Math.max(...ratios[part]))})`,
  )
  console.log(`${name}: ${told.join('; ')}`)
}

function signed(us: number): string {
  return `${us < 0 ? '' : '+'}${us.toFixed(1)} µs`
}

await compare('a plugin that does nothing', () => [
  { name: 'nothing', enqueue: (_, next) => next(), run: (_, next) => next(), event: () => undefined },
])
await compare('prometheus()', () => [prometheus().plugin])
await compare('openTelemetry() without an SDK', () => [openTelemetry()])
context.setGlobalContextManager(new AsyncLocalStorageContextManager().enable())
trace.setGlobalTracerProvider(new TracerProvider({ spanProcessors: [new NoopSpanProcessor()] }))
await compare('openTelemetry() with an SDK that exports nothing', () => [openTelemetry()])
