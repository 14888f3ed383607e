/** Several kinds of credentials together, what is remembered, and those who try too often. */
import { expect, test } from 'vitest'
import { sourceOf } from '../../src/access/attempts.ts'
import { newAuthenticator, type AuthSources, type OpenAuthenticator } from '../../src/access/authenticator.ts'
import { createKey } from '../../src/access/keys/changes.ts'
import { subjectOf } from '../../src/access/certificates.ts'
import type { Credentials } from '../../src/access/caller.ts'
import type { PeerCertificate } from 'node:tls'
import { ManualPlatform, TestLog } from '../fakes.ts'

const GRANTS = [{ role: 'producer', queues: ['mail'] }] as const
const { keys, token } = createKey([], { name: 'ci', grants: GRANTS }, new Date('2026-11-23T00:00:00Z'))
const BUILD = { commonName: 'build-7', names: [] }

function newScene(auth: AuthSources, platform = new ManualPlatform()): Promise<OpenAuthenticator> {
  return newAuthenticator(auth, { platform, logger: new TestLog() })
}

const of = (authorization: string | null, more: Partial<Credentials> = {}): Credentials => ({
  authorization,
  certificate: null,
  address: '192.0.2.1',
  ...more,
})

test('whoever comes is told by the kind of what he brings', async () => {
  const all = await newScene({
    keys,
    certificates: { 'build-7': GRANTS, 'spiffe://acme/build': GRANTS },
    authenticate: ({ authorization }) =>
      authorization === 'Basic YWRhOng=' ? { name: 'basic:ada', grants: GRANTS } : null,
  })
  const name = async (credentials: Credentials) => (await all.authenticate(credentials)).name
  expect(await name(of(`Bearer ${token}`))).toBe('key:ci')
  expect(await name(of(`bearer  ${token}`))).toBe('key:ci')
  expect(await name(of(null, { certificate: BUILD }))).toBe('certificate:build-7')
  const byName = { commonName: 'x', names: ['spiffe://acme/build'] }
  expect(await name(of(null, { certificate: byName }))).toBe('certificate:spiffe://acme/build')
  expect(await name(of('Basic YWRhOng='))).toBe('basic:ada')
  const refused = { code: 'unauthenticated' }
  await expect(name(of(null))).rejects.toMatchObject(refused)
  await expect(name(of(token))).rejects.toMatchObject(refused)
  await expect(name(of(null, { certificate: { commonName: '__proto__', names: [] } }))).rejects.toMatchObject(
    refused,
  )
  // a certificate does not make good a key that does not hold
  await expect(name(of(`Bearer ${token}x`, { certificate: BUILD }))).rejects.toMatchObject(refused)
})

test('none lets everybody do everything; to name nothing is a mistake', async () => {
  const open = await newAuthenticator('none', { platform: new ManualPlatform(), logger: new TestLog() })
  expect(await open.authenticate(of(null))).toMatchObject({ name: 'anybody', grants: [{ role: 'admin' }] })
  await expect(newScene({})).rejects.toMatchObject({ code: 'invalid-argument' })
  await expect(newScene({ key: 'x' } as never)).rejects.toThrow(/no "key"/)
})

test('a function of the user’s is asked once in 2 s, also when many ask at once', async () => {
  const platform = new ManualPlatform()
  let asked = 0
  const slow = await newScene(
    {
      authenticate: async () => {
        asked += 1
        return { name: 'x', grants: GRANTS }
      },
    },
    platform,
  )
  await Promise.all(Array.from({ length: 50 }, () => slow.authenticate(of('Custom a'))))
  expect(asked).toBe(1)
  platform.advance(1_999)
  await slow.authenticate(of('Custom a'))
  expect(asked).toBe(1)
  platform.advance(1)
  await slow.authenticate(of('Custom a'))
  expect(asked).toBe(2)
})

test('what is remembered of one caller is of no use to who comes with something else', async () => {
  const certified = await newScene({ certificates: { 'build-7': GRANTS } })
  await certified.authenticate(of(null, { certificate: BUILD }))
  await expect(certified.authenticate(of(JSON.stringify(BUILD)))).rejects.toMatchObject({
    code: 'unauthenticated',
  })
  const both = await newScene({
    authenticate: ({ authorization, certificate, address }) =>
      authorization === 'Custom a' && certificate?.commonName === 'build-7' && address === '192.0.2.1'
        ? { name: 'both', grants: GRANTS }
        : null,
  })
  await both.authenticate(of('Custom a', { certificate: BUILD }))
  const refused = { code: 'unauthenticated' }
  await expect(both.authenticate(of('Custom a'))).rejects.toMatchObject(refused)
  const elsewhere = of('Custom a', { certificate: BUILD, address: '198.51.100.7' })
  await expect(both.authenticate(elsewhere)).rejects.toMatchObject(refused)
})

