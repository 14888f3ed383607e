/** TLS on both ports: certificates that change while it runs, and those of clients. */
import { copyFileSync, readFileSync, writeFileSync } from 'node:fs'
import { Agent } from 'node:https'
import { connect } from 'node:tls'
import { once } from 'node:events'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { newAuthority, type Authority, type CertificateFiles } from '../../../../test/servers/certificates.ts'
import type { Fetch } from '../../src/listen/http-port.ts'
import { ManualPlatform, TestFolder } from '../fakes.ts'
import { get, Scene } from './scene.ts'

let folder: TestFolder
let old: Authority
let other: Authority
let first: CertificateFiles
let second: CertificateFiles

beforeAll(() => {
  folder = new TestFolder()
  old = newAuthority(folder.path, 'old')
  other = newAuthority(folder.path, 'other')
  first = old.issue('localhost', { as: 'first' })
  second = other.issue('localhost', { as: 'second' })
})

afterAll(() => folder[Symbol.dispose]())

/** Files that the test may change. */
function filesOf({ cert, key }: CertificateFiles, name: string): CertificateFiles {
  const files = { cert: folder.file(`${name}-server.pem`), key: folder.file(`${name}-server.key`) }
  copyFileSync(cert, files.cert)
  copyFileSync(key, files.key)
  return files
}

const pairOf = ({ cert, key }: CertificateFiles): { readonly cert: Buffer; readonly key: Buffer } => ({
  cert: readFileSync(cert),
  key: readFileSync(key),
})

test('a new certificate counts for new connections on both ports; those that are open go on', async () => {
  const platform = new ManualPlatform()
  const tls = filesOf(first, 'reload')
  await using scene = await Scene.start({ tls, platform })
  const agent = new Agent({ keepAlive: true, maxSockets: 1, ca: old.pem })
  expect((await get(scene.url, { agent })).status).toBe(200)
  using open = scene.client(old.pem)
  expect(await open.echo('before')).toBe('before')

  copyFileSync(second.cert, tls.cert)
  copyFileSync(second.key, tls.key)
  platform.advance(1_000)
  await scene.log.saw(/was read again/)

  await expect(get(scene.url, { ca: old.pem })).rejects.toThrow(/certificate/)
  expect((await get(scene.url, { ca: other.pem })).status).toBe(200)
  using refused = scene.client(old.pem)
  await expect(refused.echo('x')).rejects.toMatchObject({ code: 14 })
  using fresh = scene.client(other.pem)
  expect(await fresh.echo('after')).toBe('after')
  expect(await open.echo('still')).toBe('still')
  expect((await get(scene.url, { agent })).status).toBe(200)
  agent.destroy()
})

test.each<[string, (tls: CertificateFiles) => void]>([
  ['a key that does not belong to it', ({ cert }) => copyFileSync(second.cert, cert)],
  ['no certificate', ({ cert }) => writeFileSync(cert, 'nonsense')],
  ['an empty file', ({ key }) => writeFileSync(key, '')],
])('%s leaves the old one, and is said once', async (_, spoil) => {
  const platform = new ManualPlatform()
  const tls = filesOf(first, 'spoilt')
  await using scene = await Scene.start({ tls, platform })
  spoil(tls)
  platform.advance(1_000)
  await scene.log.saw(/old one still counts/)
  expect(scene.listening.problem).toMatch(/cannot be used/)
  expect((await get(scene.url, { ca: old.pem })).status).toBe(200)
  using client = scene.client(old.pem)
  expect(await client.echo('here')).toBe('here')
  copyFileSync(second.cert, tls.cert)
  copyFileSync(second.key, tls.key)
  // its time comes again once the look that failed is over
  await new Promise((resolve) => setImmediate(resolve))
  platform.advance(1_000)
  await scene.log.saw(/was read again/)
  expect(scene.listening.problem).toBeNull()
  expect((await get(scene.url, { ca: other.pem })).status).toBe(200)
  expect(scene.log.messages('error')).toHaveLength(1)
})

