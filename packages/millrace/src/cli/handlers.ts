/** Handlers from modules that the user names. */
import { stat } from 'node:fs/promises'
import { resolve } from 'node:path'
import { pathToFileURL } from 'node:url'
import { exportedHandlers, type Handler } from '@millrace/core'
import { CliError, firstLine, loadingHint } from './failure.ts'

/**
 * Imports modules and takes the handlers that they export.
 *
 * @throws CliError if a file is missing, does not load, or has no handler
 */
export async function loadHandlers(files: readonly string[]): Promise<readonly Handler[]> {
  const handlers = new Set<Handler>()
  for (const file of files) for (const handler of await handlersIn(file)) handlers.add(handler)
  return [...handlers]
}

async function handlersIn(file: string): Promise<readonly Handler[]> {
  const handlers = await exportedBy(file, await load(file))
  if (handlers.length > 0) return handlers
  throw new CliError(
    'failed',
    `The module ${file} exports no handler.`,
    'Export what task.handler(…) answers, lists of it, or a function that answers it.',
  )
}

/** @throws CliError */
export async function checkFiles(files: readonly string[]): Promise<void> {
  for (const file of files) {
    const path = resolve(file)
    const found = await stat(path).catch(() => undefined)
    if (found?.isFile() !== true)
      throw new CliError('failed', `There is no file ${file}.`, `It was looked for at ${path}.`)
  }
}

async function load(file: string): Promise<Record<string, unknown>> {
  await checkFiles([file])
  try {
    return (await import(pathToFileURL(resolve(file)).href)) as Record<string, unknown>
  } catch (error) {
    throw new CliError(
      'failed',
      `The module ${file} cannot be loaded: ${firstLine(error)}`,
      loadingHint(file, error),
    )
  }
}

async function exportedBy(
  file: string,
  exported: Readonly<Record<string, unknown>>,
): Promise<readonly Handler[]> {
  try {
    return await exportedHandlers(exported)
  } catch (error) {
    throw new CliError('failed', `A function that ${file} exports failed: ${firstLine(error)}`)
  }
}
