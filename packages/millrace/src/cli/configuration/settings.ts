/** What is in force: options go before the environment, that before the file, and that before what is built in. */
import { duration, type Duration } from '@millrace/core'
import { WORKER_SETTINGS, type MillraceConfig, type WorkerConfig } from '../../config.ts'
import { DEFAULT_STORE_URL, parseStoreUrl } from '../../store-url.ts'
import { secretVariable, type Variable } from '../../environment.ts'
import { CliError, firstLine } from '../failure.ts'
import { wholeNumber } from '../options.ts'
import { handlersOf, type ConfigFile } from './config-file.ts'
import { queueSlots } from './queue-slots.ts'
import { serverSettings, type ServerFlags, type ServerSettings } from './server-settings.ts'

export type Origin = 'option' | 'environment' | 'file' | 'built-in'

export interface Setting<T> {
  readonly value: T
  readonly from: Origin
  /** The option, the variable or the file; `null`: it is built in. */
  readonly by: string | null
}

export type WorkerSettings = {
  readonly [Name in keyof WorkerConfig]-?: Setting<WorkerConfig[Name] | undefined>
}

export interface Settings {
  /** The configuration that was read; `null`: there is none. */
  readonly file: string | null
  readonly store: Setting<string>
  readonly namespace: Setting<string | undefined>
  readonly handlers: Setting<readonly string[]>
  readonly worker: WorkerSettings
  readonly server: ServerSettings
  readonly plugins: Setting<MillraceConfig['plugins']>
  readonly logger: Setting<MillraceConfig['logger']>
}

/** What options of the command line say. */
export interface Flags {
  readonly store?: string | undefined
  readonly namespace?: string | undefined
  readonly files?: readonly string[] | undefined
  readonly worker?: Pick<WorkerConfig, 'concurrency' | 'queues' | 'lease' | 'drain'> | undefined
  readonly server?: ServerFlags | undefined
}

type Environment = Readonly<Record<string, string | undefined>>

/** The variables that are read, beside `MILLRACE_CONFIG`, which names the file. */
const VARIABLES = {
  namespace: 'MILLRACE_NAMESPACE',
  concurrency: 'MILLRACE_CONCURRENCY',
  queues: 'MILLRACE_QUEUES',
  lease: 'MILLRACE_LEASE',
  drain: 'MILLRACE_DRAIN',
} as const

const FLAGS = {
  namespace: '--namespace',
  concurrency: '--concurrency',
  queues: '--queue',
  lease: '--lease',
  drain: '--drain',
} as const

type VariableName = keyof typeof VARIABLES

export interface Layers {
  readonly flags: Flags
  readonly environment: Environment
  readonly file: ConfigFile | null
}

/** @throws CliError for a variable that cannot be right */
export function resolveSettings({ flags, environment, file }: Layers): Settings {
  const config = file?.config ?? {}
  const inFile = file?.path ?? null
  const variables = readVariables(environment)
  const named = <T>(name: VariableName, given: Given<T>): Setting<T> =>
    first(given, { option: FLAGS[name], environment: VARIABLES[name], file: inFile })
  const unnamed = <T>(given: Given<T>, option: string | null = null): Setting<T> =>
    first(given, { option, environment: null, file: inFile })
  const worker = WORKER_SETTINGS.map((name): [string, Setting<unknown>] => {
    const given = {
      option: (flags.worker as WorkerConfig | undefined)?.[name],
      environment: variables.worker[name],
      file: config.worker?.[name],
    }
    return [name, isVariable(name) ? named(name, given) : unnamed(given)]
  })
  return {
    file: inFile,
    store: first<string>(
      {
        option: flags.store,
        environment: variables.store?.text,
        file: config.store,
        builtIn: DEFAULT_STORE_URL,
      },
      { option: '--store', environment: variables.store?.by ?? null, file: inFile },
    ),
    namespace: named('namespace', {
      option: flags.namespace,
      environment: variables.namespace,
      file: config.namespace,
    }),
    handlers: unnamed(
      {
        option: flags.files?.length === 0 ? undefined : flags.files,
        file: file === null ? undefined : handlersOf(file),
        builtIn: [],
      },
      'FILE',
    ) as Setting<readonly string[]>,
    worker: Object.fromEntries(worker) as unknown as WorkerSettings,
    server: serverSettings({ flags: flags.server ?? {}, environment, file }),
    plugins: unnamed({ file: config.plugins }),
    logger: unnamed({ file: config.logger }),
  }
}

interface Given<T> {
  readonly option?: T | undefined
  readonly environment?: T | undefined
  readonly file?: T | undefined
  readonly builtIn?: T | undefined
}

type Sources = Readonly<Record<'option' | 'environment' | 'file', string | null>>

function first<T>(given: Given<T>, sources: Sources): Setting<T> {
  for (const from of ['option', 'environment', 'file'] as const) {
    const value = given[from]
    if (value !== undefined) return { value, from, by: sources[from] }
  }
  return { value: given.builtIn as T, from: 'built-in', by: null }
}

function isVariable(name: string): name is VariableName {
  return name in VARIABLES
}

interface Variables {
  /** Itself, or by a file that another variable names. */
  readonly store: Variable | undefined
  readonly namespace: string | undefined
  readonly worker: WorkerConfig
}

/** One that is empty is as if it were not there. */
function readVariables(environment: Environment): Variables {
  const read = <T>(name: VariableName, parse: (text: string) => T): T | undefined => {
    const text = environment[VARIABLES[name]]
    if (text === undefined || text === '') return undefined
    try {
      return parse(text)
    } catch (error) {
      const hint = (error as { readonly hint?: string }).hint
      throw new CliError('usage', `${VARIABLES[name]}: ${firstLine(error)}`, hint)
    }
  }
  const concurrency = read('concurrency', (text) => wholeNumber(text, 'The concurrency'))
  return {
    store: storeVariable(environment),
    namespace: read('namespace', (text) => text),
    worker: {
      concurrency,
      queues: read('queues', (text) => queueSlots(text.split(','), concurrency)),
      lease: read('lease', checkedDuration),
      drain: read('drain', checkedDuration),
    },
  }
}

/** What it says is judged, and not repeated. */
function storeVariable(environment: Environment): Variable | undefined {
  let store
  try {
    store = secretVariable('MILLRACE_STORE', environment)
    if (store !== undefined) parseStoreUrl(store.text)
    return store
  } catch (error) {
    const { hint } = error as { readonly hint?: string }
    const message = firstLine(error)
    throw new CliError('usage', store === undefined ? message : `${store.by}: ${message}`, hint)
  }
}

/** As it was written: so it is shown. */
function checkedDuration(text: string): Duration {
  duration(text)
  return text as Duration
}