test('what is no certificate at the start is refused', async () => {
  const tls = { cert: first.cert, key: second.key }
  await expect(Scene.start({ tls })).rejects.toMatchObject({ code: 'invalid-argument' })
  await expect(Scene.start({ tls: { ...first, key: folder.file('none') } })).rejects.toThrow(/cannot be read/)
  await expect(Scene.start({ tls: { ...first, clientCertificates: 'required' } })).rejects.toThrow(
    /who signs/,
  )
})

test('TLS 1.1 is not spoken', async () => {
  await using scene = await Scene.start({ tls: first })
  for (const url of [scene.url, scene.listening.grpcUrl!]) {
    const { port } = new URL(url)
    const options = { port: Number(port), host: '127.0.0.1', ca: old.pem, ALPNProtocols: ['h2', 'http/1.1'] }
    const old11 = connect({
      ...options,
      minVersion: 'TLSv1',
      maxVersion: 'TLSv1.1',
      ciphers: 'DEFAULT@SECLEVEL=0',
    })
    const [error] = (await once(old11, 'error')) as [Error]
    expect(error.message).toMatch(/alert protocol version|unsupported protocol|no protocols available/)
    const now = connect({ ...options, maxVersion: 'TLSv1.2' })
    await once(now, 'secureConnect')
    expect(now.getProtocol()).toBe('TLSv1.2')
    now.destroy()
  }
})

const whoCalls: Fetch = (_, { certificate }) => Response.json(certificate ?? null)

test('the subject of a client’s certificate is told on both ports, and who has none is not let in', async () => {
  const mine = old.issue('build-7', { as: 'mine', names: 'DNS:build-7.example,URI:spiffe://acme/build' })
  const forged = other.issue('build-7', { as: 'forged' })
  await using scene = await Scene.start({
    tls: { ...first, ca: old.cert },
    fetch: whoCalls,
    echo: (call, done) =>
      done(null, Buffer.from(String(call.getAuthContext().sslPeerCertificate?.subject.CN))),
  })
  expect(JSON.parse((await get(scene.url, { ca: old.pem, ...pairOf(mine) })).text)).toEqual({
    commonName: 'build-7',
    names: ['build-7.example', 'spiffe://acme/build'],
  })
  await expect(get(scene.url, { ca: old.pem })).rejects.toThrow(/alert|ECONNRESET|hang up|EPIPE/)
  await expect(get(scene.url, { ca: old.pem, ...pairOf(forged) })).rejects.toThrow(
    /alert|ECONNRESET|hang up|EPIPE/,
  )
  using client = scene.client(old.pem, pairOf(mine))
  expect(await client.echo('')).toBe('build-7')
  using without = scene.client(old.pem)
  await expect(without.echo('')).rejects.toMatchObject({ code: 14 })
  using wrong = scene.client(old.pem, pairOf(forged))
  await expect(wrong.echo('')).rejects.toMatchObject({ code: 14 })
})

test('where certificates are only accepted one may have none, but none that does not hold', async () => {
  const mine = old.issue('build-8', { as: 'mine-8' })
  const forged = other.issue('build-8', { as: 'forged-8' })
  await using scene = await Scene.start({
    tls: { ...first, ca: old.cert, clientCertificates: 'accepted' },
    fetch: whoCalls,
    echo: (call, done) =>
      done(null, Buffer.from(String(call.getAuthContext().sslPeerCertificate?.subject.CN))),
  })
  const subject = async (pair?: CertificateFiles): Promise<unknown> =>
    JSON.parse((await get(scene.url, { ca: old.pem, ...(pair === undefined ? {} : pairOf(pair)) })).text)
  expect(await subject()).toBeNull()
  expect(await subject(mine)).toMatchObject({ commonName: 'build-8' })
  await expect(subject(forged)).rejects.toThrow(/alert|ECONNRESET|hang up|EPIPE/)
  using without = scene.client(old.pem)
  expect(await without.echo('')).toBe('undefined')
  using known = scene.client(old.pem, pairOf(mine))
  expect(await known.echo('')).toBe('build-8')
  using wrong = scene.client(old.pem, pairOf(forged))
  await expect(wrong.echo('')).rejects.toMatchObject({ code: 14 })
})
