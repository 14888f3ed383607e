/** What came with a call that tells who makes it. */
import type { Metadata } from '@grpc/grpc-js'
import type { TLSSocket } from 'node:tls'
import type { CertificateSubject, Credentials } from '../access/caller.ts'

/** What of a call tells who makes it. */
export interface CallOrigin {
  readonly metadata: Metadata
  getAuthContext(): { readonly sslPeerCertificate?: ReturnType<TLSSocket['getPeerCertificate']> }
}

export function credentialsOf(call: CallOrigin): Credentials {
  const [authorization] = call.metadata.get('authorization')
  return {
    authorization: typeof authorization === 'string' ? authorization : null,
    certificate: subjectOf(call.getAuthContext().sslPeerCertificate),
  }
}

function subjectOf(
  certificate: ReturnType<TLSSocket['getPeerCertificate']> | undefined,
): CertificateSubject | null {
  if (certificate?.subject === undefined) return null
  const { CN } = certificate.subject
  const names = (certificate.subjectaltname ?? '')
    .split(', ')
    .flatMap((name) => /^(?:DNS|URI):(.*)$/.exec(name)?.[1] ?? [])
  return { commonName: (Array.isArray(CN) ? CN[0] : CN) ?? null, names }
}
