/** Clients that are known by the certificate which TLS has checked. */
import type { PeerCertificate } from 'node:tls'
import type { CertificateSubject, Grant, Identity } from './caller.ts'
import { grantsOf, type GrantOptions } from './grants.ts'

/** Grants by the common name of a certificate, or by a DNS or URI name of it. */
export type CertificateGrants = Readonly<Record<string, readonly GrantOptions[]>>

/** @throws InvalidArgumentError */
export function certificateBook(given: CertificateGrants): (subject: CertificateSubject) => Identity | null {
  const known = new Map<string, readonly Grant[]>(
    Object.entries(given).map(([name, grants]) => [name, grantsOf(grants, `the certificate ${name}`)]),
  )
  return ({ commonName, names }) => {
    for (const name of [commonName, ...names]) {
      const grants = name === null ? undefined : known.get(name)
      if (grants !== undefined) return { name: `certificate:${name}`, grants }
    }
    return null
  }
}

/** What is told of a certificate. One that says more than one common name has none. */
export function subjectOf({ subject, subjectaltname = '' }: PeerCertificate): CertificateSubject {
  const common: unknown = subject?.CN
  const names: string[] = []
  // Node quotes a name that holds a comma or a quotation mark: such a one is no name of a client
  if (!subjectaltname.includes('"'))
    for (const part of subjectaltname.split(', ')) {
      const [, name] = /^(?:DNS|URI):(.+)$/.exec(part) ?? []
      if (name !== undefined) names.push(name)
    }
  return { commonName: typeof common === 'string' ? common : null, names }
}
