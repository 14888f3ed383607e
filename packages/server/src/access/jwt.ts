/** Tokens that somebody else signs: JSON Web Tokens, by a set of public keys. */
import { AccessError, InvalidArgumentError, StoreError, type Logger, type Platform } from '@millrace/core'
import type { JSONWebKeySet, JWTPayload, JWTVerifyGetKey } from 'jose'
import { grantsOf, type GrantOptions } from './grants.ts'
import type { Identity } from './caller.ts'

/** How tokens are judged. */
export interface JwtOptions {
  /** Where the public keys are: an https: URL (http: on the loopback), or the set itself. */
  readonly jwks: string | URL | JSONWebKeySet
  /** What `iss` must be: this, or one of these. */
  readonly issuer: string | readonly string[]
  /** What `aud` must be or hold. */
  readonly audience: string | readonly string[]
  /** Default: all asymmetric ones that are known. Symmetric ones, and `none`, are refused whatever stands here. */
  readonly algorithms?: readonly string[] | undefined
  /** How far clocks may be apart, in seconds. Default 5, at most 300. */
  readonly clockToleranceSeconds?: number | undefined
  /** The claim that holds the grants: `[{ role, queues }]`. Default `millrace`. */
  readonly claim?: string | undefined
  /** What a token may do, in the place of its claim. */
  readonly grants?: ((payload: JWTPayload) => readonly GrantOptions[]) | undefined
}

/** Judges tokens. */
export interface JwtVerifier {
  verify(token: string): Promise<JwtIdentity>
  /** Why the public keys could not be fetched when that was last tried; `null`: they could, or are not to be fetched. */
  readonly problem: string | null
  /** Whether they are fetched at all. */
  readonly isFetching: boolean
}

/** Who comes by a token, and until when at the most. */
export interface JwtIdentity extends Identity {
  readonly expiresAtMs: number
}

const ASYMMETRIC = [
  'EdDSA',
  'Ed25519',
  'ES256',
  'ES384',
  'ES512',
  'PS256',
  'PS384',
  'PS512',
  'RS256',
  'RS384',
  'RS512',
]
const TOLERANCE_MAX_S = 300
const FETCH_MS = 5_000
/** Keys that are not known are asked for at most this often. */
const COOLDOWN_MS = 10_000
/** A key that its owner has taken back counts so long at the most. */
const CACHE_MS = 300_000
const NAME_LENGTH_MAX = 128

/** @throws InvalidArgumentError */
export async function jwtVerifier(
  options: JwtOptions,
  { platform, logger }: { readonly platform: Platform; readonly logger: Logger },
): Promise<JwtVerifier> {
  const algorithms = checkedAlgorithms(options.algorithms ?? ASYMMETRIC)
  const { issuer, audience, clockToleranceSeconds = 5, claim = 'millrace', grants } = options
  for (const [what, given] of Object.entries({ issuer, audience } as Partial<
    Pick<JwtOptions, 'issuer' | 'audience'>
  >)) {
    if (given === undefined || given.length === 0)
      throw new InvalidArgumentError(`The ${what} of tokens is not said.`, {
        hint: `Say which: --${what} (auth.jwt.${what}).`,
      })
  }
  if (!(clockToleranceSeconds >= 0 && clockToleranceSeconds <= TOLERANCE_MAX_S))
    throw new InvalidArgumentError(`clockToleranceSeconds is ${clockToleranceSeconds}.`, {
      hint: `Give seconds from 0 to ${TOLERANCE_MAX_S}.`,
    })
  const { jwtVerify, createLocalJWKSet, createRemoteJWKSet } = await import('jose')
  const { jwks } = options
  const isFetching = typeof jwks === 'string' || jwks instanceof URL
  const keys = isFetching
    ? createRemoteJWKSet(checkedUrl(jwks), {
        timeoutDuration: FETCH_MS,
        cooldownDuration: COOLDOWN_MS,
        cacheMaxAge: CACHE_MS,
      })
    : createLocalJWKSet(jwks)
  const fetched = new FetchedKeys(keys, logger)
  // the ada of one issuer is not that of another: whose sessions and idempotency keys they are goes by the name
  const isOneOfSeveral = new Set(typeof issuer === 'string' ? [issuer] : issuer).size > 1
  const verify = async (token: string): Promise<JwtIdentity> => {
    const { payload } = await jwtVerify(token, fetched.keyOf, {
      algorithms: [...algorithms],
      issuer: typeof issuer === 'string' ? issuer : [...issuer],
      audience: typeof audience === 'string' ? audience : [...audience],
      clockTolerance: clockToleranceSeconds,
      requiredClaims: ['exp', 'iss', 'aud'],
      currentDate: new Date(platform.wallMs()),
    })
    const given = grants === undefined ? payload[claim] : grants(payload)
    return {
      name: `jwt:${subjectOf(payload)}${isOneOfSeveral ? ` ${String(payload.iss)}` : ''}`,
      grants: grantsOf(given, 'the token'),
      expiresAtMs: payload.exp! * 1_000,
    }
  }
  return {
    verify,
    isFetching,
    get problem() {
      return fetched.problem
    },
  }
}

