/** A server of gRPC on the loopback before a store, and clients of it. */
import { ServerCredentials, type Server } from '@grpc/grpc-js'
import { AccessError, Mill, systemPlatform, type Logger } from '@millrace/core'
import type { Store } from '@millrace/core/store'
import { newGrpcServer } from '../src/grpc/server.ts'
import { QueuePattern } from '../src/access/queue-pattern.ts'
import { RemoteStore } from '../src/remote/index.ts'
import type { Role } from '../src/access/roles.ts'
import type { Identity } from '../src/access/caller.ts'
import type { AuditEntry } from '../src/audit/audit.ts'
import { AS_IT_IS, type Redact } from '../src/service/redaction.ts'
import type { ServerParts } from '../src/parts.ts'

export const ADMIN = 'admin-token'

const silent: Logger = { debug() {}, info() {}, warn() {}, error() {} }

export interface Harness extends AsyncDisposable {
  readonly parts: ServerParts
  readonly port: number
  readonly url: string
  /** Tokens that are known; what is taken away is revoked. */
  readonly tokens: Map<string, Identity>
  readonly audited: AuditEntry[]
  readonly server: Server
  /** An open store over the server. */
  open(token?: string): Promise<RemoteStore>
  /** Ends the server as a crash would. */
  kill(): void
}

export function identity(name: string, role: Role, queues: readonly string[] = ['**']): Identity {
  return { name, grants: [{ role, queues: queues.map((queue) => new QueuePattern(queue)) }] }
}

export interface HarnessOptions {
  readonly port?: number
  readonly tokens?: Map<string, Identity>
  readonly logger?: Logger
  readonly redact?: Redact
}

/** @param store open; it stays the caller's to close */
export async function serve(store: Store, options: HarnessOptions = {}): Promise<Harness> {
  const tokens = options.tokens ?? new Map([[ADMIN, identity('key:admin', 'admin')]])
  const audited: AuditEntry[] = []
  const logger = options.logger ?? silent
  const parts: ServerParts = {
    mill: new Mill(store, { logger }),
    store,
    platform: systemPlatform,
    logger,
    authenticator: {
      authenticate: async ({ authorization }) => {
        const known = tokens.get(authorization?.replace(/^Bearer /, '') ?? '')
        if (known === undefined) throw new AccessError('unauthenticated', 'This credential is not known.')
        return known
      },
    },
    audit: { note: async (entry) => void audited.push(entry) },
    redact: options.redact ?? AS_IT_IS,
  }
  const ending = new AbortController()
  const server = newGrpcServer(parts, { signal: ending.signal })
  const port = await listen(server, options.port ?? 0)
  const stores: RemoteStore[] = []
  const url = `http://127.0.0.1:${port}`
  return {
    parts,
    port,
    url,
    tokens,
    audited,
    server,
    open: async (token = ADMIN) => {
      const remote = new RemoteStore({ url, token })
      await remote.open()
      stores.push(remote)
      return remote
    },
    kill: () => server.forceShutdown(),
    [Symbol.asyncDispose]: async () => {
      await Promise.all(stores.map((one) => one.close()))
      ending.abort()
      server.forceShutdown()
    },
  }
}

function listen(server: Server, port: number): Promise<number> {
  return new Promise((resolve, reject) => {
    server.bindAsync(`127.0.0.1:${port}`, ServerCredentials.createInsecure(), (error, bound) =>
      error === null ? resolve(bound) : reject(error),
    )
  })
}
