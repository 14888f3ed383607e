/** Tokens of somebody else's: which count, and which do not. */
import { createServer } from 'node:http'
import { once } from 'node:events'
import type { AddressInfo } from 'node:net'
import { exportJWK, generateKeyPair, SignJWT, UnsecuredJWT, type CryptoKey, type JWK } from 'jose'
import { beforeAll, expect, test } from 'vitest'
import { newAuthenticator } from '../../src/access/authenticator.ts'
import type { JwtOptions } from '../../src/access/jwt.ts'
import { ManualPlatform, TestLog } from '../fakes.ts'

const ISSUER = 'https://id.example'
const AUDIENCE = 'millrace'
const GRANTS = [{ role: 'producer', queues: ['mail'] }]

interface Pair {
  readonly privateKey: CryptoKey
  readonly jwk: JWK
}

async function newPair(kid: string, alg = 'ES256'): Promise<Pair> {
  const { privateKey, publicKey } = await generateKeyPair(alg, { extractable: true })
  return { privateKey, jwk: { ...(await exportJWK(publicKey)), kid, alg } }
}

let ours: Pair
let theirs: Pair

beforeAll(async () => {
  ours = await newPair('one')
  theirs = await newPair('one')
})

interface Claims {
  readonly kid?: string | undefined
  readonly iss?: string
  readonly aud?: string
  readonly exp?: number | null
  readonly sub?: string
  readonly nbf?: number
  readonly millrace?: unknown
}

function nowSeconds(platform: ManualPlatform): number {
  return platform.wallMs() / 1_000
}

function token(
  { kid = 'one', exp = 3_600, millrace = GRANTS, ...claims }: Claims = {},
  pair = ours,
): Promise<string> {
  const now = nowSeconds(new ManualPlatform())
  const payload = { iss: ISSUER, aud: AUDIENCE, sub: 'ada', millrace, ...claims }
  const jwt = new SignJWT(exp === null ? payload : { ...payload, exp: now + exp })
  return jwt.setProtectedHeader({ alg: 'ES256', kid }).sign(pair.privateKey)
}

async function authenticate(given: string, more: Partial<JwtOptions> = {}, platform = new ManualPlatform()) {
  const jwt = { jwks: { keys: [ours.jwk] }, issuer: ISSUER, audience: AUDIENCE, ...more }
  const logger = new TestLog()
  const authenticator = await newAuthenticator({ jwt }, { platform, logger })
  return authenticator.authenticate({ authorization: `Bearer ${given}`, certificate: null })
}

test('a token that holds brings its grants', async () => {
  expect(await authenticate(await token())).toMatchObject({ name: 'jwt:ada', grants: [{ role: 'producer' }] })
  const more = { claim: 'acl' }
  const named = await new SignJWT({ iss: ISSUER, aud: [AUDIENCE, 'x'], sub: 'bob', acl: GRANTS })
    .setProtectedHeader({ alg: 'ES256', kid: 'one' })
    .setExpirationTime(new Date(new ManualPlatform().wallMs() + 60_000))
    .sign(ours.privateKey)
  expect(await authenticate(named, more)).toMatchObject({ name: 'jwt:bob' })
  const grants: JwtOptions['grants'] = ({ sub }) => [
    { role: sub === 'ada' ? 'admin' : 'viewer', queues: ['**'] },
  ]
  expect(await authenticate(await token(), { grants })).toMatchObject({ grants: [{ role: 'admin' }] })
})

test('of several issuers the name says which, so that nobody is taken for one of another', async () => {
  const issuer = [ISSUER, 'https://partner.example']
  const names = await Promise.all(
    issuer.map(async (iss) => (await authenticate(await token({ iss }), { issuer })).name),
  )
  expect(names).toEqual([`jwt:ada ${ISSUER}`, 'jwt:ada https://partner.example'])
  expect(await authenticate(await token(), { issuer: [ISSUER] })).toMatchObject({ name: 'jwt:ada' })
})

const text = (value: object): string => Buffer.from(JSON.stringify(value)).toString('base64url')

