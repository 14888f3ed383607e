/** A worker in the server's process, and a clean end of all that Millrace has there. */
import { mill } from './mill.ts'
import { server } from './server.ts'
import { greeting } from './tasks.ts'

export async function startWorker(): Promise<void> {
  const worker = mill.worker({ handlers: greeting, drain: '20s' })
  await worker.start()
  // Next.js would end the process at once; with NEXT_MANUAL_SIG_HANDLE=true it leaves that to us
  for (const signal of ['SIGTERM', 'SIGINT'] as const)
    process.once(signal, () => {
      void server
        .close()
        .then(() => mill.close())
        .finally(() => process.exit())
    })
}
