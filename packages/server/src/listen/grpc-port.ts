/**
 * The port of gRPC. The connections are ours, and are handed to grpc-js when TLS has been agreed on: so certificates
 * change without a restart, and connections are counted, as on the other port.
 */
import { createServer, type Socket } from 'node:net'
import { createServer as createSecureServer, type TLSSocket } from 'node:tls'
import type { Server } from '@grpc/grpc-js'
import { limitConnections } from './http-port.ts'
import { isForged } from './peer.ts'
import { bound, type Port, type PortPlan } from './port.ts'

interface GrpcPlan extends PortPlan {
  /** With its services, bound to no port. */
  readonly server: Server
}

export async function openGrpcPort(plan: GrpcPlan): Promise<Port> {
  const { ServerCredentials } = await import('@grpc/grpc-js')
  const { server, logger, limits, door } = plan
  const injector = server.createConnectionInjector(ServerCredentials.createInsecure())
  const sockets = new Set<Socket>()
  const take = (socket: Socket): void => {
    sockets.add(socket)
    const { remoteAddress, remotePort } = socket
    socket.once('close', () => {
      sockets.delete(socket)
      door.left(`${remoteAddress}:${remotePort}`, remoteAddress)
    })
    // whatever becomes of it: its session is told by itself
    socket.on('error', (error) => logger.debug({ err: error }, 'A connection of gRPC has failed.'))
    injector.injectConnection(socket)
  }
  const listener = newListener(plan, take)
  limitConnections(listener, limits, logger)
  const at = await bound(listener, plan)
  return {
    at,
    async leave(): Promise<void> {
      const closed = new Promise<void>((resolve) => listener.close(() => resolve()))
      // sends GOAWAY, and lets calls end
      await new Promise<void>((resolve, reject) =>
        server.tryShutdown((error) => (error === undefined ? resolve() : reject(error))),
      )
      await closed
    },
    end(): void {
      server.forceShutdown()
      for (const socket of sockets) socket.destroy()
    },
  }
}

function newListener(
  { tls, limits, logger }: GrpcPlan,
  take: (socket: Socket) => void,
): ReturnType<typeof createServer> {
  if (tls === null) return createServer({ noDelay: true }, take)
  const server = createSecureServer({
    ...tls.context,
    ...tls.asking,
    ALPNProtocols: ['h2'],
    handshakeTimeout: limits.handshakeTimeoutMs,
    noDelay: true,
  })
  tls.onChange((context) => server.setSecureContext(context))
  server.on('secureConnection', (socket: TLSSocket) => {
    if (isForged(socket)) socket.destroy()
    else take(socket)
  })
  server.on('tlsClientError', (error) => logger.debug({ err: error }, 'TLS was not agreed on.'))
  return server
}
