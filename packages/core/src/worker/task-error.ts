/** Errors as they are kept with a task: bounded, and never with more than was thrown. */
import { exceedsBytes, LIMITS } from '../task/limits.ts'
import type { TaskError } from '../store/records.ts'

const MESSAGE_MAX = 4_096
const NAME_MAX = 128

/** Anything that was thrown, as a record of at most 16 KiB. */
export function taskError(thrown: unknown): TaskError {
  if (!(thrown instanceof Error)) {
    return { name: 'Error', message: clean(describe(thrown), MESSAGE_MAX), code: null, stack: null }
  }
  const code = 'code' in thrown && typeof thrown.code === 'string' ? clean(thrown.code, NAME_MAX) : null
  return {
    name: clean(thrown.name, NAME_MAX),
    message: clean(thrown.message, MESSAGE_MAX),
    code,
    stack: thrown.stack === undefined ? null : cutStack(clean(thrown.stack, LIMITS.errorBytes)),
  }
}

/** An error of ours about a task, without a stack: it would only show our own machinery. */
export function plainError(name: string, message: string): TaskError {
  return { name, message: clean(message, MESSAGE_MAX), code: null, stack: null }
}

function describe(thrown: unknown): string {
  if (typeof thrown === 'string') return thrown
  try {
    return JSON.stringify(thrown) ?? String(thrown)
  } catch {
    return String(thrown) // what cannot be JSON still has a name
  }
}

/** Stores take well-formed texts without U+0000. */
function clean(text: string, lengthMax: number): string {
  const cut = text.length > lengthMax ? text.slice(0, lengthMax) : text
  return cut.toWellFormed().replaceAll('\0', '\ufffd')
}

function cutStack(stack: string): string {
  const bytesMax = LIMITS.errorBytes - 3 * (MESSAGE_MAX / 4)
  return exceedsBytes(stack, bytesMax) ? stack.slice(0, Math.floor(bytesMax / 3)) : stack
}
