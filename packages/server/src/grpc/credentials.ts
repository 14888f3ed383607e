/** What came with a call that tells who makes it. */
import type { Metadata } from '@grpc/grpc-js'
import type { TLSSocket } from 'node:tls'
import { subjectOf } from '../access/certificates.ts'
import type { Credentials } from '../access/caller.ts'

/** What of a call tells who makes it. */
export interface CallOrigin {
  readonly metadata: Metadata
  getPeer(): string
  getAuthContext(): { readonly sslPeerCertificate?: ReturnType<TLSSocket['getPeerCertificate']> }
}

export function credentialsOf(call: CallOrigin): Credentials {
  const [authorization] = call.metadata.get('authorization')
  const { sslPeerCertificate: certificate } = call.getAuthContext()
  return {
    authorization: typeof authorization === 'string' ? authorization : null,
    certificate: certificate?.subject === undefined ? null : subjectOf(certificate),
    address: addressOf(call.getPeer()),
  }
}

/** Without the port. Where it is not known there is none. */
function addressOf(peer: string): string | null {
  const at = peer.lastIndexOf(':')
  return at < 0 ? null : peer.slice(0, at)
}
