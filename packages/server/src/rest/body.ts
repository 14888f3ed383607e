/** Bodies of requests that are JSON: parsed no deeper than tasks may be. */
import { InvalidRequestError } from '../service/errors.ts'
import { DEPTH_MAX, depthOf } from '../wire/json-depth.ts'
import { RestError } from './refusals.ts'
import { wholeBody, type BodyPlan } from './whole-body.ts'

/**
 * The body as JSON; `undefined`: there is none.
 *
 * @throws RestError, InvalidRequestError
 */
export async function jsonBody(request: Request, plan: BodyPlan): Promise<unknown> {
  const { headers } = request
  const encoding = headers.get('content-encoding')
  if (encoding !== null && encoding.toLowerCase() !== 'identity') {
    throw new RestError('unsupported-media-type', `The body is encoded (${encoding.slice(0, 40)}).`, {
      hint: 'Send it as it is: JSON without compression.',
      headers: { 'accept-encoding': 'identity' },
    })
  }
  const bytes = await wholeBody(request, plan)
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