test.each<[string, () => Promise<string> | string]>([
  ['expired', () => token({ exp: -6 })],
  ['without a time to expire', () => token({ exp: null })],
  ['not valid yet', () => token({ nbf: nowSeconds(new ManualPlatform()) + 60 })],
  ['of another issuer', () => token({ iss: 'https://id.example.evil' })],
  ['for somebody else', () => token({ aud: 'other' })],
  ['of a key that is not known', () => token({ kid: 'two' })],
  ['signed by another key of that name', () => token({}, theirs)],
  ['without grants', () => token({ millrace: null })],
  ['with a role that is not known', () => token({ millrace: [{ role: 'root', queues: ['**'] }] })],
  ['with no queues', () => token({ millrace: [{ role: 'admin', queues: [] }] })],
  ['whose subject breaks lines', () => token({ sub: 'ada\nkey:root' })],
  [
    'without a signature',
    () =>
      new UnsecuredJWT({ iss: ISSUER, aud: AUDIENCE, sub: 'ada', millrace: GRANTS })
        .setExpirationTime('1h')
        .encode(),
  ],
  ['with its signature cut off', async () => `${(await token()).split('.').slice(0, 2).join('.')}.`],
  [
    'whose payload was changed',
    async () => {
      const [head, , signature] = (await token()).split('.')
      return `${head}.${text({ iss: ISSUER, aud: AUDIENCE, sub: 'root', millrace: GRANTS, exp: 4e9 })}.${signature}`
    },
  ],
  [
    'signed with the public key as a shared secret',
    () =>
      new SignJWT({ iss: ISSUER, aud: AUDIENCE, sub: 'ada', millrace: GRANTS, exp: 4e9 })
        .setProtectedHeader({ alg: 'HS256', kid: 'one' })
        .sign(new TextEncoder().encode(JSON.stringify(ours.jwk))),
  ],
  ['that is none', () => 'a.b.c'],
])('a token %s is refused, and the caller is not told why', async (_, make) => {
  const refused = authenticate(await make())
  await expect(refused).rejects.toMatchObject({
    code: 'unauthenticated',
    message: 'The credential is missing, or does not count here.',
  })
  await expect(refused).rejects.not.toHaveProperty('cause', expect.anything())
})

test('what may sign is said, and nothing with a shared secret', async () => {
  const narrow = authenticate(await token(), { algorithms: ['RS256'] })
  await expect(narrow).rejects.toMatchObject({ code: 'unauthenticated' })
  for (const algorithms of [['HS256'], ['none'], ['ES256', 'HS512'], []])
    await expect(authenticate('', { algorithms })).rejects.toMatchObject({ code: 'invalid-argument' })
})

test.each([
  'http://id.example/jwks',
  'ftp://id.example',
  'http://127.0.0.1.evil/',
  'nonsense',
  'https://u:p@id.example/',
])('keys are not fetched from %s', async (jwks) => {
  await expect(authenticate('', { jwks })).rejects.toMatchObject({ code: 'invalid-argument' })
})

test('a token is remembered no longer than it counts', async () => {
  const platform = new ManualPlatform()
  const jwt = { jwks: { keys: [ours.jwk] }, issuer: ISSUER, audience: AUDIENCE, clockToleranceSeconds: 0 }
  const authenticator = await newAuthenticator({ jwt }, { platform, logger: new TestLog() })
  const credentials = { authorization: `Bearer ${await token({ exp: 1 })}`, certificate: null }
  expect(await authenticator.authenticate(credentials)).toMatchObject({ name: 'jwt:ada' })
  platform.advance(1_500)
  await expect(authenticator.authenticate(credentials)).rejects.toMatchObject({ code: 'unauthenticated' })
})

test('keys are fetched, and fetched again when there is a new one; that they cannot be is not told as a wrong token', async () => {
  const second = await newPair('two')
  let keys: readonly JWK[] | null = [ours.jwk]
  const server = createServer((_, response) =>
    keys === null ? response.writeHead(500).end() : response.end(JSON.stringify({ keys })),
  )
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/`
  const options = { issuer: ISSUER, audience: AUDIENCE, jwks: url }
  const platform = new ManualPlatform()
  const before = await newAuthenticator({ jwt: options }, { platform, logger: new TestLog() })
  const bearer = async (claims: Claims, pair: Pair) => ({
    authorization: `Bearer ${await token(claims, pair)}`,
    certificate: null,
  })
  expect(await before.authenticate(await bearer({}, ours))).toMatchObject({ name: 'jwt:ada' })
  keys = [second.jwk]
  const after = await newAuthenticator({ jwt: options }, { platform, logger: new TestLog() })
  expect(await after.authenticate(await bearer({ kid: 'two' }, second))).toMatchObject({ name: 'jwt:ada' })
  await expect(after.authenticate(await bearer({}, ours))).rejects.toMatchObject({ code: 'unauthenticated' })
  keys = null
  const log = new TestLog()
  const without = await newAuthenticator({ jwt: options }, { platform, logger: log })
  await expect(without.authenticate(await bearer({}, ours))).rejects.toMatchObject({
    code: 'store-unavailable',
  })
  expect(log.messages('error')).toEqual(['Callers cannot be told.'])
  server.close()
})
