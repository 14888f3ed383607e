/** Certificates for a test, made by openssl: an authority, and what it signs. */
import { execFileSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'

/** Paths of files in PEM. */
export interface CertificateFiles {
  readonly cert: string
  readonly key: string
}

export interface Authority extends CertificateFiles {
  /** The certificate itself. */
  readonly pem: string
  /** @param name the common name; its files are named after it, too, unless `as` says otherwise */
  issue(name: string, options?: IssueOptions): CertificateFiles
}

interface IssueOptions {
  readonly as?: string | undefined
  /** Names beside it. Default: those of this machine. */
  readonly names?: string | undefined
}

const KEY = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes']
const HERE = 'DNS:localhost,IP:127.0.0.1,IP:::1'

/** @param folder that holds the files */
export function newAuthority(folder: string, name = 'authority'): Authority {
  const cert = join(folder, `${name}.pem`)
  const key = join(folder, `${name}.key`)
  openssl(['req', '-x509', ...KEY, '-keyout', key, '-out', cert, '-days', '2', '-subj', `/CN=${name}`])
  return {
    cert,
    key,
    pem: readFileSync(cert, 'utf8'),
    issue(common, { as = common, names = HERE } = {}) {
      const files = { cert: join(folder, `${as}.pem`), key: join(folder, `${as}.key`) }
      const signed = ['-CA', cert, '-CAkey', key, '-keyout', files.key, '-out', files.cert, '-days', '1']
      const extensions = [
        '-addext',
        `subjectAltName=${names}`,
        '-addext',
        'basicConstraints=critical,CA:FALSE',
      ]
      openssl(['req', '-x509', ...KEY, ...signed, '-subj', `/CN=${common}`, ...extensions])
      return files
    },
  }
}

function openssl(args: readonly string[]): void {
  execFileSync('openssl', args, { stdio: ['ignore', 'ignore', 'pipe'] })
}
