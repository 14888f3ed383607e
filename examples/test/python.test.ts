import { execFile, spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { expect, test } from 'vitest'
import { connect } from 'millrace'
import { Place } from './tree.ts'

const run = promisify(execFile)
const MILLRACE = fileURLToPath(new URL('../../packages/millrace/dist/cli/main.js', import.meta.url))
// Debian's own, which finds Debian's packages
const PYTHON = process.env['MILLRACE_TEST_PYTHON'] ?? '/usr/bin/python3'
const TASKS = 10_000

test('a client and a worker in Python complete 10 000 tasks, each once', { timeout: 180_000 }, async () => {
  using place = new Place()
  const protoc = process.env['MILLRACE_TEST_PROTOC'] ?? 'protoc'
  const env = { ...process.env, MILLRACE_STORE: 'sqlite:tasks.db', PROTOC: protoc }
  const keyOf = async (name: string, role: string): Promise<string> => {
    const args = ['keys', 'create', name, '--role', role, '--queues', 'python', '--keys', 'keys.json']
    const { stdout } = await run(process.execPath, [MILLRACE, ...args], { cwd: place.path, env })
    return /mr_\S+/.exec(stdout)![0]
  }
  const started: ChildProcess[] = []
  const start = (program: string, args: readonly string[], more: object = {}): ChildProcess => {
    const child = spawn(program, args, {
      cwd: place.path,
      env: { ...env, ...more },
      stdio: ['ignore', 'pipe', 'inherit'],
    })
    started.push(child)
    return child
  }
  try {
    const producer = await keyOf('shop', 'producer')
    const worker = await keyOf('python', 'worker')
    const serve = [MILLRACE, 'serve', '--port', '0', '--grpc-port', '0', '--keys', 'keys.json']
    const server = start(process.execPath, serve)
    const address = await said(server, /gRPC\s+http:\/\/(\S+)/)
    server.stdout!.resume()
    const working = start(PYTHON, [example('worker.py'), address], { MILLRACE_TOKEN: worker })
    await said(working, /ready/)
    const client = await run(PYTHON, [example('client.py'), address, '--count', String(TASKS)], {
      cwd: place.path,
      env: { ...env, MILLRACE_TOKEN: producer },
    })
    expect(JSON.parse(client.stdout)).toMatchObject({ tasks: TASKS, wrong: 0 })
    const completed = said(working, /"completed": (\d+)/)
    working.kill('SIGTERM')
    expect(await completed).toBe(String(TASKS))
    await ended(working)
    server.kill('SIGTERM')
    await ended(server)
    await using mill = await connect(`sqlite:${place.path}/tasks.db`)
    const [queue] = await mill.queues.list()
    expect(queue).toMatchObject({
      queue: 'python',
      counts: { succeeded: TASKS, failed: 0, ready: 0, running: 0 },
    })
  } finally {
    for (const child of started) child.kill('SIGKILL')
  }
})

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

async function ended(child: ChildProcess): Promise<void> {
  if (child.exitCode === null) await once(child, 'exit')
  expect(child.exitCode).toBe(0)
}
