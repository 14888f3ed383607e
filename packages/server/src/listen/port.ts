/** What both ports have in common. */
import type { AddressInfo, BlockList, Server } from 'node:net'
import { InvalidArgumentError, type Logger } from '@millrace/core'
import type { Doorkeeper } from './doorkeeper.ts'
import type { ListenLimits } from './limits.ts'
import type { TlsFiles } from './tls-files.ts'

export interface PortPlan {
  readonly host: string
  /** 0: any that is free. */
  readonly port: number
  readonly tls: TlsFiles | null
  readonly limits: ListenLimits
  readonly door: Doorkeeper
  readonly logger: Logger
}

/** A port that is open. */
export interface Port {
  readonly at: AddressInfo
  /** Takes no more connections; resolves when those that are open have ended by themselves. */
  leave(): Promise<void>
  /** Ends what is still open. */
  end(): void
}

/** Whom the doorkeeper turns away Node closes without making anything of the connection. */
interface Guarded {
  blockList: BlockList
}

/** @throws InvalidArgumentError if the address is not to be had */
export async function bound(server: Server, { host, port, door }: PortPlan): Promise<AddressInfo> {
  // an option of net's own servers, which those of HTTP and TLS do not hand on
  ;(server as Server & Guarded).blockList = door
  await new Promise<void>((resolve, reject) => {
    const fail = (cause: NodeJS.ErrnoException): void => reject(unavailable(cause, host, port))
    server.once('error', fail)
    server.listen({ host: host.replace(/^\[(.*)\]$/, '$1'), port }, () => {
      server.off('error', fail)
      resolve()
    })
  })
  return server.address() as AddressInfo
}

const HINTS: Readonly<Record<string, string>> = {
  EADDRINUSE:
    'Something listens there already, maybe another Millrace: choose another port (--port, --grpc-port).',
  EACCES: 'Ports below 1024 are for root: choose another port (--port, --grpc-port).',
  EADDRNOTAVAIL: 'This machine has no such address: choose another host (--host).',
  ENOTFOUND: 'There is no such host: give an address of this machine (--host).',
}

function unavailable(cause: NodeJS.ErrnoException, host: string, port: number): InvalidArgumentError {
  const code = cause.code ?? 'unknown'
  return new InvalidArgumentError(`Nothing can listen on ${host}:${port} (${code}).`, {
    hint: HINTS[code] ?? 'Choose another host or port.',
    cause,
  })
}
