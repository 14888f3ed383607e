/** A worker whose handler does to its main thread what it is told to; what happens is written line by line. */
import { syncBuiltinESMExports } from 'node:module'
import process from 'node:process'
import threads from 'node:worker_threads'

/** The last thread that was started: a heart lives in it, once it is up. */
let up: Promise<unknown> | undefined
let endHeart = async (): Promise<void> => undefined
const { Worker: Original } = threads
threads.Worker = class extends Original {
  constructor(...args: ConstructorParameters<typeof Original>) {
    super(...args)
    up = new Promise((resolve) => this.once('online', resolve))
    endHeart = async () => void (await this.terminate())
  }
}
syncBuiltinESMExports()
// behind that, or it would not be noticed
const { connect, defineTask, unchecked } = await import('millrace')
const [, , url, does, options] = process.argv as unknown as [string, string, string, string, string]
const {
  worker: workerOptions,
  handler: handlerOptions,
  forMs,
} = JSON.parse(options) as {
  readonly worker: { readonly maxBlock?: string }
  readonly handler: { readonly maxBlock?: string }
  readonly forMs: number
}
const say = (...words: readonly unknown[]): void => void process.stdout.write(`${words.join(' ')}\n`)
const job = defineTask('job', { input: unchecked<number>(), output: unchecked<string>() })

/** As a call that waits does: a loop that spins would take the processor from other tests. */
function block(ms: number): void {
  const begunMs = performance.now()
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, ms)
  // longer than it was to, where the machine is busy
  say('stood', deciseconds(performance.now() - begunMs))
}

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms))
}

function deciseconds(ms: number): number {
  return Math.round(ms / 100)
}

const mill = await connect(url, { logger: { debug() {}, info() {}, warn() {}, error() {} } })
const worker = mill.worker({
  ...(workerOptions as object),
  lease: '3s',
  handlers: job.handler(async (_, ctx) => {
    say('started', ctx.attempt)
    if (does === 'blocks') block(forMs)
    if (does === 'looks' && process.env['LOOKED'] === undefined) {
      process.env['LOOKED'] = 'once'
      for (const end = performance.now() + forMs; performance.now() < end && !ctx.signal.aborted;) {
        try {
          ctx.throwIfLost()
        } catch {
          break
        }
      }
      const { reason } = (ctx.signal.reason ?? { reason: 'nothing' }) as { readonly reason: string }
      say('saw', reason)
      throw ctx.signal.reason
    }
    if (does === 'loses its heart' && process.env['BEAT'] === undefined) {
      process.env['BEAT'] = 'lost'
      // it starts with the task, and on a busy machine it takes its time until it beats
      await pause(1_000)
      await up
      await pause(1_000)
      const aborted = new Promise((resolve) => ctx.signal.addEventListener('abort', resolve))
      await endHeart()
      await aborted
      say('saw', (ctx.signal.reason as { readonly reason: string }).reason)
    }
    return 'child'
  }, handlerOptions as object),
})
worker.on('blocked', ({ forMs: ms, by, tasks }) => say('blocked', deciseconds(ms), by, tasks.length))
worker.on('lost', () => say('lost'))
worker.on('succeeded', () => say('succeeded'))
worker.on('error', ({ error, doing }) => say('error', doing, (error as Error).message))
process.on('SIGTERM', () => void worker.stop({ drain: 0 }).then(() => mill.close()))
await worker.start()
say('ready')
