/** What a Redis store may be told. */
import { checkMembers, InvalidArgumentError, type Members } from '@millrace/core/store'
import { guestOf, type Guest, type RedisClient } from './guests.ts'
import { checkCertificates } from './certificates.ts'
import { prefixOf } from './door.ts'

interface CommonOptions {
  /** Keeps several users of one database apart. Default `default`. */
  readonly namespace?: string | undefined
  /** Whether a store that is not there yet is made. Default true. */
  readonly migrate?: boolean | undefined
  /** Work even with a Redis that evicts data or keeps no append-only file. Default false. */
  readonly unsafe?: boolean | undefined
  /** How long an answer may take before the connection, or the call on a client of yours, is given up. Default 10 000. */
  readonly timeoutMs?: number | undefined
  /** Told what could not be checked. Default: a process warning. */
  readonly onWarning?: ((message: string) => void) | undefined
}

/** Where the server is, or a client of yours, and how the store uses it. */
export type RedisStoreOptions = CommonOptions &
  (
    | {
        /**
         * `redis://USER:PASSWORD@HOST:PORT/DATABASE`, or `rediss://` with TLS; `valkey://` and `valkeys://` are the same. Files of TLS, in PEM,
         * stand behind a `?`: `sslrootcert` (who is trusted; default: whom Node trusts), and `sslcert` with `sslkey`. They are read
         * anew for each connection.
         */
        readonly url: string
        readonly client?: undefined
      }
    /** Your own client: it is used, and never closed. Hints come by a duplicate of it, or by a cluster's own subscription. */
    | {
        readonly client: RedisClient
        /**
         * The URL of the same database; not for clusters. A worker's heartbeats then have a connection of their own on
         * another thread, where a client cannot go: without it a handler that blocks the main thread for longer than the
         * lease loses its task.
         */
        readonly url?: string | undefined
      }
  )

const REDIS_MEMBERS: Members<RedisStoreOptions> = {
  url: true,
  client: true,
  namespace: true,
  migrate: true,
  unsafe: true,
  timeoutMs: true,
  onWarning: true,
}

export interface CheckedOptions {
  /** The URL, or what the user's own client can do. */
  readonly server: string | Guest
  /** Another thread can connect by it; `undefined`: nobody said where the user's own client leads. */
  readonly url: string | undefined
  readonly namespace: string
  readonly migrate: boolean
  readonly unsafe: boolean
  readonly timeoutMs: number
  readonly onWarning: (message: string) => void
  /** Host and port, as they are shown. */
  readonly place: string
}

const SCHEMES: ReadonlyMap<string, string> = new Map([
  ['redis:', 'redis:'],
  ['rediss:', 'rediss:'],
  ['valkey:', 'redis:'],
  ['valkeys:', 'rediss:'],
])

const NAMESPACE = /^[A-Za-z0-9][A-Za-z0-9_.-]{0,127}$/

/** @throws InvalidArgumentError */
export function checkedOptions(options: RedisStoreOptions): CheckedOptions {
  checkMembers(options, REDIS_MEMBERS, 'the Redis store')
  const { namespace = 'default', migrate = true, unsafe = false, timeoutMs = 10_000 } = options
  const { onWarning = (message: string) => process.emitWarning(message) } = options
  if (typeof namespace !== 'string' || !NAMESPACE.test(namespace)) {
    throw new InvalidArgumentError(`The namespace is ${JSON.stringify(namespace)}.`, {
      hint: 'A namespace is up to 128 letters, digits and _ . - and begins with a letter or a digit.',
    })
  }
  if (!Number.isSafeInteger(timeoutMs) || timeoutMs < 100 || timeoutMs > 600_000) {
    throw new InvalidArgumentError(`timeoutMs is ${timeoutMs}.`, {
      hint: 'Give a whole number of milliseconds from 100 to 600000.',
    })
  }
  const address = options.url === undefined ? undefined : addressOf(options.url)
  const own =
    options.client === undefined
      ? address!
      : { server: checkedGuest(options.client, namespace), place: 'the address of your client' }
  return { ...own, url: address?.server, namespace, migrate, unsafe, timeoutMs, onWarning }
}

/** Errors never repeat the URL: it may hold a password. */
function addressOf(url: string): { readonly server: string; readonly place: string } {
  const [, scheme = '', rest = ''] = /^([a-z]+:)(\/\/.*)$/is.exec(url) ?? []
  const known = SCHEMES.get(scheme.toLowerCase())
  const parsed = known === undefined ? null : URL.parse(`${known}${rest}`)
  const database = parsed?.pathname.replace(/^\//, '') ?? ''
  // what stands behind # (or ?, unless it names certificates) is mostly a password that is not encoded: what looks like the host is part of it then
  const isWhole = parsed !== null && parsed.hash === '' && isEncoded(parsed)
  if (!isWhole || parsed.hostname === '' || !/^\d{0,5}$/.test(database)) {
    throw new InvalidArgumentError('The URL of the Redis store cannot be read.', {
      hint: 'Give redis://USER:PASSWORD@HOST:PORT/DATABASE, user and password percent-encoded; only the host is needed.',
    })
  }
  checkCertificates(parsed)
  return { server: parsed.href, place: `${parsed.hostname}:${parsed.port === '' ? '6379' : parsed.port}` }
}

function checkedGuest(client: RedisClient, namespace: string): Guest {
  const guest = guestOf(client, prefixOf(namespace))
  if (typeof guest !== 'string') return guest
  throw new InvalidArgumentError(`The client of the Redis store ${guest}.`, {
    hint: 'Give a client of node-redis (createClient, createCluster) or of ioredis (Redis, Cluster).',
  })
}

function isEncoded({ username, password }: URL): boolean {
  try {
    decodeURIComponent(`${username}${password}`)
    return true
  } catch {
    return false
  }
}
