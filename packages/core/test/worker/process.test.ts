/** What holds a process, and what signals do to it: in processes of their own. */
import { spawn } from 'node:child_process'
import { expect, test } from 'vitest'

const SOURCE = new URL('../../src/index.ts', import.meta.url).href

interface Ended {
  readonly code: number | null
  readonly output: string
}

/** Runs a script until it ends, or has written `until`, and then sends it signals. */
async function run(
  script: string,
  until?: { readonly output: string; readonly signals: readonly NodeJS.Signals[] },
): Promise<Ended> {
  const preamble = `
    import { Mill, MemoryStore, defineTask, unchecked, systemPlatform } from ${JSON.stringify(SOURCE)}
    const job = defineTask('job', { input: unchecked() })
    const store = new MemoryStore({ platform: systemPlatform })
    const mill = new Mill(store)
  `
  const child = spawn(process.execPath, ['--input-type=module', '--eval', preamble + script], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  let output = ''
  const signals = [...(until?.signals ?? [])]
  child.stdout.setEncoding('utf8')
  child.stdout.on('data', (text: string) => {
    output += text
    if (until !== undefined && output.includes(until.output)) {
      const signal = signals.shift()
      if (signal !== undefined) child.kill(signal)
    }
  })
  const code = await new Promise<number | null>((resolve) => child.on('exit', resolve))
  return { code, output }
}

test('an idle client holds nothing: the process ends by itself', async () => {
  const { code, output } = await run(`
    const handle = await mill.enqueue(job, 1)
    const late = await handle.result({ within: 50 }).catch((error) => error.code)
    console.log(late, await handle.status().then(({ state }) => state))
  `)
  expect([code, output]).toEqual([0, 'wait-timeout ready\n'])
})

test('a worker on an idle store holds it until it is stopped', async () => {
  const { code, output } = await run(
    `
    const worker = mill.worker({ lease: '1s', handlers: job.handler(() => 'done') })
    const renew = store.renew.bind(store)
    let renewals = 0
    store.renew = (request) => {
      renewals += 1
      if (renewals === 3) console.log('still here')
      return renew(request)
    }
    process.on('SIGUSR2', () => worker.stop().then(() => console.log('stopped')))
    process.on('exit', () => console.log('exit'))
    await worker.start()
  `,
    { output: 'still here', signals: ['SIGUSR2'] },
  )
  expect([code, output]).toEqual([0, 'still here\nstopped\nexit\n'])
})

test('run owns the signals: the first drains, the second does not wait', async () => {
  const { code, output } = await run(
    `
    const worker = mill.worker({ drain: '1h', handlers: job.handler((_, { signal }) => new Promise((_, reject) => {
      process.on('SIGTERM', () => console.log('heard'))
      signal.addEventListener('abort', () => { console.log(signal.reason.reason); reject(signal.reason) })
      console.log('running')
    })) })
    await mill.enqueue(job, 1)
    await worker.run()
    console.log(process.listenerCount('SIGTERM'), process.listenerCount('SIGINT'))
    await mill.close()
  `,
    { output: 'running', signals: ['SIGTERM', 'SIGTERM'] },
  )
  expect([code, output]).toEqual([0, 'running\nheard\nheard\nshutdown\n1 0\n'])
})

test('the first signal gives up a start that waits for the store', async () => {
  const { code, output } = await run(
    `
    store.openSession = () => new Promise(() => console.log('waiting'))
    const worker = mill.worker({ handlers: job.handler(() => undefined) })
    const held = setTimeout(() => console.log('too late'), 15_000)
    await worker.run()
    clearTimeout(held)
    console.log('stopped', process.listenerCount('SIGINT'))
  `,
    { output: 'waiting', signals: ['SIGINT'] },
  )
  expect([code, output]).toEqual([0, 'waiting\nstopped 0\n'])
})

test('a delay of milliseconds is kept to by the real clock, too, and never early', async () => {
  const { code, output } = await run(`
    const late = []
    const worker = mill.worker({ concurrency: 100, handlers: job.handler((due) => { late.push(Date.now() - due) }) })
    await worker.start()
    for (let n = 1; n <= 50; n++) void mill.enqueue(job, Date.now() + n * 10, { runAt: Date.now() + n * 10 })
    await worker.run({ until: 'idle' })
    late.sort((a, b) => a - b)
    console.log(late.length, late[0] >= 0, late[25] < 50)
  `)
  expect([code, output]).toEqual([0, '50 true true\n'])
})
