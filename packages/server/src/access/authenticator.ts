/** Who calls, told by any of several kinds of credentials. */
import {
  AccessError,
  BackpressureError,
  checkMembers,
  InvalidArgumentError,
  StoreError,
  type Logger,
  type Members,
  type Platform,
} from '@millrace/core'
import { Attempts, sourceOf } from './attempts.ts'
import { certificateBook, type CertificateGrants } from './certificates.ts'
import { grantsOf, type GrantOptions } from './grants.ts'
import { jwtVerifier, type JwtIdentity, type JwtOptions, type JwtVerifier } from './jwt.ts'
import { KeyBook, type KeySource } from './keys/key-book.ts'
import { QueuePattern } from './queue-pattern.ts'
import type { Reloads, ReloadSource } from '../health/reloads.ts'
import type { Authenticator, CertificateSubject, Credentials, Identity } from './caller.ts'

/** Who calls, as a function of yours says it. */
export interface NamedGrants {
  /** Names the credential, in logs and in the audit. */
  readonly name: string
  readonly grants: readonly GrantOptions[]
}

/** By what callers are known; each that is named counts. */
export interface AuthSources {
  /** API keys: the path of the file that `millrace keys` writes, a list, or a function that answers one. */
  readonly keys?: KeySource | undefined
  readonly jwt?: JwtOptions | undefined
  /** Grants by the subject of certificates that TLS has checked. */
  readonly certificates?: CertificateGrants | undefined
  /** Asked for what no other source takes by its form; `null`: nobody. What it answers is remembered for 2 s at the most. */
  readonly authenticate?:
    | ((credentials: Credentials) => NamedGrants | null | Promise<NamedGrants | null>)
    | undefined
}

/** `none`: everybody may do everything. */
export type AuthOptions = 'none' | AuthSources

interface AuthenticatorParts {
  readonly logger: Logger
  readonly platform: Platform
}

/** An authenticator that looks after files and what it remembers, until it is closed. */
export interface OpenAuthenticator extends Authenticator {
  /** Whether callers are told apart at all. */
  readonly kind: 'none' | 'some'
  /** What it reads again while it runs. */
  readonly reloads: Reloads
  close(): void
}

const MEMBERS: Members<AuthSources> = { keys: true, jwt: true, certificates: true, authenticate: true }
const REMEMBERED_MS = 2_000
const REMEMBERED_MAX = 1_000
const HEADER_LENGTH_MAX = 8_192
/** As in RFC 6750. */
const BEARER = /^Bearer +([A-Za-z0-9\-._~+/]+=*) *$/i
const JWT = /^[\w-]+\.[\w-]+\.[\w-]+$/

/** @throws InvalidArgumentError; errors of the file system, for keys in a file */
export async function newAuthenticator(
  auth: AuthOptions,
  parts: AuthenticatorParts,
): Promise<OpenAuthenticator> {
  if (auth === 'none') return OPEN
  checkMembers(auth, MEMBERS, 'auth')
  const { keys, jwt, certificates, authenticate } = auth
  if ([keys, jwt, certificates, authenticate].every((source) => source === undefined))
    throw new InvalidArgumentError('auth names nothing by which callers are known.', {
      hint: "Give keys, jwt, certificates or authenticate; 'none' lets everybody do everything.",
    })
  return new Sources(
    {
      keys: keys === undefined ? null : await KeyBook.open(keys, parts),
      jwt: jwt === undefined ? null : await jwtVerifier(jwt, parts),
      certificate: certificates === undefined ? null : certificateBook(certificates),
      authenticate: authenticate ?? null,
    },
    parts,
  )
}

const EVERYBODY: Identity = { name: 'anybody', grants: [{ role: 'admin', queues: [new QueuePattern('**')] }] }
const OPEN: OpenAuthenticator = {
  kind: 'none',
  reloads: new Map(),
  authenticate: () => Promise.resolve(EVERYBODY),
  close: () => undefined,
}

interface Opened {
  readonly keys: KeyBook | null
  readonly jwt: JwtVerifier | null
  readonly certificate: ((subject: CertificateSubject) => Identity | null) | null
  readonly authenticate: NonNullable<AuthSources['authenticate']> | null
}

interface Remembered {
  readonly untilMs: number
  readonly identity: Promise<Identity>
}

class Sources implements OpenAuthenticator {
  readonly kind = 'some'
  readonly #sources: Opened
  readonly #parts: AuthenticatorParts
  readonly #attempts: Attempts
  /** By what came with the call, oldest first. */
  readonly #remembered = new Map<string, Remembered>()

  constructor(sources: Opened, parts: AuthenticatorParts) {
    this.#sources = sources
    this.#parts = parts
    this.#attempts = new Attempts(parts.platform)
  }

  get reloads(): Reloads {
    const { keys, jwt } = this.#sources
    const found = new Map<ReloadSource, string | null>()
    if (keys !== null) found.set('keys', keys.problem)
    if (jwt?.isFetching === true) found.set('jwks', jwt.problem)
    return found
  }

