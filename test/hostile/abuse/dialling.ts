/** Connections and streams of an attacker, counted. */
import { connect as connectHttp2, type ClientHttp2Session, type ClientHttp2Stream } from 'node:http2'
import { connect, type Socket } from 'node:net'
import { platform } from 'node:process'
import type { Writable } from 'node:stream'
import type { Through } from './part.ts'

export const MIB = 1_048_576
const AGAIN_MS = 20

/** Attackers have addresses of their own, which Linux has on the loopback as well. */
const ELSEWHERE = platform === 'linux' ? '127.0.0.2' : undefined

const counts = { connections: 0, streams: 0, bytes: 0 }
const sockets = new Set<Socket>()

/** So far. */
export function through(): Through {
  let { bytes } = counts
  for (const socket of sockets) bytes += sentBy(socket)
  return { ...counts, bytes }
}

/** What still waits here has not got through. */
function sentBy(socket: Socket): number {
  return Math.max(0, socket.bytesWritten - socket.writableLength)
}

export function dial(url: string): Socket {
  const { hostname, port } = new URL(url)
  const socket = connect({ host: hostname, port: Number(port), localAddress: ELSEWHERE })
  sockets.add(socket)
  socket.once('connect', () => (counts.connections += 1))
  socket.once('close', () => {
    sockets.delete(socket)
    counts.bytes += sentBy(socket)
  })
  socket.on('error', () => socket.destroy()) // being cut off is what is expected
  return socket
}

export function dialHttp2(
  url: string,
  settings: { readonly initialWindowSize?: number } = {},
): ClientHttp2Session {
  const session = connectHttp2(url, { settings, createConnection: () => dial(url) })
  session.on('error', () => session.destroy())
  return session
}

/** So many at a time; each begins anew when it is over. */
export function keepUp(count: number, begin: (again: () => void) => void, againMs = AGAIN_MS): void {
  const again = (): void => begin(() => void setTimeout(again, againMs))
  for (let index = 0; index < count; index++) again()
}

export function open(
  session: ClientHttp2Session,
  method: string,
  token: string,
  headers: Readonly<Record<string, string>> = {},
): ClientHttp2Stream {
  const stream = session.request({
    ':method': 'POST',
    ':path': `/millrace.v1.StoreService/${method}`,
    'content-type': 'application/grpc',
    te: 'trailers',
    authorization: `Bearer ${token}`,
    ...headers,
  })
  if (!session.connecting) counts.streams += 1
  stream.on('error', () => undefined) // see above
  return stream
}

export function request(line: string, token: string, headers: readonly string[] = []): string {
  const all = [line, 'Host: localhost', `Authorization: Bearer ${token}`, ...headers]
  return `${all.join('\r\n')}\r\n\r\n`
}

/** Writes the same again and again, as fast as it is taken, so many times. */
export function pour(stream: Writable, bytes: Buffer | string, times = Infinity): void {
  let left = times
  const more = (): void => {
    while (left > 0 && !stream.destroyed) {
      left -= 1
      if (!stream.write(bytes)) return
    }
  }
  stream.on('drain', more)
  more()
}
