/** What the failures of gRPC mean to a client. */
import { status, type Metadata, type ServiceError } from '@grpc/grpc-js'
import { AccessError, StoreError, TooLargeError, type MillraceError } from '@millrace/core/store'
import { errorOf, type Failure } from '../wire/failures.ts'

const NOT_SERVED =
  'Is that the address of the gRPC port of a Millrace server? `millrace serve` says where it listens.'
const UNREACHABLE = 'See that the server runs, and that its address and port are right.'
const UNKNOWN =
  'Give a token that counts there: as MILLRACE_TOKEN, MILLRACE_TOKEN_FILE or the option `token`.'
const UNTRUSTED =
  'The certificate of the server is not trusted: give its authority as `ca` (or NODE_EXTRA_CA_CERTS), and the name in it as `servername`.'

/** The error of a call that the server did not answer, or refused. */
export function callError(error: ServiceError, place: string): MillraceError {
  return toldError(error.metadata) ?? guessedError(error, place)
}

/** The connection broke after calls were sent. */
export function brokenError(place: string, cause?: unknown): StoreError {
  return new StoreError('store-unavailable', `The connection to the server at ${place} broke.`, {
    effect: 'unknown',
    hint: UNREACHABLE,
    cause,
  })
}

/** The server did not answer in time. */
export function lateError(place: string, effect: 'none' | 'unknown'): StoreError {
  return new StoreError('store-unavailable', `The server at ${place} did not answer in time.`, {
    effect,
    hint: UNREACHABLE,
  })
}

/** What answered is no server of this kind. */
export function strangeError(place: string, why: string): StoreError {
  return new StoreError('store-unavailable', `What listens at ${place} is no Millrace server: ${why}`, {
    effect: 'unknown',
    hint: NOT_SERVED,
  })
}

/** The error that the trailers tell of. */
function toldError(metadata: Metadata | undefined): MillraceError | undefined {
  const text = (name: string): string | null => {
    const [value] = metadata?.get(name) ?? []
    return typeof value === 'string' ? decoded(value) : null
  }
  const code = text('millrace-code')
  if (code === null) return undefined
  const effect = text('millrace-effect') as Failure['effect']
  // the server tells of the header that this client sends by itself
  const hint = code === 'unauthenticated' ? UNKNOWN : text('millrace-hint')
  return errorOf({ code, message: text('millrace-message') ?? code, hint, effect })
}

/** What cannot be decoded is shown as it is. */
function decoded(text: string): string {
  try {
    return decodeURIComponent(text)
  } catch {
    return text
  }
}

function guessedError(error: ServiceError, place: string): MillraceError {
  const { code, details } = error
  switch (code) {
    case status.UNAUTHENTICATED:
      return new AccessError('unauthenticated', `The server at ${place} does not know this credential.`, {
        hint: UNKNOWN,
      })
    case status.PERMISSION_DENIED:
      return new AccessError('forbidden', `The server at ${place} does not let this credential do that.`)
    case status.UNIMPLEMENTED:
      return strangeError(place, details)
    case status.RESOURCE_EXHAUSTED:
      return new TooLargeError(`The server at ${place} does not take or give as much at once: ${details}`)
    case status.DEADLINE_EXCEEDED:
      return lateError(place, /Waiting for/.test(details) ? 'none' : 'unknown')
    case status.UNAVAILABLE:
      return unavailableError(error, place)
    default:
      return brokenError(place, error)
  }
}

/** Without a connection nothing was sent. */
function unavailableError(error: ServiceError, place: string): StoreError {
  const { details } = error
  if (!/^No connection established|^Name resolution failed/.test(details)) return brokenError(place, error)
  const isUntrusted = /certificate|altnames|self[- ]signed|CERT_|unable to verify/i.test(details)
  const isStrange = /wrong version number|EPROTO|protocol|SSL|Parse Error|HTTP\/1/i.test(details)
  const hint = isUntrusted ? UNTRUSTED : isStrange ? NOT_SERVED : UNREACHABLE
  const message = `The server at ${place} cannot be reached: ${reasonOf(details)}`
  return new StoreError('store-unavailable', message, { effect: 'none', hint, cause: error })
}

/** What grpc-js says of a failed connection, without what it puts around it: `Last error: WHY (TIME). Resolution note: …`. */
function reasonOf(details: string): string {
  const [reason = ''] = details
    .replace(/^.*Last error: (Error: )?/s, '')
    .split(/ \(\d{4}-\d\d-\d\dT|\. Resolution note:/)
  return reason.trim().slice(0, 300)
}
