/** The server is not open by mistake: what it takes to listen where others can reach it. */
import { InvalidArgumentError } from '@millrace/core'

/** What somebody takes upon himself. */
export interface InsecureOptions {
  /** Everybody who reaches the address may do everything. */
  readonly noAuth?: boolean | undefined
  /** Who listens on the way reads credentials and payloads: for a server behind a proxy that has TLS. */
  readonly noTls?: boolean | undefined
}

interface Plan {
  readonly host: string
  readonly authentication: 'none' | 'some'
  readonly encryption: 'none' | 'tls'
  readonly insecure: InsecureOptions
}

/** @throws InvalidArgumentError with what to do */
export function checkOpenness({ host, authentication, encryption, insecure }: Plan): void {
  if (isLoopback(host)) return
  if (authentication === 'none' && insecure.noAuth !== true) {
    throw new InvalidArgumentError(
      `${host} can be reached by others, and nobody would be asked who they are.`,
      {
        hint: 'Make a key (millrace keys create) and give --keys FILE (auth: { keys }), or stay on 127.0.0.1; --allow-no-auth (insecure: { noAuth: true }) if everybody there may do everything.',
      },
    )
  }
  if (encryption === 'none' && insecure.noTls !== true) {
    throw new InvalidArgumentError(`${host} can be reached by others, and everything would go unencrypted.`, {
      hint: 'Give --tls-cert and --tls-key (tls: { cert, key }), or stay on 127.0.0.1; --allow-no-tls (insecure: { noTls: true }) behind a proxy that has TLS.',
    })
  }
}

/** Whether only this machine reaches an address. A name may lead anywhere, but for `localhost`. */
export function isLoopback(host: string): boolean {
  return host === 'localhost' || host === '::1' || host === '[::1]' || /^127(\.\d{1,3}){3}$/.test(host)
}
