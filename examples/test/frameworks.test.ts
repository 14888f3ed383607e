/** The examples of Next.js and NestJS: a producer in a route, a worker in the same process, and nothing left behind. */
import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { NestFactory } from '@nestjs/core'
import { connect } from 'millrace'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { AppModule, greet as nestGreet, GreetingsController } from '../nestjs/app.ts'
import { greet } from '../nextjs/tasks.ts'
import { Place } from './tree.ts'

let place: Place
let store = ''
let child: ChildProcess | undefined
beforeEach(() => {
  place = new Place()
  store = `sqlite:${join(place.path, 'app.db')}`
})
afterEach(() => {
  child?.kill('SIGKILL')
  child = undefined
  place[Symbol.dispose]()
})

/** Starts a program and resolves when it has printed a line that matches: with what the parentheses hold. */
async function started(file: string, line: RegExp, env: NodeJS.ProcessEnv = {}): Promise<string> {
  const path = join(import.meta.dirname, '..', file)
  const program = spawn(process.execPath, [path], {
    env: { ...process.env, MILLRACE_STORE: store, NO_COLOR: '1', ...env },
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  child = program
  for await (const said of createInterface(program.stdout)) {
    const found = line.exec(said)
    if (found !== null) return found[1] ?? ''
  }
  throw new Error(`${file} ended before it said ${line}.`)
}

/** Ends it as a container does; answers how it ended, and which workers the store still knows to live. */
async function ended(): Promise<unknown> {
  const exit = once(child!, 'exit')
  child!.kill('SIGTERM')
  const [code, signal] = (await exit) as [number | null, string | null]
  await using mill = await connect(store)
  return { code, signal, workers: await mill.workers.list() }
}

test('Next.js: a route enqueues, the worker of the instrumentation runs it, SIGTERM ends both', async () => {
  const port = await started('test/next-server.ts', /^listening on (\d+)$/, { NEXT_RUNTIME: 'nodejs' })
  const url = `http://127.0.0.1:${port}/api/greetings`
  const post = (input: object): Promise<Response> =>
    fetch(url, { method: 'POST', body: JSON.stringify(input) })

  const accepted = await post({ name: 'Ada' })
  expect(accepted.status).toBe(202)
  const { id } = (await accepted.json()) as { id: string }
  {
    await using mill = await connect(store)
    expect(await mill.handle(greet, id).result({ within: '10s' })).toBe('Hello Ada')
  }
  expect(await (await fetch(`${url}?id=${id}`)).json()).toEqual({ state: 'succeeded', result: 'Hello Ada' })
  const refused = await post({ nam: 'Ada' })
  expect([refused.status, await refused.json()]).toEqual([
    400,
    { code: 'invalid-payload', message: expect.stringContaining('name') as unknown },
  ])
  expect((await fetch(`${url}?id=00000000-0000-7000-8000-000000000000`)).status).toBe(404)
  expect(await ended()).toEqual({ code: 0, signal: null, workers: [] })
})

test('NestJS: a controller enqueues, the worker that is a provider runs it, close ends both', async () => {
  process.env['MILLRACE_STORE'] = store
  const app = await NestFactory.createApplicationContext(AppModule, { logger: false })
  await using mill = await connect(store)
  const { id } = await app.get(GreetingsController).create({ name: 'Ada' })
  expect(await mill.handle(nestGreet, id).result({ within: '10s' })).toBe('Hello Ada')
  expect(await mill.workers.list()).toHaveLength(1)
  await app.close()
  expect(await mill.workers.list()).toEqual([])
})

test('NestJS: SIGTERM ends the program, and its worker gives back its lease', async () => {
  await started('nestjs/main.ts', /LOG.*(Nest application successfully started|dependencies initialized)/)
  expect(await ended()).toMatchObject({ workers: [] })
})
