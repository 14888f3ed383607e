/** Who is let in at all: requests of other sites in a browser are not, nor names that somebody points at this machine. */
import { RestError } from './refusals.ts'

/** Which hosts are served: `loopback` where anybody may do anything, so that no other name leads here. */
export type ServedHosts = 'any' | 'loopback'

const LOOPBACK = /^(localhost|127(\.\d{1,3}){3}|\[::1\])(:\d{1,5})?$/

/** @throws RestError */
export function checkHost(request: Request, hosts: ServedHosts): void {
  if (hosts === 'any' || LOOPBACK.test(hostOf(request).toLowerCase())) return
  throw new RestError(
    'host',
    'Without authentication only requests to this machine by its loopback names are served.',
    {
      hint: 'Ask http://127.0.0.1, or give the server keys.',
    },
  )
}

/**
 * A browser says for which site it asks. What does not say so is no browser.
 *
 * @throws RestError
 */
export function checkSite(request: Request): void {
  const site = request.headers.get('sec-fetch-site')
  if (site !== null) {
    if (site === 'same-origin' || site === 'none') return
    throw crossSite()
  }
  const origin = request.headers.get('origin')
  if (origin !== null && hostIn(origin) !== hostOf(request).toLowerCase()) throw crossSite()
}

function crossSite(): RestError {
  return new RestError('cross-site', 'The request comes from a page of another site.', {
    hint: 'Ask from a server, or from a page of the same origin.',
  })
}

/** A request that was made from parts has no such header, but a URL. */
function hostOf(request: Request): string {
  return request.headers.get('host') ?? new URL(request.url).host
}

/** `null` has none, and neither has anything that is no URL. */
function hostIn(origin: string): string | undefined {
  return URL.canParse(origin) ? new URL(origin).host : undefined
}

export type Answered = 'application/json' | 'text/event-stream'

/** @throws RestError if the caller takes no such answer */
export function checkAccept(request: Request, answered: Answered): void {
  const accept = request.headers.get('accept')
  if (accept === null || accept.trim() === '') return
  const wildcard = `${answered.split('/')[0]}/*`
  const weights = new Map<string, number>()
  for (const part of accept.toLowerCase().split(',')) {
    const [range = '', ...parameters] = part.split(';').map((piece) => piece.trim())
    const weight = parameters.find((parameter) => parameter.startsWith('q='))
    weights.set(range, weight === undefined ? 1 : Number(weight.slice(2)))
  }
  // what is said more precisely goes before
  const weight = weights.get(answered) ?? weights.get(wildcard) ?? weights.get('*/*') ?? 0
  if (weight > 0) return
  throw new RestError('not-acceptable', `The answer is ${answered}, which the request does not accept.`, {
    hint: `Send Accept: ${answered}`,
  })
}
