/** Where the server is reached, and how it goes. */
import type { Server } from '@grpc/grpc-js'
import {
  checkMembers,
  duration,
  InvalidArgumentError,
  systemPlatform,
  type Duration,
  type Logger,
  type Members,
  type Platform,
} from '@millrace/core'
import { Doorkeeper } from './doorkeeper.ts'
import type { Draining } from './draining.ts'
import { openGrpcPort } from './grpc-port.ts'
import { openHttpPort, type Fetch } from './http-port.ts'
import { listenLimits, type ListenLimits } from './limits.ts'
import { checkOpenness, isLoopback, type InsecureOptions } from './refusal.ts'
import { checkTls, TlsFiles, type TlsOptions } from './tls-files.ts'
import type { Port } from './port.ts'

/** Where to listen. */
export interface ListenOptions {
  /** An address or a name of this machine. Default `127.0.0.1`, which others do not reach. */
  readonly host?: string | undefined
  /** Of REST. Default 7420; 0: any that is free. */
  readonly port?: number | undefined
  /** Of gRPC. Default 7421; 0: any that is free; `false`: none. */
  readonly grpcPort?: number | false | undefined
  /** Whether tools such as grpcurl are told by gRPC which services there are. Default `false`. */
  readonly reflection?: boolean | undefined
  readonly tls?: TlsOptions | undefined
  readonly insecure?: InsecureOptions | undefined
  readonly limits?: Partial<ListenLimits> | undefined
  /** How long the server still answers after it has said that it is not ready, so that others send nobody there. Default 0. */
  readonly drainDelay?: Duration | undefined
  /** How long calls that run may take until they are broken off. Default 25 s. */
  readonly drain?: Duration | undefined
}

/** What answers. */
export interface Answering {
  readonly fetch: Fetch
  /** With its services, bound to no port; `null`: there is none. */
  readonly grpc: Server | null
  /** Whether callers are told apart. */
  readonly authentication: 'none' | 'some'
  readonly draining: Draining
  /** Default: one of its own. */
  readonly door?: Doorkeeper | undefined
  readonly logger: Logger
  readonly platform?: Platform | undefined
}

/** A server that listens. */
export interface Listening {
  /** Of REST, as in `http://127.0.0.1:7420`. */
  readonly url: string
  /** Of gRPC, as in `http://127.0.0.1:7421`; `null`: there is none. */
  readonly grpcUrl: string | null
  /** Why keys, public keys of tokens or the files of TLS could not be read again, while those read last count; `null`: they could. */
  readonly problem: string | null
  /**
   * Not ready any more; after `drainDelay` no new connections, streams end, and calls that run go on to their end, for
   * `drain` at the most. `now`, also in a second call: breaks everything off at once.
   */
  close(how?: 'drain' | 'now'): Promise<void>
}

const MEMBERS: Members<ListenOptions> = {
  host: true,
  port: true,
  grpcPort: true,
  reflection: true,
  tls: true,
  insecure: true,
  limits: true,
  drainDelay: true,
  drain: true,
}
const DEFAULT_HOST = '127.0.0.1'
const DEFAULT_PORT = 7_420
const DEFAULT_GRPC_PORT = 7_421
const DRAIN_MS = 25_000

/** @throws InvalidArgumentError if it would be open to others, if an address is not to be had, or an option is wrong */
export async function listen(answering: Answering, options: ListenOptions = {}): Promise<Listening> {
  const settled = checkListening(answering.authentication, options)
  const { host, port, grpcPort, limits } = settled
  const { logger, platform = systemPlatform } = answering
  const tls = options.tls === undefined ? null : await TlsFiles.open(options.tls, { logger, platform })
  const ports: Port[] = []
  try {
    const hosts = answering.authentication === 'none' && isLoopback(host) ? 'local' : 'any'
    const { door = new Doorkeeper({ platform, logger, perSecond: limits.harmPerSecond }) } = answering
    const common = { host, tls, limits, logger, door }
    ports.push(await openHttpPort({ ...common, port, hosts, fetch: answering.fetch }))
    if (grpcPort !== null && answering.grpc !== null)
      ports.push(await openGrpcPort({ ...common, port: grpcPort, server: answering.grpc }))
  } catch (error) {
    tls?.close()
    for (const one of ports) void one.leave()
    for (const one of ports) one.end()
    throw error
  }
  const urls = ports.map(({ at }) => urlOf(tls === null ? 'http' : 'https', host, at.port))
  const exit = new Exit(ports, { ...settled, platform, logger, draining: answering.draining })
  return {
    url: urls[0]!,
    grpcUrl: urls[1] ?? null,
    get problem() {
      return tls?.problem ?? null
    },
    async close(how = 'drain') {
      await exit.leave(how)
      tls?.close()
    },
  }
}

