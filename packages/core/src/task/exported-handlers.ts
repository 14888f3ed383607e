/** The handlers of a module: the same for the command line, for isolates, and for whoever else is given modules. */
import type { Handler } from './handler.ts'

/**
 * Every export that is a handler, or a list of them. Only where there is none, exported functions without parameters
 * are called for them: a module that also exports something like `main` is so never run by accident.
 *
 * @param exported what the module exports, by name
 * @returns none, if it has none
 * @throws whatever such a function throws
 */
export async function exportedHandlers(
  exported: Readonly<Record<string, unknown>>,
): Promise<readonly Handler[]> {
  const values = Object.values(exported)
  const handlers = values.flatMap(handlersOf)
  if (handlers.length > 0) return handlers
  for (const value of values) if (isFactory(value)) handlers.push(...handlersOf(await value()))
  return handlers
}

function handlersOf(value: unknown): Handler[] {
  if (Array.isArray(value)) return value.flatMap(handlersOf)
  return isHandler(value) ? [value] : []
}

/** By structure: the module may use another copy of the library. */
function isHandler(value: unknown): value is Handler {
  return typeof value === 'object' && value !== null && '~handler' in value
}

function isFactory(value: unknown): value is () => unknown {
  return (
    typeof value === 'function' &&
    value.length === 0 &&
    !/^class\b/.test(Function.prototype.toString.call(value))
  )
}
