/** Bodies of requests: read no further than they may be long, and parsed no deeper than tasks may be. */
import { InvalidRequestError } from '../service/errors.ts'
import { DEPTH_MAX, depthOf } from '../wire/json-depth.ts'
import { RestError } from './refusals.ts'

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

async function readAll({ body }: Request, bytesMax: number): Promise<Uint8Array> {
  if (body === null) return new Uint8Array()
  const chunks: Uint8Array[] = []
  let length = 0
  // leaving the loop cancels what is still to come
  for await (const chunk of body as AsyncIterable<Uint8Array>) {
    length += chunk.length
    if (length > bytesMax) throw tooLarge(bytesMax)
    chunks.push(chunk)
  }
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
