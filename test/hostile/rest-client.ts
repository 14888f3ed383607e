/** Requests of HTTP as bytes, each on a connection of its own. */
import { connect } from 'node:net'

/** What came back; `status` `null`: the connection was closed without an answer. */
export interface RawResponse {
  readonly status: number | null
  readonly head: string
  readonly body: string
}

/** Nobody here waits longer than that. */
const PATIENCE_MS = 10_000
const HEAD_END = '\r\n\r\n'

/** A request that does not end is ended by then: who says too early that no more comes is taken for gone. */
const MORE_MS = 50

/** Sends the bytes, and reads until the server closes, or until a stream begins. */
export function sendRaw(url: string, bytes: Buffer): Promise<RawResponse> {
  return new Promise((resolve, reject) => {
    const { hostname, port } = new URL(url)
    const socket = connect({ host: hostname, port: Number(port), allowHalfOpen: true })
    const chunks: Buffer[] = []
    const timer = setTimeout(() => {
      socket.destroy()
      reject(new Error('There was no answer.'))
    }, PATIENCE_MS)
    const more = setTimeout(() => socket.end(), MORE_MS)
    socket.on('data', (data: Buffer) => {
      chunks.push(data)
      if (isStream(chunks)) socket.destroy()
    })
    socket.on('end', () => socket.destroy())
    // a server that refuses closes while this side still writes
    socket.on('error', () => socket.destroy())
    socket.once('close', () => {
      clearTimeout(timer)
      clearTimeout(more)
      resolve(parsed(Buffer.concat(chunks).toString('utf8')))
    })
    socket.write(bytes)
  })
}

function isStream(chunks: readonly Buffer[]): boolean {
  return (
    chunks.length < 3 && /^content-type: text\/event-stream/im.test(Buffer.concat(chunks).toString('latin1'))
  )
}

function parsed(text: string): RawResponse {
  const [head = '', ...rest] = text.replace(/^HTTP\/1\.1 1[^]*?\r\n\r\n/, '').split(HEAD_END)
  const [, status] = /^HTTP\/1\.1 (\d{3})/.exec(head) ?? []
  return { status: status === undefined ? null : Number(status), head, body: rest.join(HEAD_END) }
}
