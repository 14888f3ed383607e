/** Requests of every route, as its document has them and bent, and then as bytes that nobody should send. */
import { Bender } from '../../packages/server/test/rest/bender.ts'
import { ASKERS, type Asker, type Front } from './front.ts'
import { sendRaw, type RawResponse } from './rest-client.ts'
import type { Chance } from './chance.ts'
import type { Fate, Judge } from './judge.ts'

interface RestFuzz {
  readonly front: Front
  readonly judge: Judge
  readonly chance: Chance
}

/** @param label names the run, as each problem is to be found again */
export async function fuzzRest(
  { front, judge, chance }: RestFuzz,
  requests: number,
  label: string,
): Promise<void> {
  const requested = new Requests(chance, front)
  for (let count = 0; count < requests; count++) {
    const { asker, bytes } = requested.next()
    const shown = `${label}, REST ${count}: as ${asker} ${bytes.toString('latin1').slice(0, 800)}`
    try {
      await judge.judge(shown, fateOf(await sendRaw(front.url, bytes)))
    } catch (error) {
      await judge.judge(shown, { kind: 'unknown', shown: 'silence', fault: String(error) })
    }
  }
  await judge.end(`${label}, the end of REST`)
}

function fateOf({ status, body }: RawResponse): Fate {
  if (status === null) return { kind: 'refused', shown: 'closed', fault: null }
  const fault = status >= 500 ? `HTTP ${status} ${body}` : null
  return { kind: status < 400 ? 'accepted' : 'refused', shown: `HTTP ${status}`, fault }
}

/** A request in parts that can be made wrong one by one. */
interface Parts {
  line: string
  readonly headers: (readonly [name: string, value: string])[]
  body: Buffer
}

const LINES = [
  'GET /v1/tasks HTTP/1.0',
  'GET /v1/tasks HTTP/0.9',
  'GET /v1/tasks HTTP/3.0',
  'GET  /v1/tasks  HTTP/1.1',
  'GET http://evil.example/v1/tasks HTTP/1.1',
  'GET //evil.example/v1/tasks HTTP/1.1',
  'GET http:// HTTP/1.1',
  'GET /v1/../../etc/passwd HTTP/1.1',
  'GET /v1/tasks/%00 HTTP/1.1',
  'GET /v1/tasks/%ff%fe HTTP/1.1',
  'GET /v1/tasks/% HTTP/1.1',
  'GET /v1/queues/%E0%A4%A HTTP/1.1',
  'GET /v1/tasks?limit=%zz&state=%c0%80 HTTP/1.1',
  'GET /v1/tasks?metadata[__proto__]=x HTTP/1.1',
  'GET /v1/tasks?__proto__=x&constructor=y HTTP/1.1',
  `GET /v1/tasks?${'a=b&'.repeat(1_000)} HTTP/1.1`,
  `GET /${'v1/'.repeat(1_500)} HTTP/1.1`,
  'OPTIONS * HTTP/1.1',
  'CONNECT evil.example:443 HTTP/1.1',
  'TRACE / HTTP/1.1',
  'PRI * HTTP/2.0',
  'BREW /v1/tasks HTTP/1.1',
  'POST /v1/tasks/__proto__/cancel HTTP/1.1',
  '\u0000 / HTTP/1.1',
  '',
]

const HEADERS: readonly (readonly [string, string])[] = [
  ['content-length', '0'],
  ['content-length', '-1'],
  ['content-length', '1e3'],
  ['content-length', '99999999999999999999'],
  ['transfer-encoding', 'chunked'],
  ['transfer-encoding', 'gzip, chunked'],
  ['transfer-encoding', 'identity'],
  ['expect', '100-continue'],
  ['expect', 'a miracle'],
  ['upgrade', 'h2c'],
  ['connection', 'upgrade, keep-alive'],
  ['host', ''],
  ['host', '[::1'],
  ['host', 'a b'],
  ['host', 'x'.repeat(300)],
  ['content-type', 'application/json; charset="'],
  ['content-type', 'multipart/form-data'],
  ['content-encoding', 'gzip'],
  ['content-encoding', 'deflate, br'],
  ['authorization', ''],
  ['authorization', 'Bearer'],
  ['authorization', `Bearer ${'x'.repeat(8_000)}`],
  ['authorization', 'Bearer \u0001'],
  ['cookie', 'y'.repeat(10_000)],
  ['x-long', 'z'.repeat(20_000)],
  ['traceparent', '00-zz-zz-zz'],
  ['last-event-id', '-1'],
  ['last-event-id', '18446744073709551616'],
  ['idempotency-key', '💣'],
  ['accept', `${'a/b,'.repeat(2_000)}`],
  ['bad header', 'x'],
  ['x-fold', 'a\r\n b'],
]

