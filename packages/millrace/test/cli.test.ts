/** The verbs, from the first worker to the dead letters. */
import { closeSync, openSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest'
import { connect, defineTask, unchecked } from '../src/index.ts'
import {
  ended,
  jsonLines,
  millrace,
  millraceHere,
  Place,
  start,
  written,
  type Answer,
} from './command-line.ts'

const ID = /[0-9a-f]{8}-[0-9a-f-]{27}/

let place: Place
const folder = process.cwd()

/** What loads modules, or owns signals, is a process of its own. */
const run = (...args: readonly string[]): Promise<Answer> =>
  args[0] === 'worker' ? millrace(args, { cwd: place.path }) : millraceHere(args)

async function done(...args: readonly string[]): Promise<string> {
  const { code, stdout, stderr } = await run(...args)
  expect({ code, stderr, stdout }).toEqual({ code: 0, stderr: '', stdout })
  return stdout
}

async function json(...args: readonly string[]): Promise<readonly Readonly<Record<string, unknown>>[]> {
  return jsonLines(await done(...args, '--json'))
}

async function enqueued(...args: readonly string[]): Promise<string> {
  const [answer] = await json('enqueue', ...args)
  return String(answer?.['id'])
}

beforeAll(() => {
  place = new Place()
  process.chdir(place.path)
  const index = JSON.stringify(new URL('../src/index.ts', import.meta.url).href)
  writeFileSync(
    join(place.path, 'handlers.ts'),
    `import { defineTask, NonRetryableError, unchecked } from ${index}
     export const hello = defineTask('hello', {
       input: unchecked<{ name: string }>(), queue: 'greetings', priority: 'high', retry: { attempts: 4, base: '2s' }, timeout: '9s',
     })
     const bad = defineTask('bad', { input: unchecked<number>() })
     const slow = defineTask('slow', { input: unchecked<null>() })
     export const helloHandler = hello.handler(({ name }, ctx) => {
       ctx.log.info({ name }, 'greeting')
       ctx.progress(0.5, 'half way')
       return { text: 'Hello ' + name + '\\u001b[31m' }
     })
     export const others = [helloHandler, [bad.handler((n) => { throw new NonRetryableError('order ' + n + ' is bad') })]]
     export const last = slow.handler((_, ctx) => new Promise((_, reject) => {
       console.log('slow runs')
       ctx.signal.addEventListener('abort', () => reject(ctx.signal.reason))
     }))
     export function main() { throw new Error('nobody calls me') }`,
  )
  writeFileSync(
    join(place.path, 'deaf.ts'),
    `import { defineTask, unchecked } from ${index}
     const deaf = defineTask('deaf', { input: unchecked<null>() })
     export const handler = deaf.handler(() => {
       console.log('deaf runs')
       return new Promise(() => setInterval(() => undefined, 60_000)) // holds the process, whatever its signal says
     })`,
  )
})
afterAll(() => {
  process.chdir(folder)
  place[Symbol.dispose]()
})

describe('the command line', { timeout: 60_000 }, () => {
  test('a crash is shown with its exit code and memory', async () => {
    const index = JSON.stringify(new URL('../src/index.ts', import.meta.url).href)
    writeFileSync(
      join(place.path, 'crash.ts'),
      `import { defineTask, unchecked } from ${index}
       const crash = defineTask('crash', { input: unchecked<null>(), queue: 'crashes' })
       export const handler = crash.handler(() => process.exit(7), { runIn: 'process' })`,
    )
    const { code } = await run('worker', 'crash.ts', '--until-idle', '--quiet') // publishes what it handles
    const id = await enqueued('crash', 'null')
    const worked = await run('worker', 'crash.ts', '--until-idle')
    expect([code, worked.code]).toEqual([0, 0])
    const shown = await done('task', id)
    expect(shown).toContain('failed (crashed)')
    expect(shown).toMatch(
      /error +CrashError \(exit 7, \d+ MiB\): The process that ran it alone ended by itself, with exit code 7; it took \d+ MiB at most\./,
    )
    expect(await done('history', id)).toMatch(/crashed +CrashError \(exit 7, \d+ MiB\)/)
    await done('remove', id)
  })

  test('a worker publishes what producers then go by', async () => {
    const text = await done('worker', 'handlers.ts', '--until-idle')
    expect(text).toMatch(/^Worker \d+ on sqlite:millrace\.db runs hello, slow, bad\. Ctrl-C stops it\.\n/)
    const id = await enqueued('hello', '{"name":"Ada"}', '--tag', 'first,new')
    const [task] = await json('task', id)
    expect(task).toMatchObject({
      state: 'ready',
      queue: 'greetings',
      priority: 'high',
      timeoutMs: 9_000,
      policy: { retry: { attempts: 4, baseMs: 2_000 } },
      input: { name: 'Ada' },
      tags: ['first', 'new'],
    })
  })

  test('a worker runs what is there, and the task shows all that is known', async () => {
    const lines = await json('worker', 'handlers.ts', '--until-idle', '--concurrency', '2')
    expect(lines.map((line) => line['message'])).toEqual([
      'ready',
      'started',
      'greeting',
      'succeeded',
      'stopped',
    ])
    const id = String(lines[1]?.['task'])
    const text = await done('task', id)
    expect(text).toMatch(/state +succeeded\n/)
    expect(text).toMatch(/attempt +1 of 4\n/)
    expect(text).toMatch(/result +\{"text":"Hello Ada\\u001b\[31m"\}/)
    expect(text).toMatch(/progress +50 % half way/)
    expect(text).toMatch(/log .* info: greeting \{"name":"Ada"\}/)
    const history = await done('history', id)
    expect(history).toMatch(/WHEN[^]*enqueued[^]*claimed[^]*succeeded/)
    expect((await json('history', id)).map((entry) => entry['event'])).toEqual([
      'enqueued',
      'claimed',
      'succeeded',
    ])
  })

  test('dead letters are grouped, and can be started over', async () => {
    for (const order of ['1', '22']) await enqueued('bad', order)
    await done('worker', 'handlers.ts', '--until-idle', '--quiet').catch(() => undefined)
    const [group, ...others] = await json('dead')
    expect(others).toEqual([])
    expect(group).toMatchObject({
      count: 2,
      type: 'bad',
      reason: 'error',
      error: 'NonRetryableError',
      message: 'order <n> is bad',
    })
    expect(await done('dead')).toMatch(/2 +bad +error +NonRetryableError: order <n> is bad/)
    expect(await done('tasks', '--state', 'failed')).toMatch(
      /bad +default +failed +1 .* ago +NonRetryableError: order 22 is bad/,
    )
    expect(await json('tasks', '--state', 'failed')).toMatchObject([{ attempt: 1 }, { attempt: 1 }])
    expect(await json('retry', '--state', 'failed', '--type', 'bad')).toEqual([
      { matched: 2, changed: 2, outcomes: [] },
    ])
    expect(await done('dead')).toBe('No dead letters in sqlite:millrace.db.\n')
    expect(await done('cancel', '--type', 'bad', '--reason', 'enough')).toMatch(/^2 tasks cancelled/)
  })

  test('a failure that no code has thrown is told in a sentence', async () => {
    await using mill = await connect('sqlite:millrace.db')
    const bad = defineTask('bad', { input: unchecked<number>() })
    const parent = await mill.enqueue(bad, 7)
    const child = await mill.enqueue(bad, 8, { after: [{ task: parent, ifFailed: 'fail' }] })
    await done('worker', 'handlers.ts', '--until-idle', '--quiet').catch(() => undefined)
    const sentence = 'A task that it waited for did not succeed.'
    expect(await done('task', child.id)).toMatch(new RegExp(`^error +${sentence}$`, 'm'))
    expect(await done('tasks', '--state', 'failed')).toMatch(
      new RegExp(`${child.id} .*ago +${sentence}$`, 'm'),
    )
    expect(await done('dead')).toMatch(new RegExp(` dependency +${sentence} `))
    await done('remove', '--type', 'bad')
  })

  test('a queue can be paused before its first task, and resumed', async () => {
    expect(await done('pause', 'to-come')).toMatch(/is paused/)
    expect(await done('resume', 'to-come')).toMatch(/goes on/)
  })

  test('tasks are held, released and removed by id', async () => {
    const id = await enqueued('hello', '{"name":"Bob"}', '--delay', '1h')
    expect(await done('tasks', '--state', 'scheduled')).toMatch(
      new RegExp(`${id} +hello +greetings +scheduled +1 +in 59 m`),
    )
    expect(await done('hold', id)).toBe('1 task held.\n')
    expect((await json('tasks', '--state', 'held')).map((task) => task['id'])).toEqual([id])
    expect(await done('release', id)).toBe('1 task released.\n')
    expect(await done('remove', id)).toBe('1 task removed.\n')
    const { code, stdout } = await run('remove', id)
    expect({ code, stdout }).toEqual({ code: 1, stdout: `${id}  not in this store\n0 tasks removed.\n` })
  })

  test('one id is one task', async () => {
    const id = '0198c0de-0000-4000-8000-000000000001'
    expect(await enqueued('hello', '{"name":"Cy"}', '--id', id, '--run-at', '2100-01-01')).toBe(id)
    expect(await done('enqueue', 'hello', '{"name":"Cy"}', '--id', id)).toContain(
      `${id}  is there already (pending)`,
    )
    const { code, stderr } = await run('enqueue', 'hello', '{"name":"Di"}', '--id', id)
    expect(code).toBe(1)
    expect(stderr).toMatch(/is taken by a task with another/)
    const after = await enqueued('unknown', '--force', '--after', id)
    expect(await done('task', after)).toMatch(
      /state +blocked[^]*after +0198c0de-0000-4000-8000-000000000001; 1 not ended yet/,
    )
  })

  test('queues are listed, paused and resumed', async () => {
    expect(await done('pause', 'greetings')).toMatch(/is paused/)
    expect((await json('queues')).find((queue) => queue['queue'] === 'greetings')).toMatchObject({
      paused: true,
    })
    expect(await done('queues')).toMatch(/greetings +paused/)
    expect(await done('resume', 'greetings')).toMatch(/goes on/)
    expect(await done('workers')).toBe(
      'No worker serves sqlite:millrace.db. To start one: millrace worker FILE\n',
    )
  })

  test('a list goes on where the last one ended', async () => {
    const first = await run('tasks', '--limit', '2', '--json')
    const [cursor] = jsonLines(first.stderr)
    const rest = await json('tasks', '--limit', '100', '--cursor', String(cursor?.['next']))
    const ids = [...jsonLines(first.stdout), ...rest].map((task) => String(task['id']))
    expect(new Set(ids).size).toBe(ids.length)
    expect(ids.length).toBe((await json('tasks')).length)
    expect(ids.every((id) => ID.test(id))).toBe(true)
  })

  test('a worker drains when it is asked to stop, and lets go at the second signal', async () => {
    const id = await enqueued('slow')
    const worker = start(['worker', 'handlers.ts'], { cwd: place.path })
    const ending = ended(worker)
    const said = await written(worker, /slow runs/)
    const pid = Number(/Worker (\d+) on/.exec(said)?.[1])
    expect(pid).not.toBe(worker.pid)
    expect(await json('workers')).toEqual([expect.objectContaining({ pid, running: 1 })])
    worker.kill('SIGTERM')
    worker.kill('SIGINT')
    expect(await ending).toMatchObject({
      code: 0,
      stdout: expect.stringMatching(/has stopped: 0 tasks succeeded/) as string,
    })
    expect((await json('task', id))[0]).toMatchObject({
      state: 'ready',
      counters: { returns: 1, failures: 0 },
    })
    expect(await done('cancel', id)).toMatch(/^1 task cancelled/)
  })

  test('a handler that ignores its signal ends with the process: what was given back goes on nowhere else', async () => {
    const worker = start(['worker', 'deaf.ts'], { cwd: place.path })
    const ending = ended(worker)
    const runs = written(worker, /^deaf runs/m)
    await written(worker, /runs deaf/)
    const id = await enqueued('deaf', 'null')
    await runs
    worker.kill('SIGTERM')
    worker.kill('SIGINT')
    const { code, stderr } = await ending
    expect(code).toBe(1)
    expect(stderr).toMatch(
      new RegExp(
        `^millrace: The process ends with 1 handler unfinished, .*: deaf ${id}\\.\n {2}.*ctx\\.signal`,
      ),
    )
    expect((await json('task', id))[0]).toMatchObject({ state: 'ready', counters: { returns: 1 } })
    await done('remove', id)
  })

  test('a worker that nobody hears any more goes on with its work', async () => {
    const worker = start(['worker', 'handlers.ts'], { cwd: place.path })
    const ending = ended(worker)
    await written(worker, /Ctrl-C stops it/)
    for (const stream of [worker.stdout, worker.stderr]) stream?.destroy()
    for (const name of ['Ed', 'Flo']) {
      const id = await enqueued('hello', JSON.stringify({ name }))
      const seen = async (): Promise<void> =>
        expect((await json('task', id))[0]).toMatchObject({ state: 'succeeded' })
      await vi.waitFor(seen, { timeout: 10_000 })
    }
    worker.kill('SIGTERM')
    expect((await ending).code).toBe(0)
  })

  test('a full disk is told in a sentence', async () => {
    const full = openSync('/dev/full', 'w')
    const child = start(['queues', '--json'], { cwd: place.path, stdout: full })
    closeSync(full)
    const { code, stderr } = await ended(child)
    expect({ code, stderr }).toEqual({
      code: 1,
      stderr: expect.stringMatching(
        /^millrace: The output cannot be written: ENOSPC: no space left on device\.\n {2}\S.*\n$/,
      ) as string,
    })
  })

  test('the store comes from the option or the environment', async () => {
    const other = await millrace(['tasks'], { cwd: place.path, env: { MILLRACE_STORE: 'sqlite:other.db' } })
    expect(other).toEqual({ code: 0, stdout: 'No such tasks in sqlite:other.db.\n', stderr: '' })
    expect(await done('tasks', '--store', `sqlite://${join(place.path, 'millrace.db')}`)).toContain('hello')
  })

  test('a reader that has seen enough is no failure', async () => {
    const child = start(['help'], { cwd: place.path })
    child.stdout?.destroy()
    expect((await ended(child)).code).toBe(0)
  })
})
