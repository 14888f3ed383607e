/** What becomes of errors that nobody caught, and of process.exit: in processes of their own, under `run`. */
import { execFile } from 'node:child_process'
import { expect, test } from 'vitest'

const SOURCE = new URL('../../src/index.ts', import.meta.url).href

interface Ended {
  readonly code: number
  readonly lines: readonly string[]
  readonly errors: string
}

/** Runs a worker whose offender does `offence`, with three siblings that run until it is known what became of that, until nothing is left. */
function run(offence: string, around = ''): Promise<Ended> {
  const script = `
    import { Mill, MemoryStore, defineTask, unchecked, systemPlatform } from ${JSON.stringify(SOURCE)}
    const offender = defineTask('offender', { input: unchecked(), retry: { attempts: 2, base: 1, max: 1 }, timeout: '5s' })
    const sibling = defineTask('sibling', { input: unchecked() })
    const known = Promise.withResolvers()
    const never = new Promise(() => undefined)
    const turn = () => new Promise((resolve) => setImmediate(resolve))
    const mill = new Mill(new MemoryStore({ platform: systemPlatform }))
    const handlers = [
      offender.handler(async (_, ctx) => { ${offence} }),
      sibling.handler(async (n) => { await known.promise; return n }),
    ]
    const worker = mill.worker({ handlers })
    worker.on('failed', ({ task, attempt, error, willRetryAt }) => {
      console.log(task.type, attempt, error.code, error.cause?.message)
      if (willRetryAt === null) known.resolve()
    })
    worker.on('error', ({ error, doing }) => {
      console.log('error', error.code, doing.replace(/ \\(.*/, ''))
      known.resolve()
    })
    const siblings = [1, 2, 3].map((n) => mill.enqueue(sibling, n))
    const handle = await mill.enqueue(offender, 1)
    ${around}
    await worker.run({ until: 'idle' })
    for (const one of siblings) console.log(await (await one).result({ within: 1 }))
    const { state, counters } = await handle.status()
    console.log(state, counters.failures, counters.crashes)
    console.log(process.listenerCount('uncaughtException'), process.listenerCount('unhandledRejection'))
  `
  return new Promise((resolve) => {
    const child = execFile(process.execPath, ['--input-type=module', '--eval', script], (_, output, errors) =>
      resolve({
        code: child.exitCode ?? -1,
        lines: output.split('\n').filter((line) => line !== ''),
        errors,
      }),
    )
  })
}

const SIBLINGS = ['1', '2', '3']

test.each([
  ['a throw in a timer', `setTimeout(() => { throw new Error('astray') }, 5); await never`],
  [
    'a throw in a timer of a promise that never settles',
    `await new Promise(() => setTimeout(() => { throw new Error('astray') }, 5))`,
  ],
  ['a rejection that nobody awaits', `void Promise.reject(new Error('astray')); await never`],
  [
    'a rejection deep down',
    `await turn(); (async () => { await turn(); throw new Error('astray') })(); await never`,
  ],
  [
    'an event without a listener',
    `const { EventEmitter } = await import('node:events'); setImmediate(() => new EventEmitter().emit('error', new Error('astray'))); await never`,
  ],
])('%s fails the attempt that caused it, and nothing else', async (_, offence) => {
  const { code, lines } = await run(offence)
  expect(lines).toEqual([
    'offender 1 unhandled astray',
    'offender 2 unhandled astray',
    ...SIBLINGS,
    'failed 2 0',
    '0 0',
  ])
  expect(code).toBe(0)
})

test('process.exit fails the attempt that called it', async () => {
  const { code, lines } = await run(`process.exit(3)`)
  expect(lines).toEqual([
    'offender 1 process-exit undefined',
    'offender 2 process-exit undefined',
    ...SIBLINGS,
    'failed 2 0',
    '0 0',
  ])
  expect(code).toBe(0)
})

test('process.exit fails it also where the handler catches everything', async () => {
  const { lines } = await run(`try { process.exit(3) } catch {} return 'nothing happened'`)
  expect(lines).toContain('failed 2 0')
})

test('what comes after the task has ended is an error of the worker', async () => {
  const { code, lines } = await run(`setTimeout(() => { throw new Error('astray') }, 50); return 'done'`)
  expect(lines).toEqual([
    'error unhandled what the handler of offender left behind',
    ...SIBLINGS,
    'succeeded 0 0',
    '0 0',
  ])
  expect(code).toBe(0)
})

test('what belongs to no task ends the process', async () => {
  for (const offence of [`throw new Error('nobody')`, `Promise.reject(new Error('nobody'))`]) {
    const { code, lines, errors } = await run('', `setTimeout(() => { ${offence} }, 50)`)
    expect([code, lines.includes('succeeded 0 0')]).toEqual([1, false])
    expect(errors).toContain('Error: nobody')
  }
})

test('process.exit that belongs to no task ends the process', async () => {
  const { code } = await run('', `setTimeout(() => process.exit(5), 50)`)
  expect(code).toBe(5)
})
