/** Errors as they are kept with a task: bounded, and never with more than was thrown. */
import { exceedsBytes, LIMITS, utf8Bytes } from '../task/limits.ts'
import { keptText } from '../task/kept-text.ts'
import type { TaskError } from '../store/records.ts'

const MESSAGE_MAX = 4_096
const NAME_MAX = 128

/** Anything that was thrown, as a record of at most 16 KiB. Never throws itself, whatever it is given. */
export function taskError(thrown: unknown): TaskError {
  try {
    return isErrorLike(thrown) ? recordOf(thrown) : plainError('Error', describe(thrown))
  } catch {
    return plainError('Error', 'Something was thrown that cannot be looked at.')
  }
}

/** An error of ours about a task, without a stack: it would only show our own machinery. */
export function plainError(name: string, message: string): TaskError {
  return { name, message: keptText(message, MESSAGE_MAX), code: null, stack: null }
}

/** By what it has: errors of other realms (`vm` contexts, test runners) are no instances of our `Error`. */
function isErrorLike(thrown: unknown): thrown is { readonly message: unknown } {
  if (thrown instanceof Error) return true
  return (
    typeof thrown === 'object' && thrown !== null && 'message' in thrown && typeof thrown.message === 'string'
  )
}

function recordOf(thrown: { readonly message: unknown }): TaskError {
  const { name, message, code, stack } = thrown as { readonly [K in keyof TaskError]?: unknown }
  const kept = {
    name: keptText(typeof name === 'string' ? name : 'Error', NAME_MAX),
    message: keptText(typeof message === 'string' ? message : describe(message), MESSAGE_MAX),
    code: typeof code === 'string' ? keptText(code, NAME_MAX) : null,
  }
  const bytesLeft = LIMITS.errorBytes - utf8Bytes(kept.name + kept.message + (kept.code ?? ''))
  return { ...kept, stack: typeof stack === 'string' ? keptStack(stack, bytesLeft) : null }
}

function describe(thrown: unknown): string {
  if (typeof thrown === 'string') return thrown
  try {
    return JSON.stringify(thrown) ?? String(thrown)
  } catch {
    return String(thrown) // what cannot be JSON still has a name
  }
}

function keptStack(stack: string, bytesMax: number): string {
  const kept = keptText(stack, bytesMax)
  return exceedsBytes(kept, bytesMax) ? keptText(kept, Math.floor(bytesMax / 3)) : kept
}
