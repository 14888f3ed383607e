/** Errors on their way between a worker and its isolates: their texts, and what programs tell them by. */
import { shown } from '../../task/shown.ts'

export interface WireError {
  readonly name: string
  readonly message: string
  readonly stack: string | undefined
  /** `code`, `delayMs`, `scope` and the like, as JSON. */
  readonly members: string
  readonly cause: WireError | undefined
}

const CAUSES_MAX = 5
const MEMBERS_MAX = 16_384

/** Never throws itself, whatever it is given. */
export function wireError(thrown: unknown, depth: number = 0): WireError {
  try {
    if (typeof thrown !== 'object' || thrown === null) return bare(String(thrown))
    const { name, message, stack, cause } = thrown as Partial<Error>
    return {
      name: typeof name === 'string' ? name : 'Error',
      message: typeof message === 'string' ? message : shown(thrown),
      stack: typeof stack === 'string' ? stack : undefined,
      members: membersOf(thrown),
      cause: cause === undefined || depth === CAUSES_MAX ? undefined : wireError(cause, depth + 1),
    }
  } catch {
    return bare('Something was thrown that cannot be looked at.')
  }
}

/** An error that says the same, and is told by the same code. */
export function errorOf({ name, message, stack, members, cause }: WireError): Error {
  const error = new Error(message, cause === undefined ? undefined : { cause: errorOf(cause) })
  Object.assign(error, JSON.parse(members) as object)
  Object.defineProperty(error, 'name', { value: name, configurable: true, writable: true })
  Object.defineProperty(error, 'stack', { value: stack, configurable: true, writable: true })
  return error
}

function bare(message: string): WireError {
  return { name: 'Error', message, stack: undefined, members: '{}', cause: undefined }
}

/** What is no JSON, or too much, stays behind; the code at least goes. */
function membersOf(thrown: object): string {
  const { name: _, message: _message, stack: _stack, cause: _cause, ...members } = thrown as Partial<Error>
  const { code } = members as { readonly code?: unknown }
  const least = JSON.stringify(typeof code === 'string' ? { code } : {})
  try {
    const json = JSON.stringify(members)
    return json.length > MEMBERS_MAX ? least : json
  } catch {
    return least
  }
}
