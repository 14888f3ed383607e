/**
 * How calls come in: where REST and gRPC are put together with what listens. Both are loaded when a server starts, and not
 * by those who import something else of this package.
 */
import { codeOf } from '@millrace/core'
import type { Server } from '@grpc/grpc-js'
import type { Draining } from './listen/draining.ts'
import type { Fetch } from './listen/http-port.ts'
import type { ListenLimits } from './listen/limits.ts'
import type { ServerParts } from './parts.ts'

export interface TransportParts extends ServerParts {
  readonly draining: Draining
  readonly limits: ListenLimits
  /** What is the matter with files that the server reads; `null`: nothing. */
  readonly problem: () => string | null
}

export interface Transports {
  readonly fetch: Fetch
  /** With its services, bound to no port; `null`: there is none. */
  readonly grpc: Server | null
}

/** To be joined with `createServer` and `newGrpcServer`. */
export function newTransports(parts: TransportParts): Promise<Transports> {
  const fetch: Fetch = async (request, meta) => {
    const { pathname } = new URL(request.url)
    if (pathname === '/livez') return Response.json({ status: 'alive' })
    if (pathname === '/readyz') {
      const isReady = !parts.draining.leaving.aborted
      return Response.json({ status: isReady ? 'ready' : 'not-ready' }, { status: isReady ? 200 : 503 })
    }
    const authorization = request.headers.get('authorization')
    try {
      const credentials = { authorization, certificate: meta.certificate ?? null, address: meta.address }
      const { name } = await parts.authenticator.authenticate(credentials)
      return Response.json({ caller: name }, { status: 404 })
    } catch (error) {
      const code = codeOf(error)
      return Response.json({ code }, { status: code === 'backpressure' ? 429 : 401 })
    }
  }
  return Promise.resolve({ fetch, grpc: null })
}