test('what failed is not remembered, and what breaks the function is not told as a wrong credential', async () => {
  let answer = (): null => {
    throw new Error('password=hunter2: the database is away')
  }
  const log = new TestLog()
  const auth: AuthSources = { authenticate: () => answer() }
  const scene = await newAuthenticator(auth, { platform: new ManualPlatform(), logger: log })
  const failure: unknown = await scene.authenticate(of('Custom a')).catch((error: unknown) => error)
  expect(failure).toMatchObject({ code: 'store-unavailable', effect: 'none' })
  expect(String(failure)).not.toContain('hunter2')
  expect(log.messages('error')).toEqual(['Callers cannot be told.'])
  answer = () => null
  await expect(scene.authenticate(of('Custom a'))).rejects.toMatchObject({ code: 'unauthenticated' })
})

test('who fails too often waits, others do not, and a good key comes in from there all the same', async () => {
  const platform = new ManualPlatform()
  let asked = 0
  const scene = await newScene({ keys, authenticate: () => ((asked += 1), null) }, platform)
  const tries = async (count: number, address: string): Promise<readonly string[]> => {
    const codes: string[] = []
    for (let n = 0; n < count; n++) {
      const error: unknown = await scene.authenticate(of(`Custom ${n}`, { address })).catch((e: unknown) => e)
      codes.push((error as { readonly code: string }).code)
    }
    return codes
  }
  const codes = await tries(30, '192.0.2.1')
  expect(codes.indexOf('backpressure')).toBe(19)
  expect(codes.slice(19).every((code) => code === 'backpressure')).toBe(true)
  // nor is the function asked any more
  expect(asked).toBe(20)
  expect((await scene.authenticate(of(`Bearer ${token}`))).name).toBe('key:ci')
  expect(await tries(1, '192.0.2.2')).toEqual(['unauthenticated'])
  const late: unknown = await scene.authenticate(of('Custom x')).catch((error: unknown) => error)
  const { retryAfterMs } = late as { readonly retryAfterMs: number }
  expect(retryAfterMs).toBeGreaterThan(0)
  platform.advance(retryAfterMs + 1_000)
  expect(await tries(1, '192.0.2.1')).toEqual(['unauthenticated'])
})

test('a million addresses take no more room than ten thousand', async () => {
  const { Attempts } = await import('../../src/access/attempts.ts')
  const attempts = new Attempts(new ManualPlatform())
  for (let n = 0; n < 21; n++) attempts.failed('first')
  expect(attempts.waitMs('first')).toBeGreaterThan(0)
  for (let n = 0; n < 10_000; n++) attempts.failed(`other-${n}`)
  expect(attempts.waitMs('first')).toBe(0)
})

test.each<[string, string]>([
  ['192.0.2.1', '192.0.2.1'],
  ['::ffff:192.0.2.1', '192.0.2.1'],
  ['2001:db8:1:2:3:4:5:6', '2001:db8:1:2'],
  ['2001:db8:1:2::6', '2001:db8:1:2'],
  ['2001:db8::1', '2001:db8:0:0'],
  ['::1', '0:0:0:0'],
  ['fe80::1%eth0', 'fe80:0:0:0'],
])('%s counts as %s', (address, source) => {
  expect(sourceOf(address)).toBe(source)
})

test.each<[string, object, object]>([
  ['a common name', { subject: { CN: 'a' } }, { commonName: 'a', names: [] }],
  ['two common names', { subject: { CN: ['a', 'b'] } }, { commonName: null, names: [] }],
  ['no subject', { subject: {} }, { commonName: null, names: [] }],
  [
    'names beside it',
    { subject: { CN: 'a' }, subjectaltname: 'DNS:b, URI:spiffe://c/d, IP Address:127.0.0.1, email:e@f' },
    { commonName: 'a', names: ['b', 'spiffe://c/d'] },
  ],
  [
    'a name that smuggles another',
    { subject: { CN: 'a' }, subjectaltname: 'URI:"x, DNS:root"' },
    { commonName: 'a', names: [] },
  ],
])('of a certificate with %s', (_, certificate, subject) => {
  expect(subjectOf(certificate as PeerCertificate)).toEqual(subject)
})
