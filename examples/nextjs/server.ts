/** The server of the queue, for `app/queue/[...path]/route.ts`. */
import { createServer, type Server } from '@millrace/server'
import { mill } from './mill.ts'

const kept = globalThis as { server?: Server }

/** One for the process, as the client is. Sessions and users of yours stand where this asks for a password. */
export const server: Server = (kept.server ??= createServer(mill, {
  basePath: '/queue',
  auth: {
    authenticate({ authorization }) {
      const password = process.env['QUEUE_PASSWORD'] ?? ''
      if (password === '' || authorization !== `Bearer ${password}`) return null
      return { name: 'ada', grants: [{ role: 'admin', queues: ['**'] }] }
    },
  },
}))
