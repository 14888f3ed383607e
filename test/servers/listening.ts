import { connect } from 'node:net'

/** Rejects unless something accepts a connection on the port and, if `send` is given, answers what matches. */
export function listening(port: number, send?: string, expected?: RegExp): Promise<void> {
  return new Promise((resolve, reject) => {
    const socket = connect({ port, host: '127.0.0.1' })
    socket.setTimeout(1_000, () => socket.destroy(new Error('no answer')))
    socket.once('error', reject)
    socket.once('connect', () => {
      if (send !== undefined) return void socket.write(send)
      socket.destroy()
      resolve()
    })
    socket.once('data', (data) => {
      socket.destroy()
      if (expected?.test(String(data)) === true) resolve()
      else reject(new Error(String(data)))
    })
  })
}
