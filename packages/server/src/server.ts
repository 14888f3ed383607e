/** The server of a client's store. */
import { InvalidArgumentError, type Mill } from '@millrace/core'
import { QueuePattern } from './access/queue-pattern.ts'
import { restApp, type RequestMeta, type RestOptions } from './rest/app.ts'
import type { Authenticator, Identity } from './access/caller.ts'
import type { Audit } from './audit/audit.ts'
import type { ServerParts } from './parts.ts'
import type { Redact } from './service/redaction.ts'

/** How a server is made. */
export interface ServerOptions extends RestOptions {
  /**
   * Tells who calls. Default: nobody is asked, and everybody may do anything; then only requests to this machine by its
   * loopback names are served.
   */
  readonly authenticator?: Authenticator | undefined
  /** What is shown in the place of what users put into tasks. Default: the value itself. */
  readonly redact?: Redact | undefined
  /** Keeps what operators did. Default: the client's logger, at `info`. */
  readonly audit?: Audit | undefined
}

/** A server. */
export interface Server {
  /** Answers a request, as `fetch` of a web framework's does; it never rejects. */
  fetch(request: Request, meta?: RequestMeta): Promise<Response>
  /** Refuses new requests, ends streams and waits, and resolves when the others are answered. The client stays open. */
  close(): Promise<void>
}

/** A part of the server that answers the requests that are its own; `undefined`: another one does. */
export type Room = (request: Request, meta: RequestMeta) => Promise<Response> | undefined

/**
 * The server of a client's store. Nothing is listened on: `fetch` is for whoever does.
 *
 * @throws InvalidArgumentError
 */
export function createServer(mill: Mill, options: ServerOptions = {}): Server {
  const { authenticator, redact, audit, ...rest } = options
  const parts = partsOf(mill, { authenticator, redact, audit })
  const hosts = rest.hosts ?? (authenticator === undefined ? 'loopback' : 'any')
  const app = restApp(parts, { ...rest, hosts })
  // Who is asked first answers first: /livez, /readyz and /metrics have their place here, before the API.
  const rooms: readonly Room[] = [(request, meta) => app.fetch(request, meta)]
  return {
    async fetch(request, meta = {}) {
      for (const room of rooms) {
        const answering = room(request, meta)
        if (answering !== undefined) return answering
      }
      return new Response(null, { status: 404 })
    },
    close: () => app.close(),
  }
}

/**
 * What the rooms of a server share.
 *
 * @throws InvalidArgumentError
 */
function partsOf(
  mill: Mill,
  { authenticator, redact, audit }: Pick<ServerOptions, 'authenticator' | 'redact' | 'audit'>,
): ServerParts {
  const given: unknown = mill
  if (typeof given !== 'object' || given === null || !('~served' in given))
    throw new InvalidArgumentError('The server has no client to stand for.', {
      hint: 'Give what connect answers.',
    })
  const { store, platform, logger } = mill['~served']
  return {
    mill,
    store,
    platform,
    logger,
    authenticator: authenticator ?? OPEN,
    audit: audit ?? loggedAudit(logger),
    redact: redact ?? ((value) => value),
  }
}

const EVERYBODY: Identity = {
  name: 'anonymous',
  grants: [{ role: 'admin', queues: [new QueuePattern('**')] }],
}

/** Lets everybody in. */
const OPEN: Authenticator = { authenticate: () => Promise.resolve(EVERYBODY) }

function loggedAudit(logger: ServerParts['logger']): Audit {
  return {
    note(entry) {
      logger.info({ audit: entry }, `${entry.caller} called ${entry.call}`)
      return Promise.resolve()
    },
  }
}
