// Handlers that isolates import. Plain JavaScript, so that threads need not strip types.
import { threadId } from 'node:worker_threads'
import process from 'node:process'
import { defineTask, NonRetryableError, RetryAfterError, SnoozeError, unchecked } from '@millrace/core'

/** @typedef {{ act: string, by?: number | undefined, text?: string | undefined }} Act */
/** @type {import('@millrace/core').Schema<Act>} */
const acting = unchecked()

const options = {
  input: acting,
  retry: { attempts: 3, backoff: /** @type {const} */ ('fixed'), base: 1 },
  timeout: 5_000,
}
export const inThread = defineTask('in-thread', options)
export const inProcess = defineTask('in-process', options)
export const inline = defineTask('inline', options)
export const child = defineTask('child', { input: unchecked() })
/** Its handler is in another module. */
export const elsewhere = defineTask('elsewhere', { input: unchecked() })
/** @type {import('@millrace/core').Schema<{ size: number, pid: number }>} */
const sized = unchecked()
export const batched = defineTask('batched', { input: unchecked(), output: sized })
export const checked = defineTask('checked', {
  input: {
    '~standard': {
      version: 1,
      vendor: 'test',
      validate: (/** @type {unknown} */ value) =>
        value === 'bad'
          ? { issues: [{ message: 'it is bad' }] }
          : { value: { received: value, pid: process.pid, thread: threadId } },
    },
  },
  output: {
    '~standard': {
      version: 1,
      vendor: 'test',
      validate: (/** @type {unknown} */ value) =>
        value === 'bad' ? { issues: [{ message: 'the result is bad' }] } : { value },
    },
  },
  timeout: 5_000,
})

let calls = 0
/** @type {unknown[]} */
const leaked = []

/** @param {number} ms */
const pause = (ms) => new Promise((resolve) => setTimeout(resolve, ms))

/**
 * @param {Act} input
 * @param {import('@millrace/core').Context} ctx
 * @returns {Promise<unknown>}
 */
async function act({ act, by = 0, text = '' }, ctx) {
  calls += 1
  switch (act) {
    case 'who':
      return { pid: process.pid, thread: threadId, calls, env: process.env[text] ?? null }
    case 'throw':
      throw Object.assign(new Error(text, { cause: new TypeError('deep down') }), { code: 'E_TEXT' })
    case 'refuse':
      throw new NonRetryableError(text)
    case 'later':
      throw new RetryAfterError(by, text)
    case 'snooze':
      if (ctx.checkpointed === 'slept') return 'awake'
      await ctx.checkpoint('slept')
      throw new SnoozeError(by)
    case 'talk':
      ctx.progress(0.5, 'half')
      ctx.log.info({ at: 'half', error: new Error('shown') }, 'half way')
      ctx.log.warn({ it() {} }, 'cannot travel')
      return [
        await ctx.enqueue(child, text, { key: 'one' }),
        await ctx.enqueue(child, text, { key: 'one' }),
      ].map(({ id, outcome, task }) => ({ id, outcome, name: task.name }))
    case 'chatter':
      for (let n = 1; n <= 100_000; n++) {
        ctx.progress(n / 100_000)
        if (n % 1_000 === 0) ctx.log.debug(`step ${n}`)
      }
      return 'said'
    case 'parents':
      return [await ctx.results(child), await ctx.result(ctx.task.after[0] ?? '')]
    case 'about': {
      const { task, attempt, idempotencyKey, fence } = ctx
      return { task, attempt, idempotencyKey, fence }
    }
    case 'spin':
      for (;;);
    case 'hang':
      return new Promise(() => undefined)
    case 'heed':
      return new Promise((_, reject) =>
        ctx.signal.addEventListener('abort', () => reject(/** @type {Error} */ (ctx.signal.reason))),
      )
    case 'spin until lost':
      for (;;) ctx.throwIfLost()
    case 'pause':
      await pause(by)
      return 'paused'
    case 'exit':
      return process.exit(by)
    case 'abort':
      return process.abort()
    case 'segfault':
      process.kill(process.pid, 'SIGSEGV')
      return pause(10_000)
    case 'fill heap': {
      const kept = []
      for (;;) kept.push(Array.from({ length: 10_000 }, (_, n) => ({ n })))
    }
    case 'leak':
      // 4 MB: between 70 % of the heap and its end there is room for several
      leaked.push(Array.from({ length: 100_000 }, (_, n) => ({ n })))
      return calls
    case 'fill memory': {
      const kept = []
      for (;;) {
        kept.push(Buffer.alloc(8 * 1_048_576, 1))
        await pause(5)
      }
    }
    case 'stray throw':
      setTimeout(() => {
        throw new Error('astray')
      }, 5)
      return new Promise(() => undefined)
    case 'stray rejection':
      void Promise.reject(new Error('astray'))
      return pause(2_000)
    case 'transaction':
      return /** @type {import('@millrace/core').TransactionalContext<unknown, unknown>} */ (ctx).transaction(
        async () => 'done',
      )
    default:
      return act
  }
}

export const handlers = [
  batched.batch({ size: 10, linger: 20 }, (inputs) =>
    inputs.map(() => ({ size: inputs.length, pid: process.pid })),
  ),
  inThread.handler(act, { runIn: 'thread', heapMb: 64 }),
  inProcess.handler(act, { runIn: 'process', heapMb: 64, memoryMb: 300, env: ['MILLRACE_TEST_NAMED'] }),
  inline.handler(act),
  checked.handler(
    (input) => (/** @type {{ received: unknown }} */ (input).received === 'bad result' ? 'bad' : input),
    {
      runIn: 'thread',
    },
  ),
]
