import { execFile, spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { expect, test } from 'vitest'
import { connect, type Mill } from 'millrace'
import { Place } from './tree.ts'

const run = promisify(execFile)
const MILLRACE = fileURLToPath(new URL('../../packages/millrace/dist/cli/main.js', import.meta.url))
// Debian's own, which finds Debian's packages
const PYTHON = process.env['MILLRACE_TEST_PYTHON'] ?? '/usr/bin/python3'
const TASKS = 10_000

/** A server with keys of a producer and a worker in a folder of its own, and the programs that speak to it. */
class Scene implements AsyncDisposable {
  readonly #place = new Place()
  readonly #started: ChildProcess[] = []
  readonly #env = {
    ...process.env,
    MILLRACE_STORE: 'sqlite:tasks.db',
    PROTOC: process.env['MILLRACE_TEST_PROTOC'] ?? 'protoc',
  }
  /** Of gRPC, once it has served. */
  address = 'localhost:0'

  async key(name: string, role: string): Promise<string> {
    const args = ['keys', 'create', name, '--role', role, '--queues', 'python', '--keys', 'keys.json']
    const { stdout } = await run(process.execPath, [MILLRACE, ...args], this.#here())
    return /mr_\S+/.exec(stdout)![0]
  }

  async serve(): Promise<ChildProcess> {
    const port = this.address.split(':').at(-1)!
    const args = [MILLRACE, 'serve', '--port', '0', '--grpc-port', port, '--keys', 'keys.json']
    const server = this.#start(process.execPath, args)
    this.address = await said(server, /gRPC\s+http:\/\/(\S+)/)
    server.stdout!.resume()
    return server
  }

  work(token: string): ChildProcess {
    return this.#start(PYTHON, [example('worker.py'), this.address], { MILLRACE_TOKEN: token })
  }

  async enqueue(token: string, count: number): Promise<unknown> {
    const args = [example('client.py'), this.address, '--count', String(count)]
    const { stdout } = await run(PYTHON, args, this.#here({ MILLRACE_TOKEN: token }))
    return JSON.parse(stdout)
  }

  open(): Promise<Mill> {
    return connect(`sqlite:${this.#place.path}/tasks.db`)
  }

  #start(program: string, args: readonly string[], more: object = {}): ChildProcess {
    const child = spawn(program, args, { ...this.#here(more), stdio: ['ignore', 'pipe', 'inherit'] })
    this.#started.push(child)
    return child
  }

  #here(more: object = {}): { readonly cwd: string; readonly env: NodeJS.ProcessEnv } {
    return { cwd: this.#place.path, env: { ...this.#env, ...more } }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const child of this.#started) {
      child.kill('SIGKILL')
      await gone(child)
    }
    this.#place[Symbol.dispose]()
  }
}

test('a client and a worker in Python complete 10 000 tasks, each once', { timeout: 180_000 }, async () => {
  await using scene = new Scene()
  const producer = await scene.key('shop', 'producer')
  const worker = await scene.key('python', 'worker')
  const server = await scene.serve()
  const working = scene.work(worker)
  await said(working, /ready/)
  expect(await scene.enqueue(producer, TASKS)).toMatchObject({ tasks: TASKS, wrong: 0 })
  const completed = said(working, /"completed": (\d+)/)
  working.kill('SIGTERM')
  expect(await completed).toBe(String(TASKS))
  await ended(working)
  server.kill('SIGTERM')
  await ended(server)
  await using mill = await scene.open()
  const [queue] = await mill.queues.list()
  expect(queue).toMatchObject({
    queue: 'python',
    counts: { succeeded: TASKS, failed: 0, ready: 0, running: 0 },
  })
})

test(
  'the worker in Python comes back to a server that was started anew, and who is refused is told why',
  { timeout: 60_000 },
  async () => {
    await using scene = new Scene()
    const producer = await scene.key('shop', 'producer')
    const worker = await scene.key('python', 'worker')
    const server = await scene.serve()
    await expect(scene.enqueue(producer, 1)).rejects.toMatchObject({
      stderr: expect.stringMatching(/^unknown-task: .*\n {2}Start its worker once/) as string,
    })
    const working = scene.work(worker)
    const lines = createInterface({ input: working.stdout! })[Symbol.asyncIterator]()
    expect(await lines.next()).toMatchObject({ value: 'ready' })
    server.kill('SIGKILL')
    await gone(server)
    await scene.serve()
    expect(await lines.next()).toMatchObject({ value: 'ready' })
    expect(await scene.enqueue(producer, 10)).toMatchObject({ tasks: 10, wrong: 0 })
    working.kill('SIGTERM')
    expect(await lines.next()).toMatchObject({ value: '{"completed": 10}' })
  },
)

function example(name: string): string {
  return fileURLToPath(new URL(`../python/${name}`, import.meta.url))
}

/** What a program says that fits: its first group. */
async function said(child: ChildProcess, pattern: RegExp): Promise<string> {
  for await (const line of createInterface({ input: child.stdout! })) {
    const found = pattern.exec(line)
    if (found !== null) return found[1] ?? ''
  }
  throw new Error(`It has ended and not said ${pattern.source}.`)
}

async function gone(child: ChildProcess): Promise<void> {
  if (child.exitCode === null && child.signalCode === null) await once(child, 'exit')
}

async function ended(child: ChildProcess): Promise<void> {
  await gone(child)
  expect(child.exitCode).toBe(0)
}