  close(): void {
    this.#sources.keys?.close()
    this.#remembered.clear()
  }

  async authenticate(credentials: Credentials): Promise<Identity> {
    try {
      return await this.#identity(credentials)
    } catch (error) {
      if (error instanceof StoreError) this.#parts.logger.error({ err: error }, 'Callers cannot be told.')
      if (error instanceof BackpressureError || error instanceof StoreError) throw error
      return this.#refuse(error, credentials)
    }
  }

  /**
   * Which check it was is not for the caller. Who holds a good credential comes in whatever others at the same address do
   * (behind a proxy it is everybody's), so that nobody can lock another out.
   */
  #refuse(error: unknown, { address }: Credentials): never {
    this.#parts.logger.debug({ err: error, address }, 'A caller was not let in.')
    const source = sourceOf(address ?? 'unknown')
    this.#attempts.failed(source)
    this.#checkPatience(source)
    throw new AccessError('unauthenticated', 'The credential is missing, or does not count here.', {
      hint: 'Send the header Authorization: Bearer KEY, with a key of this server that has not run out.',
    })
  }

  #checkPatience(source: string): void {
    const retryAfterMs = this.#attempts.waitMs(source)
    if (retryAfterMs === 0) return
    throw new BackpressureError('Too many calls from this address were without a credential that counts.', {
      retryAfterMs,
    })
  }

  #identity(credentials: Credentials): Promise<Identity> {
    const { authorization, certificate } = credentials
    if (authorization !== null && authorization.length > HEADER_LENGTH_MAX)
      throw new Error('the header is too long')
    const isBare = authorization === null && certificate === null
    if (isBare && this.#sources.authenticate === null) throw new Error('there is no credential')
    const token = BEARER.exec(authorization ?? '')?.[1]
    // keys cost next to nothing, and are gone at once
    if (token?.startsWith('mr_') === true && this.#sources.keys !== null) return this.#byKey(token)
    if (isBare) return this.#prove(credentials, token)
    const key = this.#keyOf(credentials)
    const now = this.#parts.platform.monotonicMs()
    const known = this.#remembered.get(key)
    if (known !== undefined && known.untilMs > now) return known.identity
    const identity = this.#prove(credentials, token)
    this.#remember(key, identity, now)
    return identity
  }

  /**
   * All that the answer may depend on, each in its place: what is remembered of a certificate is nothing that a header
   * can say, and what a function was told counts for nobody who comes with less.
   */
  #keyOf({ authorization, certificate, address = null }: Credentials): string {
    return JSON.stringify([authorization, certificate, this.#sources.authenticate === null ? null : address])
  }

  async #byKey(token: string): Promise<Identity> {
    const found = this.#sources.keys!.find(token)
    if (found === null) throw new Error('there is no such key, or it counts no more')
    return found
  }

  async #prove(credentials: Credentials, token: string | undefined): Promise<Identity> {
    const { authorization, certificate } = credentials
    if (token !== undefined && JWT.test(token) && this.#sources.jwt !== null)
      return this.#sources.jwt.verify(token)
    // a header that does not count is not made good by a certificate
    if (authorization === null && certificate !== null) {
      const found = this.#sources.certificate?.(certificate) ?? null
      if (found !== null) return found
    }
    return this.#byFunction(credentials)
  }

  /** It may be slow, and may judge passwords: who failed too often is not even asked for. */
  async #byFunction(credentials: Credentials): Promise<Identity> {
    const { authenticate } = this.#sources
    if (authenticate === null) throw new Error('no source takes what came')
    this.#checkPatience(sourceOf(credentials.address ?? 'unknown'))
    const found = await asked(authenticate, credentials)
    if (found === null) throw new Error('the function knows nobody by it')
    return { name: found.name, grants: grantsOf(found.grants, found.name) }
  }

  #remember(key: string, identity: Promise<Identity>, now: number): void {
    const entry = { untilMs: now + REMEMBERED_MS, identity }
    this.#remembered.delete(key)
    this.#remembered.set(key, entry)
    if (this.#remembered.size > REMEMBERED_MAX) this.#remembered.delete(this.#remembered.keys().next().value!)
    const forget = (): void => {
      if (this.#remembered.get(key) === entry) this.#remembered.delete(key)
    }
    // what failed is asked again; what runs out sooner is not remembered at all
    identity.then((found) => {
      const { expiresAtMs = Infinity } = found as Partial<JwtIdentity>
      if (expiresAtMs < this.#parts.platform.wallMs() + REMEMBERED_MS) forget()
    }, forget)
  }
}

/** That it fails is no fault of who calls. */
async function asked(
  authenticate: NonNullable<AuthSources['authenticate']>,
  credentials: Credentials,
): Promise<NamedGrants | null> {
  try {
    return await authenticate(credentials)
  } catch (cause) {
    throw new StoreError('store-unavailable', 'The server cannot check credentials at present.', {
      effect: 'none',
      cause,
    })
  }
}
