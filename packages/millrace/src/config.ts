/** What a project says about itself in `millrace.config.ts`, for the command line to read. */
import {
  checkMembers,
  InvalidArgumentError,
  type IsolateOptions,
  type Logger,
  type Members,
  type MillOptions,
  type WorkerOptions,
} from '@millrace/core'
import type { JwtOptions, ListenOptions, ServerOptions } from '@millrace/server'
import { parseStoreUrl } from './store-url.ts'

/** How the workers of a project run. What stands here gives way to variables of the environment, and both to options. */
export interface WorkerConfig extends Omit<WorkerOptions, 'handlers' | 'isolates'> {
  /** Threads and processes for handlers with `runIn`. They import the modules that export the handlers. */
  readonly isolates?: Omit<IsolateOptions, 'module'> | undefined
}

/**
 * How `millrace serve` runs for a project. What stands here gives way to variables of the environment, and both to
 * options. Paths of files are from the folder of the configuration.
 */
export type ServerConfig = Pick<ServerOptions, 'auth' | 'audit' | 'redact' | 'metrics'> & ListenOptions

/** What a project may say about itself in `millrace.config.ts`; what is left out has its default. */
export interface MillraceConfig extends Pick<MillOptions, 'logger' | 'plugins'> {
  /** The store that the command line works on, as a URL. Default `sqlite:millrace.db`. */
  readonly store?: string | undefined
  /** Keeps several users of one store apart. Default `default`. */
  readonly namespace?: string | undefined
  /** Modules that export handlers, as paths from the folder of this file. With them `millrace worker` needs no FILE. */
  readonly handlers?: readonly string[] | undefined
  readonly worker?: WorkerConfig | undefined
  readonly server?: ServerConfig | undefined
}

/**
 * The configuration of a project: `export default defineConfig({ … })` in `millrace.config.ts`. The command line reads it
 * from the current folder; `connect` does not: give it what both need, as in `connect(config.store)`.
 *
 * @throws InvalidArgumentError for a member that is not known, or a value that cannot be right; StoreError with the code
 *   `store-url`
 */
export function defineConfig(config: MillraceConfig): MillraceConfig {
  checkConfig(config)
  return config
}

const CONFIG_MEMBERS: Members<MillraceConfig> = {
  store: true,
  namespace: true,
  handlers: true,
  worker: true,
  server: true,
  plugins: true,
  logger: true,
}

/** In the order in which they are shown. */
const WORKER_MEMBERS: Members<WorkerConfig> = {
  concurrency: true,
  queues: true,
  lease: true,
  drain: true,
  maxBlock: true,
  offers: true,
  name: true,
  priorities: true,
  budget: true,
  isolates: true,
}

const JWT_MEMBERS: Members<JwtOptions> = {
  jwks: true,
  issuer: true,
  audience: true,
  algorithms: true,
  clockToleranceSeconds: true,
  claim: true,
  grants: true,
}

const SERVER_MEMBERS: Members<ServerConfig> = {
  host: true,
  port: true,
  grpcPort: true,
  reflection: true,
  auth: true,
  tls: true,
  audit: true,
  redact: true,
  metrics: true,
  insecure: true,
  limits: true,
  drain: true,
  drainDelay: true,
}

export const WORKER_SETTINGS: readonly (keyof WorkerConfig)[] = Object.keys(
  WORKER_MEMBERS,
) as (keyof WorkerConfig)[]

/**
 * Refuses what is no configuration. The values of `worker` are judged when there is a worker.
 *
 * @throws what `defineConfig` throws
 */
export function checkConfig(config: unknown): asserts config is MillraceConfig {
  checkMembers(config, CONFIG_MEMBERS, 'the configuration')
  const { store, namespace, handlers, worker, server, plugins, logger } = config as Readonly<
    Record<string, unknown>
  >
  if (store !== undefined) parseStoreUrl(checkedText(store, 'store', "a URL: 'postgres://…'"))
  if (namespace !== undefined) checkedText(namespace, 'namespace', 'a name')
  if (handlers !== undefined) checkHandlers(handlers)
  if (worker !== undefined) checkMembers(worker, WORKER_MEMBERS, 'worker')
  if (server !== undefined) checkServer(server)
  // each is judged by the client that is made with them
  if (plugins !== undefined && !Array.isArray(plugins))
    throw wrong('plugins', 'no list', 'Give a list, also for a single one: [plugin].')
  if (logger !== undefined) checkLogger(logger)
}

/** The values are judged when there is a server. */
function checkServer(server: unknown): void {
  checkMembers(server, SERVER_MEMBERS, 'server')
  const { auth, tls, insecure } = server as Readonly<Record<string, unknown>>
  if (auth !== undefined && auth !== 'none') {
    checkMembers(auth, { keys: true, jwt: true, certificates: true, authenticate: true }, 'server.auth')
    const { jwt } = auth as Readonly<Record<string, unknown>>
    if (jwt !== undefined) checkMembers(jwt, JWT_MEMBERS, 'server.auth.jwt')
  }
  if (tls !== undefined)
    checkMembers(tls, { cert: true, key: true, ca: true, clientCertificates: true }, 'server.tls')
  if (insecure !== undefined) checkMembers(insecure, { noAuth: true, noTls: true }, 'server.insecure')
}

function checkHandlers(handlers: unknown): void {
  const hint = "the path of a module: ['./src/handlers.ts']"
  if (!Array.isArray(handlers)) throw wrong('handlers', 'no list', `It is a list, each ${hint}.`)
  for (const file of handlers) checkedText(file, 'One of the handlers', hint)
}

function checkedText(value: unknown, what: string, hint: string): string {
  if (typeof value === 'string' && value !== '') return value
  // what stands in the place of a URL may be a secret of another shape
  throw wrong(what, value === '' ? 'empty' : `no text but ${kindOf(value)}`, `It is ${hint}.`)
}

function kindOf(value: unknown): string {
  if (value === null) return 'null'
  return Array.isArray(value) ? 'a list' : `of the type ${typeof value}`
}

const LEVELS: readonly (keyof Logger)[] = ['debug', 'info', 'warn', 'error']

function checkLogger(logger: unknown): void {
  const given = Object(logger) as Partial<Record<string, unknown>>
  const missing = LEVELS.filter((level) => typeof given[level] !== 'function')
  if (missing.length === 0) return
  const hint = 'It has debug, info, warn and error, as console and the loggers of pino have.'
  throw wrong('logger', `none: it has no ${missing.join(', ')}`, hint)
}

function wrong(what: string, is: string, hint: string): InvalidArgumentError {
  return new InvalidArgumentError(`${what} is ${is}.`, { hint })
}