/** That the keys cannot be fetched is no fault of who calls: the token may count in a moment. */
class FetchedKeys {
  readonly #keys: JWTVerifyGetKey
  readonly #logger: Logger
  #problem: string | null = null

  constructor(keys: JWTVerifyGetKey, logger: Logger) {
    this.#keys = keys
    this.#logger = logger
  }

  get problem(): string | null {
    return this.#problem
  }

  readonly keyOf: JWTVerifyGetKey = async (header, token) => {
    try {
      const key = await this.#keys(header, token)
      this.#could()
      return key
    } catch (cause) {
      if (FAULTS_OF_TOKENS.has((cause as { readonly code?: string }).code ?? '')) {
        this.#could()
        throw cause
      }
      this.#problem = cause instanceof Error ? cause.message : String(cause)
      throw new StoreError('store-unavailable', 'The server cannot check tokens at present.', {
        effect: 'none',
        cause,
      })
    }
  }

  #could(): void {
    if (this.#problem !== null) this.#logger.info('The public keys of tokens can be fetched again.')
    this.#problem = null
  }
}

const FAULTS_OF_TOKENS: ReadonlySet<string> = new Set([
  'ERR_JWKS_NO_MATCHING_KEY',
  'ERR_JWKS_MULTIPLE_MATCHING_KEYS',
  'ERR_JOSE_NOT_SUPPORTED',
  'ERR_JOSE_ALG_NOT_ALLOWED',
  'ERR_JWS_INVALID',
])

/** Without spaces: what stands behind it in a name is told apart from it. */
function subjectOf({ sub }: JWTPayload): string {
  // it goes into logs and the audit
  if (typeof sub === 'string' && sub.length <= NAME_LENGTH_MAX && /^[\x21-\x7e]+$/.test(sub)) return sub
  throw new AccessError('unauthenticated', 'The token has no subject that can be a name.')
}

function checkedAlgorithms(given: readonly string[]): readonly string[] {
  const foreign = given.find((name) => !ASYMMETRIC.includes(name))
  if (foreign === undefined && given.length > 0) return given
  throw new InvalidArgumentError(
    foreign === undefined
      ? 'No algorithm of tokens is allowed.'
      : `The algorithm ${JSON.stringify(foreign)} is not allowed.`,
    { hint: `Only such as need no shared secret: ${ASYMMETRIC.join(', ')}.` },
  )
}

function checkedUrl(given: string | URL): URL {
  const url = URL.parse(String(given))
  const isLocal = url?.protocol === 'http:' && /^(localhost|127(\.\d+){3}|\[::1\])$/.test(url.hostname)
  if (url !== null && url.username === '' && url.password === '' && (url.protocol === 'https:' || isLocal))
    return url
  throw new InvalidArgumentError('The address of the public keys is none that can be trusted.', {
    hint: 'Give an https: URL without a password in it; http: is for the loopback only.',
  })
}
