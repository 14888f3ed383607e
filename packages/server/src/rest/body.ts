/** Bodies of requests: read no further than they may be long, and parsed no deeper than tasks may be. */
import { InvalidRequestError } from '../service/errors.ts'
import { RestError } from './refusals.ts'

/** Arrays and objects inside each other; a little more than an input may have, which stands inside a request. */
const DEPTH_MAX = 64

/**
 * The body as JSON; `undefined`: there is none.
 *
 * @throws RestError, InvalidRequestError
 */
export async function jsonBody(request: Request, bytesMax: number): Promise<unknown> {
  const { headers } = request
  const encoding = headers.get('content-encoding')
  if (encoding !== null && encoding.toLowerCase() !== 'identity') {
    throw new RestError('unsupported-media-type', `The body is encoded (${encoding.slice(0, 40)}).`, {
      hint: 'Send it as it is: JSON without compression.',
      headers: { 'accept-encoding': 'identity' },
    })
  }
  const declared = Number(headers.get('content-length') ?? 0)
  if (declared > bytesMax) throw tooLarge(bytesMax)
  const bytes = await readAll(request, bytesMax)
  if (bytes.length === 0) return undefined
  checkType(headers.get('content-type'))
  const text = decoded(bytes)
  checkDepth(text)
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

async function readAll({ body }: Request, bytesMax: number): Promise<Uint8Array> {
  if (body === null) return new Uint8Array()
  const chunks: Uint8Array[] = []
  let length = 0
  try {
    // leaving the loop cancels what is still to come
    for await (const chunk of body as AsyncIterable<Uint8Array>) {
      length += chunk.length
      if (length > bytesMax) break
      chunks.push(chunk)
    }
  } catch (cause) {
    // the connection is gone, or what came on it is no HTTP
    throw new InvalidRequestError(`The body does not come whole (${String(cause)}).`, [])
  }
  if (length > bytesMax) throw tooLarge(bytesMax)
  return Buffer.concat(chunks, length)
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

const QUOTE = 34
const BACKSLASH = 92
const OPENING: ReadonlySet<number> = new Set([91, 123])
const CLOSING: ReadonlySet<number> = new Set([93, 125])

/** Looked at before it is parsed, which goes as deep as it is told. */
function checkDepth(text: string): void {
  let depth = 0
  let isText = false
  for (let at = 0; at < text.length; at++) {
    const code = text.charCodeAt(at)
    if (isText) {
      if (code === BACKSLASH) at += 1
      else if (code === QUOTE) isText = false
    } else if (code === QUOTE) isText = true
    else if (OPENING.has(code)) {
      depth += 1
      if (depth > DEPTH_MAX) throw new InvalidRequestError(`The body is deeper than ${DEPTH_MAX}.`, [])
    } else if (CLOSING.has(code)) depth -= 1
  }
}