interface Settled {
  readonly host: string
  readonly port: number
  readonly grpcPort: number | null
  readonly limits: ListenLimits
  readonly delayMs: number
  readonly drainMs: number
}

/**
 * What `listen` would refuse before it listens.
 *
 * @throws InvalidArgumentError
 */
export function checkListening(authentication: 'none' | 'some', options: ListenOptions): Settled {
  checkMembers(options, MEMBERS, 'listen')
  const { host = DEFAULT_HOST, port = DEFAULT_PORT, grpcPort = DEFAULT_GRPC_PORT, insecure = {} } = options
  const encryption = options.tls === undefined ? 'none' : 'tls'
  checkOpenness({ host, authentication, encryption, insecure })
  if (options.tls !== undefined) checkTls(options.tls)
  checkPort(port, 'port')
  if (grpcPort !== false) checkPort(grpcPort, 'grpcPort')
  if (port !== 0 && port === grpcPort)
    throw new InvalidArgumentError(`REST and gRPC cannot share the port ${port}.`, {
      hint: 'Give each its own.',
    })
  return {
    host,
    port,
    grpcPort: grpcPort === false ? null : grpcPort,
    limits: listenLimits(options.limits),
    delayMs: msOf(options.drainDelay ?? 0),
    drainMs: msOf(options.drain ?? DRAIN_MS),
  }
}

/** @throws InvalidArgumentError */
function msOf(given: Duration): number {
  return Number(duration(typeof given === 'number' ? `${given}ms` : given))
}

function checkPort(port: number, what: string): void {
  if (Number.isInteger(port) && port >= 0 && port <= 65_535) return
  throw new InvalidArgumentError(`${what} is ${port}.`, { hint: 'Give a whole number from 0 to 65535.' })
}

interface ExitParts extends Pick<Settled, 'delayMs' | 'drainMs'> {
  readonly platform: Platform
  readonly logger: Logger
  readonly draining: Draining
}

/** The way out: once, and hurried by a second call. */
class Exit {
  readonly #ports: readonly Port[]
  readonly #parts: ExitParts
  readonly #hurry = Promise.withResolvers<void>()
  #left: Promise<void> | undefined

  constructor(ports: readonly Port[], parts: ExitParts) {
    this.#ports = ports
    this.#parts = parts
  }

  leave(how: 'drain' | 'now'): Promise<void> {
    if (how === 'now') this.#hurry.resolve()
    this.#left ??= this.#leave()
    return this.#left
  }

  async #leave(): Promise<void> {
    const { draining, delayMs, drainMs, logger } = this.#parts
    draining.leave()
    if (delayMs > 0) await this.#within(delayMs)
    const left = Promise.all(this.#ports.map((port) => port.leave()))
    draining.end()
    const how = await this.#within(drainMs, left)
    if (how === 'over') return
    logger.warn('Calls that still ran are broken off.')
    for (const port of this.#ports) port.end()
    await left
  }

  /** Until it is over, its time has passed, or somebody hurries. */
  async #within(ms: number, work?: Promise<unknown>): Promise<'over' | 'not over'> {
    const late = Promise.withResolvers<'not over'>()
    const timer = this.#parts.platform.setTimer(ms, () => late.resolve('not over'), 'holds')
    const hurried = this.#hurry.promise.then(() => 'not over' as const)
    const over = work?.then(() => 'over' as const)
    try {
      return await Promise.race([late.promise, hurried, ...(over === undefined ? [] : [over])])
    } finally {
      timer.cancel()
    }
  }
}

function urlOf(scheme: 'http' | 'https', host: string, port: number): string {
  const shown = host.includes(':') && !host.startsWith('[') ? `[${host}]` : host
  return `${scheme}://${shown}:${port}`
}
