/** What is in force for `millrace serve`. */
import { dirname, relative, resolve } from 'node:path'
import { duration, type Duration } from '@millrace/core'
import type { ListenOptions, ServerOptions } from '@millrace/server'
import type { ServerConfig } from '../../config.ts'
import { CliError, firstLine } from '../failure.ts'
import { listed } from '../options.ts'
import type { ConfigFile } from './config-file.ts'
import type { Setting } from './settings.ts'

/** What can be said of a server on a line: names are places in `server` of the configuration. */
interface Said {
  readonly option: string
  readonly variable: string
  /** Throws what says what is wrong with a text. */
  readonly read: (text: string) => unknown
}

const asIs = (text: string): string => text
const list = (text: string): readonly string[] => listed([text]) ?? []

const SAID: Readonly<Record<string, Said>> = {
  host: { option: 'host', variable: 'MILLRACE_HOST', read: asIs },
  port: { option: 'port', variable: 'MILLRACE_HTTP_PORT', read: portOf },
  grpcPort: { option: 'grpc-port', variable: 'MILLRACE_GRPC_PORT', read: grpcPortOf },
  reflection: { option: 'grpc-reflection', variable: 'MILLRACE_GRPC_REFLECTION', read: yesOrNo },
  'auth.keys': { option: 'keys', variable: 'MILLRACE_KEYS_FILE', read: asIs },
  'auth.jwt.jwks': { option: 'jwks', variable: 'MILLRACE_JWKS', read: asIs },
  'auth.jwt.issuer': { option: 'issuer', variable: 'MILLRACE_JWT_ISSUER', read: list },
  'auth.jwt.audience': { option: 'audience', variable: 'MILLRACE_JWT_AUDIENCE', read: list },
  'auth.jwt.claim': { option: 'claim', variable: 'MILLRACE_JWT_CLAIM', read: asIs },
  'tls.cert': { option: 'tls-cert', variable: 'MILLRACE_TLS_CERT_FILE', read: asIs },
  'tls.key': { option: 'tls-key', variable: 'MILLRACE_TLS_KEY_FILE', read: asIs },
  'tls.ca': { option: 'tls-client-ca', variable: 'MILLRACE_TLS_CLIENT_CA_FILE', read: asIs },
  'tls.clientCertificates': { option: 'tls-clients', variable: 'MILLRACE_TLS_CLIENTS', read: clientsOf },
  audit: { option: 'audit', variable: 'MILLRACE_AUDIT_FILE', read: asIs },
  'insecure.noAuth': { option: 'allow-no-auth', variable: 'MILLRACE_ALLOW_NO_AUTH', read: yesOrNo },
  'insecure.noTls': { option: 'allow-no-tls', variable: 'MILLRACE_ALLOW_NO_TLS', read: yesOrNo },
  metrics: { option: 'metrics', variable: 'MILLRACE_METRICS', read: metricsOf },
  drain: { option: 'drain', variable: 'MILLRACE_DRAIN', read: durationOf },
  drainDelay: { option: 'drain-delay', variable: 'MILLRACE_DRAIN_DELAY', read: durationOf },
}

/** What only a configuration can say. */
const IN_FILES = [
  'auth.jwt.algorithms',
  'auth.jwt.clockToleranceSeconds',
  'auth.jwt.grants',
  'auth.certificates',
  'auth.authenticate',
  'limits',
  'redact',
] as const

/** In a configuration they are from its own folder. */
const PATHS: ReadonlySet<string> = new Set(['auth.keys', 'tls.cert', 'tls.key', 'tls.ca', 'audit'])

/** By the place in `server` of the configuration: `auth.keys`. */
export type ServerSettings = ReadonlyMap<string, Setting<unknown>>

/** What options say, by their names on the command line; `true` for those without a value. */
export type ServerFlags = Readonly<Record<string, string | true | undefined>>

interface Layers {
  readonly flags: ServerFlags
  readonly environment: Readonly<Record<string, string | undefined>>
  readonly file: ConfigFile | null
}

