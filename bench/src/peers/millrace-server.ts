/** Millrace through a server of its own: clients and workers have no store, and reach it by gRPC. */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import { millraceSide } from './millrace.ts'
import type { Front, Side } from '../side.ts'

const CLI = new URL('../../../packages/millrace/dist/cli/main.js', import.meta.url).pathname

export const millraceServerSide: Side = {
  ...millraceSide,
  name: 'millrace-server',
  configuration:
    'as millrace, but behind `millrace serve` in a process of its own on the same machine; without TLS and keys',
  front,
}

interface Ready {
  readonly message?: string
  readonly grpcUrl?: string
}

async function front(url: string): Promise<Front> {
  const args = ['serve', '--store', url, '--port', '0', '--grpc-port', '0', '--json']
  const server = spawn(process.execPath, [CLI, ...args], { stdio: ['ignore', 'pipe', 'ignore'] })
  const gone = once(server, 'exit')
  const ready = Promise.withResolvers<string>()
  createInterface(server.stdout).on('line', (line) => {
    const { message, grpcUrl } = JSON.parse(line) as Ready
    if (message === 'ready' && grpcUrl !== undefined) ready.resolve(grpcUrl)
  })
  void gone.then(() => ready.reject(new Error('The server ended before it was ready.')))
  return {
    url: await ready.promise,
    pid: server.pid ?? null,
    async [Symbol.asyncDispose]() {
      server.kill('SIGTERM')
      await gone
    },
  }
}
