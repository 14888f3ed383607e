/** What a connection tells of who is at its other end. */
import type { Socket } from 'node:net'
import { TLSSocket } from 'node:tls'
import { subjectOf } from '../access/certificates.ts'
import type { Credentials } from '../access/caller.ts'

/** The address, and the subject of a certificate if TLS has checked one. */
export function peerOf(socket: Socket): Required<Pick<Credentials, 'certificate' | 'address'>> {
  const address = socket.remoteAddress ?? null
  if (!(socket instanceof TLSSocket) || !socket.authorized) return { address, certificate: null }
  const certificate = socket.getPeerCertificate()
  return { address, certificate: 'raw' in certificate ? subjectOf(certificate) : null }
}

/** Whether the client showed a certificate that does not hold: that is a mistake, also where none is needed. */
export function isForged(socket: TLSSocket): boolean {
  return !socket.authorized && 'raw' in socket.getPeerCertificate()
}