/** @throws CliError */
export function serverSettings({ flags, environment, file }: Layers): ServerSettings {
  const config = file?.config.server ?? {}
  const settings = new Map<string, Setting<unknown>>()
  for (const [place, { option, variable, read }] of Object.entries(SAID)) {
    const flag = flags[option]
    const text = environment[variable] ?? ''
    if (flag !== undefined)
      settings.set(place, {
        value: flag === true ? true : said(read, flag, `--${option}`),
        from: 'option',
        by: `--${option}`,
      })
    else if (text !== '')
      settings.set(place, { value: said(read, text, variable), from: 'environment', by: variable })
    else settings.set(place, inFile(place, config, file))
  }
  for (const place of IN_FILES) settings.set(place, inFile(place, config, file))
  return settings
}

function inFile(place: string, config: ServerConfig, file: ConfigFile | null): Setting<unknown> {
  const value = at(config, place)
  if (value === undefined || file === null) return { value: undefined, from: 'built-in', by: null }
  const isPath = PATHS.has(place) && typeof value === 'string'
  const path = isPath ? relative(process.cwd(), resolve(dirname(resolve(file.path)), value)) : value
  return { value: path, from: 'file', by: file.path }
}

function at(config: ServerConfig, place: string): unknown {
  let value: unknown = config
  for (const name of place.split('.'))
    value = typeof value === 'object' && value !== null ? (value as Record<string, unknown>)[name] : undefined
  return value
}

/** What a server is made and listens with. */
export interface ServeOptions {
  readonly server: ServerOptions
  readonly listen: ListenOptions
}

/** What it is made with; the rest is where it listens. */
const MADE_WITH: ReadonlySet<string> = new Set(['auth', 'audit', 'redact', 'metrics'])

/** What a server is started with: what nobody said is left out. */
export function serverOptionsOf(settings: ServerSettings): ServeOptions {
  const options = Object.entries(nested(settings))
  return {
    server: Object.fromEntries(options.filter(([name]) => MADE_WITH.has(name))),
    listen: Object.fromEntries(options.filter(([name]) => !MADE_WITH.has(name))),
  }
}

function nested(settings: ServerSettings): Readonly<Record<string, unknown>> {
  const options: Record<string, unknown> = {}
  for (const [place, { value }] of settings) {
    if (value === undefined) continue
    const names = place.split('.')
    const last = names.pop()!
    let inside = options
    for (const name of names) inside = (inside[name] ??= {}) as Record<string, unknown>
    inside[last] = value
  }
  return options
}

function said(read: Said['read'], text: string, by: string): unknown {
  try {
    return read(text)
  } catch (error) {
    const { hint } = error as { readonly hint?: string }
    throw new CliError('usage', `${by}: ${firstLine(error)}`, hint)
  }
}

function portOf(text: string): number {
  if (/^\d{1,5}$/.test(text) && Number(text) <= 65_535) return Number(text)
  throw new CliError(
    'usage',
    `${JSON.stringify(text)} is no port.`,
    'Give a number from 0 (any that is free) to 65535.',
  )
}

function grpcPortOf(text: string): number | false {
  return text === 'none' ? false : portOf(text)
}

function clientsOf(text: string): string {
  if (text === 'required' || text === 'accepted') return text
  throw new CliError(
    'usage',
    `${JSON.stringify(text)} is neither required nor accepted.`,
    'Give one of the two.',
  )
}

function metricsOf(text: string): string {
  if (text === 'open' || text === 'closed') return text
  throw new CliError('usage', `${JSON.stringify(text)} is neither open nor closed.`, 'Give one of the two.')
}

function yesOrNo(text: string): boolean {
  if (text === '1' || text === 'true') return true
  if (text === '0' || text === 'false') return false
  throw new CliError('usage', `${JSON.stringify(text)} is neither true nor false.`, 'Give 1 or 0.')
}

/** As it was written: so it is shown. */
function durationOf(text: string): Duration {
  duration(text)
  return text as Duration
}
