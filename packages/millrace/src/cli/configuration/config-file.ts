/** The configuration of a project: found, loaded, and checked. */
import { readFile, stat } from 'node:fs/promises'
import { dirname, extname, relative, resolve } from 'node:path'
import { pathToFileURL } from 'node:url'
import { checkConfig, type MillraceConfig } from '../../config.ts'
import { CliError, firstLine, loadingHint } from '../failure.ts'

const NAMES = ['millrace.config.ts', 'millrace.config.js', 'millrace.config.json'] as const

export interface ConfigFile {
  /** Its path from the current folder. */
  readonly path: string
  readonly config: MillraceConfig
}

/**
 * @param named the path that somebody gave; without one it is looked for in the current folder
 * @returns `null` if none is named and none is there
 * @throws CliError if one is missing, does not load, or is wrong
 */
export async function readConfig(named: string | undefined): Promise<ConfigFile | null> {
  const path = named ?? (await find())
  if (path === undefined) return null
  if (!(await isFile(path)))
    throw new CliError(
      'usage',
      `There is no configuration ${path}.`,
      `It was looked for at ${resolve(path)}.`,
    )
  const config = await load(path)
  try {
    checkConfig(config)
  } catch (error) {
    throw wrong(path, error)
  }
  return { path, config }
}

/** The handlers of a configuration, whose paths are from its own folder, as paths from the current one. */
export function handlersOf({ path, config }: ConfigFile): readonly string[] | undefined {
  const folder = dirname(resolve(path))
  return config.handlers?.map((file) => relative(process.cwd(), resolve(folder, file)))
}

async function find(): Promise<string | undefined> {
  const found: string[] = []
  for (const name of NAMES) if (await isFile(name)) found.push(name)
  const [first, second] = found
  if (second === undefined) return first
  throw new CliError(
    'usage',
    `There are two configurations in ${process.cwd()}: ${first} and ${second}.`,
    'Remove one of them, or say which one counts: --config FILE',
  )
}

async function isFile(path: string): Promise<boolean> {
  const found = await stat(path).catch(() => undefined)
  return found?.isFile() === true
}

async function load(path: string): Promise<unknown> {
  if (extname(path) === '.json') return parsed(path, await readFile(path, 'utf8'))
  let module
  try {
    module = (await import(pathToFileURL(resolve(path)).href)) as Readonly<Record<string, unknown>>
  } catch (error) {
    // what `defineConfig` refuses is told as if the file were JSON
    if (hintOf(error) !== undefined) throw wrong(path, error)
    throw new CliError(
      'usage',
      `The configuration ${path} cannot be loaded: ${firstLine(error)}`,
      loadingHint(path, error),
    )
  }
  if ('default' in module) return module['default']
  throw new CliError(
    'usage',
    `The configuration ${path} has no default export.`,
    "Write: export default defineConfig({ store: 'sqlite:millrace.db' })",
  )
}

function parsed(path: string, text: string): unknown {
  try {
    return JSON.parse(text)
  } catch (error) {
    throw new CliError(
      'usage',
      `The configuration ${path} is no JSON: ${firstLine(error)}`,
      'Comments and trailing commas are none.',
    )
  }
}

function wrong(path: string, error: unknown): CliError {
  return new CliError('usage', `The configuration ${path} is wrong. ${firstLine(error)}`, hintOf(error))
}

function hintOf(error: unknown): string | undefined {
  const hint = (error as { readonly hint?: unknown } | null)?.hint
  return typeof hint === 'string' ? hint : undefined
}
