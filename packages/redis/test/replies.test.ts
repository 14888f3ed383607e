/** Replies of Redis, however they are cut. */
import { expect, test } from 'vitest'
import { ErrorReply, Replies } from '../src/replies.ts'

const STREAM =
  '+OK\r\n:-12\r\n$-1\r\n$0\r\n\r\n$7\r\nab\r\ncde\r\n*-1\r\n*0\r\n*4\r\n:1\r\n$2\r\nhi\r\n*2\r\n$-1\r\n+x\r\n:2\r\n-NOSCRIPT no such\r\n:3\r\n'

/** With text instead of bytes. */
function shown(value: unknown): unknown {
  if (Buffer.isBuffer(value)) return `<${value.toString()}>`
  if (value instanceof ErrorReply) return `error ${value.message}`
  return Array.isArray(value) ? value.map(shown) : value
}

const WHOLE = [
  'OK',
  -12,
  null,
  '<>',
  '<ab\r\ncde>',
  null,
  [],
  [1, '<hi>', [null, 'x'], 2],
  'error NOSCRIPT no such',
  3,
]

test.each([1, 2, 3, 7, 1_000])('in pieces of %i bytes', (size) => {
  const replies = new Replies()
  const bytes = Buffer.from(STREAM)
  const values: unknown[] = []
  for (let at = 0; at < bytes.length; at += size) values.push(...replies.take(bytes.subarray(at, at + size)))
  expect(values.map(shown)).toEqual(WHOLE)
})

test.each(['HTTP/1.1 400 Bad Request\r\n', '*1\r\n-ERR inside\r\n', '%1\r\n+a\r\n+b\r\n'])(
  'what is none is refused: %j',
  (text) => {
    expect(() => new Replies().take(Buffer.from(text))).toThrow(/no reply|inside/)
  },
)
