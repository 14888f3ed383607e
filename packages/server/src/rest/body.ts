/** Bodies of requests: read no further than they may be long, and parsed no deeper than tasks may be. */
import { InvalidRequestError } from '../service/errors.ts'
import { DEPTH_MAX, depthOf } from '../wire/json-depth.ts'
import { RestError } from './refusals.ts'
import type { Traffic } from '../access/traffic.ts'
import type { HeldBytes } from '../listen/held-bytes.ts'

/** How a body is read. */
export interface BodyPlan {
  readonly bytesMax: number
  readonly held: HeldBytes
  readonly traffic: Traffic
  /** Of the credential whose it is. */
  readonly name: string
}

/** So much of each is read at once, whatever its credential has sent already. */
const SMALL_BYTES = 65_536

/**
 * The body as JSON; `undefined`: there is none.
 *
 * @throws RestError, InvalidRequestError
 */
export async function jsonBody(request: Request, plan: BodyPlan): Promise<unknown> {
  const { headers } = request
  const { bytesMax } = plan
  const encoding = headers.get('content-encoding')
  if (encoding !== null && encoding.toLowerCase() !== 'identity') {
    throw new RestError('unsupported-media-type', `The body is encoded (${encoding.slice(0, 40)}).`, {
      hint: 'Send it as it is: JSON without compression.',
      headers: { 'accept-encoding': 'identity' },
    })
  }
  const declared = Number(headers.get('content-length') ?? 0)
  if (declared > bytesMax) throw tooLarge(bytesMax)
  const bytes = await readAll(request, plan)
  if (bytes.length === 0) return undefined
  checkType(headers.get('content-type'))
  const text = decoded(bytes)
  if (depthOf(text) === 'too deep') throw new InvalidRequestError(`The body is deeper than ${DEPTH_MAX}.`, [])
  return parsed(text)
}

function checkType(type: string | null): void {
  const [essence = '', ...parameters] = (type ?? '')
    .toLowerCase()
    .split(';')
    .map((part) => part.trim())
  const charset = parameters.find((parameter) => parameter.startsWith('charset='))?.slice('charset='.length)
  const isUtf8 = charset === undefined || charset.replaceAll('"', '') === 'utf-8'
  if (essence === 'application/json' && isUtf8) return
  throw new RestError('unsupported-media-type', 'The body is not said to be JSON.', {
    hint: 'Send it with Content-Type: application/json, in UTF-8.',
  })
}

async function readAll({ body }: Request, { bytesMax, held, traffic, name }: BodyPlan): Promise<Uint8Array> {
  if (body === null) return new Uint8Array()
  const chunks: Uint8Array[] = []
  let length = 0
  const reader = (body as ReadableStream<Uint8Array>).getReader()
  const evicted = new AbortController()
  const hold = held.hold(name, () => evicted.abort())
  // whoever reads on is told that there is no more
  evicted.signal.addEventListener('abort', () => drop(reader))
  try {
    while (length <= bytesMax) {
      const next = await reader.read()
      if (next.done) break
      length += next.value.length
      hold.add(next.value.length)
      chunks.push(next.value)
      const waitMs = traffic.took(name, next.value.length)
      if (waitMs > 0 && length > SMALL_BYTES && !evicted.signal.aborted) await traffic.rest(waitMs)
    }
  } catch (cause) {
    // the connection is gone, or what came on it is no HTTP
    throw new InvalidRequestError(`The body does not come whole (${String(cause)}).`, [])
  } finally {
    hold.clear()
  }
  if (evicted.signal.aborted) throw tooSlow()
  if (length <= bytesMax) return Buffer.concat(chunks, length)
  drop(reader)
  throw tooLarge(bytesMax)
}

/** What is still to come is not read. */
function drop(reader: ReadableStreamDefaultReader<Uint8Array>): void {
  void reader.cancel().catch(() => undefined) // a connection that is gone has nothing to come
}

function tooSlow(): RestError {
  return new RestError('rate-limited', 'Too much of the bodies of requests has come, and too little whole.', {
    hint: 'Send it again, faster.',
    headers: { connection: 'close' },
    retryAfterMs: 1_000,
  })
}

function tooLarge(bytesMax: number): RestError {
  return new RestError('body-too-large', `The body is longer than ${bytesMax} bytes.`, {
    hint: 'Send less at a time.',
    headers: { connection: 'close' },
  })
}

const utf8 = new TextDecoder('utf-8', { fatal: true })

function decoded(bytes: Uint8Array): string {
  try {
    return utf8.decode(bytes)
  } catch {
    throw new InvalidRequestError('The body is not UTF-8.', [])
  }
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text) as unknown
  } catch {
    throw new InvalidRequestError('The body is not JSON.', [])
  }
}
