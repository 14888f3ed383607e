/** Handlers from modules that the user names. */
import { stat } from 'node:fs/promises'
import { resolve } from 'node:path'
import { pathToFileURL } from 'node:url'
import type { Handler } from '@millrace/core'
import { CliError, messageOf } from './failure.ts'

/**
 * Imports modules and takes every export that is a handler, or a list of them. Only where there is none, exported
 * functions without parameters are called for them: a module that also exports something like `main` is so
 * never run by accident.
 *
 * @throws CliError if a file is missing, does not load, or has no handler
 */
export async function loadHandlers(files: readonly string[]): Promise<readonly Handler[]> {
  const handlers = new Set<Handler>()
  for (const file of files) for (const handler of await handlersIn(file)) handlers.add(handler)
  return [...handlers]
}

async function handlersIn(file: string): Promise<readonly Handler[]> {
  const exported = Object.values(await load(file))
  const handlers = exported.flatMap(handlersOf)
  if (handlers.length > 0) return handlers
  for (const value of exported) if (isFactory(value)) handlers.push(...handlersOf(await called(file, value)))
  if (handlers.length > 0) return handlers
  throw new CliError(
    'failed',
    `${file} exports no handler.`,
    'Export what task.handler(…) answers, lists of it, or a function that answers it.',
  )
}

async function load(file: string): Promise<Record<string, unknown>> {
  const path = resolve(file)
  const found = await stat(path).catch(() => undefined)
  if (found?.isFile() !== true)
    throw new CliError('failed', `There is no file ${file}.`, `It was looked for at ${path}.`)
  try {
    return (await import(pathToFileURL(path).href)) as Record<string, unknown>
  } catch (error) {
    throw new CliError(
      'failed',
      `${file} cannot be loaded: ${firstLine(error)}`,
      `See what Node says: node ${file}`,
    )
  }
}

async function called(file: string, factory: () => unknown): Promise<unknown> {
  try {
    return await factory()
  } catch (error) {
    throw new CliError('failed', `A function that ${file} exports failed: ${firstLine(error)}`)
  }
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

function firstLine(error: unknown): string {
  return messageOf(error).split('\n')[0] ?? ''
}
