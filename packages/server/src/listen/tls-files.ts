/** The certificate of the server, its key and whom it trusts, from files that may change while it runs. */
import { createPrivateKey, X509Certificate } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import { createSecureContext, type SecureContextOptions } from 'node:tls'
import { checkMembers, InvalidArgumentError, type Logger, type Members, type Platform } from '@millrace/core'
import { stampOf } from '../access/keys/file.ts'

/** Paths of files in PEM. They are read again within 2 s when they change; connections that are open go on. */
export interface TlsOptions {
  /** The server's certificate, with those between it and the root behind it. */
  readonly cert: string
  readonly key: string
  /** Who signs the certificates of clients. */
  readonly ca?: string | undefined
  /** Default `required` where there is a `ca`. A certificate that does not hold is refused either way. */
  readonly clientCertificates?: 'required' | 'accepted' | undefined
}

interface TlsFilesParts {
  readonly logger: Logger
  readonly platform: Platform
}

const MEMBERS: Members<TlsOptions> = { cert: true, key: true, ca: true, clientCertificates: true }
const LOOK_MS = 1_000
const SOON_MS = 7 * 86_400_000

/**
 * What can be told without the files.
 *
 * @throws InvalidArgumentError
 */
export function checkTls(options: TlsOptions): void {
  checkMembers(options, MEMBERS, 'tls')
  for (const name of ['cert', 'key'] as const) {
    if (typeof options[name] !== 'string')
      throw new InvalidArgumentError(`It is not said which file tls.${name} is.`, {
        hint: 'A certificate and its key go together: --tls-cert and --tls-key (tls: { cert, key }).',
      })
  }
  if (options.clientCertificates !== undefined && options.ca === undefined)
    throw new InvalidArgumentError('Nobody is named who signs the certificates of clients.', {
      hint: 'Give tls.ca (--tls-client-ca), a file of certificates.',
    })
}

export class TlsFiles {
  readonly #options: TlsOptions
  readonly #parts: TlsFilesParts
  readonly #listeners = new Set<(context: SecureContextOptions) => void>()
  #context: SecureContextOptions = {}
  #stamp = ''
  #problem: string | null = null
  #timer: { cancel(): void } | undefined
  #closed = false

  private constructor(options: TlsOptions, parts: TlsFilesParts) {
    this.#options = options
    this.#parts = parts
  }

  /** @throws InvalidArgumentError if they are not there, or do not belong together */
  static async open(options: TlsOptions, parts: TlsFilesParts): Promise<TlsFiles> {
    checkTls(options)
    const files = new TlsFiles(options, parts)
    await files.#read()
    files.#lookLater()
    return files
  }

  get context(): SecureContextOptions {
    return this.#context
  }

  /** What a server is made with, beside the context. */
  get asking(): { readonly requestCert: boolean; readonly rejectUnauthorized: boolean } {
    const { ca, clientCertificates = 'required' } = this.#options
    return {
      requestCert: ca !== undefined,
      rejectUnauthorized: ca !== undefined && clientCertificates === 'required',
    }
  }

  /** What is the matter with the files; `null`: nothing. Meanwhile those read last count. */
  get problem(): string | null {
    return this.#problem
  }

  /** Calls `changed` whenever there are new files that hold. */
  onChange(changed: (context: SecureContextOptions) => void): void {
    this.#listeners.add(changed)
  }

  /** Looks now, without waiting for its time. */
  async look(): Promise<void> {
    try {
      const changed = await this.#read()
      this.#problem = null
      if (changed) this.#parts.logger.info('The certificate was read again.')
    } catch (error) {
      const problem = error instanceof Error ? error.message : String(error)
      if (problem !== this.#problem)
        this.#parts.logger.error({ err: error }, 'The new certificate is none: the old one still counts.')
      this.#problem = problem
    }
  }

  close(): void {
    this.#closed = true
    this.#timer?.cancel()
  }

  #lookLater(): void {
    if (this.#closed) return
    const look = async (): Promise<void> => {
      await this.look()
      this.#lookLater()
    }
    this.#timer = this.#parts.platform.setTimer(LOOK_MS, () => void look(), 'idle')
  }

  async #read(): Promise<boolean> {
    const { cert, key, ca } = this.#options
    const paths = ca === undefined ? [cert, key] : [cert, key, ca]
    // told before they are read: what changes in between is read once more
    const stamp = (await Promise.all(paths.map((path) => named(path, stampOf(path))))).join(' ')
    if (stamp === this.#stamp) return false
    const [certText, keyText, caText] = await Promise.all(
      paths.map((path) => named(path, readFile(path, 'utf8'))),
    )
    const context: SecureContextOptions = {
      cert: certText,
      key: keyText,
      ...(caText === undefined ? {} : { ca: caText }),
      minVersion: 'TLSv1.2',
      honorCipherOrder: true,
    }
    this.#check(context, certText!, keyText!)
    const isFirst = this.#stamp === ''
    this.#stamp = stamp
    this.#context = context
    if (!isFirst) for (const changed of this.#listeners) changed(context)
    return !isFirst
  }

  #check(context: SecureContextOptions, cert: string, key: string): void {
    const { cert: path } = this.#options
    let certificate
    try {
      certificate = new X509Certificate(cert)
      // an empty one would be taken for none
      if (!certificate.checkPrivateKey(createPrivateKey(key))) throw new Error('the key is another one’s')
      createSecureContext(context)
    } catch (cause) {
      throw new InvalidArgumentError(`The certificate ${path} cannot be used: ${reasonOf(cause)}`, {
        hint: 'tls.cert and tls.key (--tls-cert, --tls-key) are files in PEM that belong together.',
        cause,
      })
    }
    const left = certificate.validToDate.getTime() - this.#parts.platform.wallMs()
    if (left < SOON_MS)
      this.#parts.logger.warn(
        { file: path, until: certificate.validTo },
        left < 0 ? 'The certificate has run out.' : 'The certificate runs out soon.',
      )
  }
}

async function named<T>(path: string, reading: Promise<T>): Promise<T> {
  try {
    return await reading
  } catch (cause) {
    throw new InvalidArgumentError(`${path} cannot be read: ${reasonOf(cause)}`, {
      hint: 'tls names files in PEM which the server may read.',
      cause,
    })
  }
}

function reasonOf(cause: unknown): string {
  return cause instanceof Error ? cause.message : String(cause)
}
