/** What the examples of this folder share: a client, a worker in the same process, and a server for under /queue. */
import { createMill, defineTask } from 'millrace'
import { createServer, type GrantOptions } from '@millrace/server'
import { z } from 'zod'

export const greet = defineTask('greet', { input: z.object({ name: z.string() }), output: z.string() })

/** Which store: MILLRACE_STORE, else a file. It is opened by the first call. */
export const mill = createMill()

const grants: readonly GrantOptions[] = [{ role: 'admin', queues: ['**'] }]

/** Your own sessions, users and rights stand here. */
export function personOf(
  authorization: string | null | undefined,
): { name: string; grants: readonly GrantOptions[] } | null {
  const secret = process.env['QUEUE_PASSWORD'] ?? ''
  return secret !== '' && authorization === `Bearer ${secret}` ? { name: 'ada', grants } : null
}

export const server = createServer(mill, {
  basePath: '/queue',
  auth: { authenticate: ({ authorization }) => personOf(authorization) },
})

export async function startWorker(): Promise<void> {
  const worker = mill.worker({ handlers: greet.handler(({ name }) => `Hello ${name}`), drain: '20s' })
  await worker.start()
}

/** First the server, whose streams would keep the framework waiting; then the framework; then the client, and its worker. */
export function onStop(closeFramework: () => Promise<unknown>): void {
  const stop = async (): Promise<void> => {
    await server.close()
    await closeFramework()
    await mill.close()
  }
  process.once('SIGTERM', () => void stop())
}