const BODIES: readonly Buffer[] = [
  '{"type":"greet","input":{"name":"Ada"},"type":"greet"}',
  '{"type":"greet","input":{"name":"Ada"},"__proto__":{"queue":"default"}}',
  '{"type":"greet","input":{"__proto__":{"name":"Ada"},"name":"Ada"}}',
  '{"type":"greet","input":{"name":"Ada"},"constructor":{"prototype":{"x":1}}}',
  '{"type":"greet","input":{"name":"\\ud800"}}',
  '{"type":"greet","input":{"name":"\\u0000"}}',
  '{"type":"greet","input":1e999}',
  '{"type":"greet","input":-0}',
  `{"type":"greet","input":${'9'.repeat(400)}}`,
  `{"type":"greet","input":${'['.repeat(60)}${']'.repeat(60)}}`,
  '['.repeat(100_000),
  '{"a":'.repeat(100_000),
  `"${'\\"'.repeat(50_000)}`,
  `{"tasks":[${Array.from({ length: 2_000 }, () => '{"type":"greet"}').join(',')}]}`,
  '\uFEFF{"type":"greet","input":{"name":"Ada"}}',
  'NaN',
  'null',
  '"text"',
  '[]',
  '{}{}',
]
  .map((text) => Buffer.from(text))
  .concat(Buffer.from([0x7b, 0x22, 0xff, 0xfe, 0xc0, 0x80, 0x22, 0x3a, 0x31, 0x7d]))

class Requests {
  readonly #chance: Chance
  readonly #front: Front
  readonly #bender: Bender

  constructor(chance: Chance, front: Front) {
    this.#chance = chance
    this.#front = front
    this.#bender = new Bender(chance)
  }

  next(): { readonly asker: Asker; readonly bytes: Buffer } {
    const chance = this.#chance
    const asker = chance.one(ASKERS)
    const parts = this.#parts(asker)
    if (chance.once(15)) parts.line = chance.one(LINES)
    if (chance.once(6)) parts.headers.push(chance.one(HEADERS))
    if (chance.once(30)) parts.headers.splice(chance.below(parts.headers.length), 1)
    return { asker, bytes: this.#written(parts) }
  }

  #parts(asker: Asker): Parts {
    const request = this.#bender.request()
    const { pathname, search } = new URL(request.url)
    const { headers } = request
    const bearer = headers.get('authorization')
    headers.delete('authorization')
    const { host } = new URL(this.#front.url)
    const chance = this.#chance
    const hasBody = this.#bender.text !== ''
    const body = hasBody && chance.once(8) ? chance.one(BODIES) : Buffer.from(this.#bender.text)
    return {
      line: `${request.method} ${pathname}${search} HTTP/1.1`,
      headers: [
        ['host', headers.get('host') ?? host],
        ['connection', 'close'],
        ['authorization', bearer === 'Bearer root' ? `Bearer ${this.#front.tokens[asker]}` : (bearer ?? '')],
        ...[...headers].filter(([name]) => name !== 'content-length' && name !== 'host'),
      ],
      body,
    }
  }

  #written({ line, headers, body }: Parts): Buffer {
    const chance = this.#chance
    const isChunked = body.length > 0 && chance.once(6)
    const framing: readonly [string, string][] = isChunked
      ? [['transfer-encoding', 'chunked']]
      : body.length > 0
        ? [['content-length', String(body.length + (chance.once(30) ? chance.below(9) - 4 : 0))]]
        : []
    const head = [line, ...[...framing, ...headers].map(([name, value]) => `${name}: ${value}`), '', ''].join(
      '\r\n',
    )
    return Buffer.concat([Buffer.from(head), isChunked ? this.#chunked(body) : body])
  }

  #chunked(body: Buffer): Buffer {
    const half = Math.ceil(body.length / 2)
    const size = (length: number): string => length.toString(16)
    const odd = this.#chance.once(4)
      ? this.#chance.one(['zz', '-1', 'ffffffffffffffff', '0x10', `${size(half)};${'e'.repeat(20_000)}`])
      : size(half)
    return Buffer.concat([
      Buffer.from(`${odd}\r\n`),
      body.subarray(0, half),
      Buffer.from(`\r\n${size(body.length - half)}\r\n`),
      body.subarray(half),
      Buffer.from('\r\n0\r\n\r\n'),
    ])
  }
}
