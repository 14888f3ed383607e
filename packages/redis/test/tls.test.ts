/** TLS towards Redis: whom the store trusts, how it names itself, and files that change while it runs. */
import { copyFileSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createClient } from '@redis/client'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { newAuthority, type Authority, type CertificateFiles } from '../../../test/servers/certificates.ts'
import { startRedis, type RedisServer } from '../../../test/servers/redis.ts'
import { freePort } from '../../../test/servers/server.ts'
import { BareWire } from '../src/bare-wire.ts'
import { RedisStore } from '../src/index.ts'

let folder: string
let ours: Authority
let other: Authority
let mine: CertificateFiles
let server: RedisServer
let port: number

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'millrace-tls-'))
  ours = newAuthority(folder, 'ours')
  other = newAuthority(folder, 'other')
  mine = ours.issue('client')
  const { cert, key } = ours.issue('localhost', { as: 'server' })
  port = await freePort()
  const files = ['--tls-cert-file', cert, '--tls-key-file', key, '--tls-ca-cert-file', ours.cert]
  server = await startRedis({ args: ['--tls-port', String(port), '--tls-auth-clients', 'yes', ...files] })
})

afterAll(async () => {
  await server.server.stop()
  rmSync(folder, { recursive: true })
})

const urlOf = (files: Readonly<Record<string, string>>): string =>
  `rediss://localhost:${port}?${String(new URLSearchParams(files))}`

async function opened(url: string): Promise<number> {
  const store = new RedisStore({ url, namespace: 'tls' })
  try {
    await store.open()
    return await store.now()
  } finally {
    await store.close()
  }
}

test('the store and the thread that renews leases speak TLS, with a certificate of their own', async () => {
  const url = urlOf({ sslrootcert: ours.cert, sslcert: mine.cert, sslkey: mine.key })
  expect(await opened(url)).toBeGreaterThan(0)
  const wire = new BareWire({ url })
  await wire.connect()
  expect(String(await wire.sendCommand(['PING']))).toBe('PONG')
  wire.destroy()
})

test.each<[string, () => Record<string, string>]>([
  ['nobody who signs it is named', () => ({ sslcert: mine.cert, sslkey: mine.key })],
  ['somebody else has signed it', () => ({ sslrootcert: other.cert, sslcert: mine.cert, sslkey: mine.key })],
  ['a file is not there', () => ({ sslrootcert: join(folder, 'none.pem') })],
])('a server is not trusted where %s', async (_, files) => {
  await expect(opened(urlOf(files()))).rejects.toMatchObject({ code: 'store-unavailable' })
  await expect(new BareWire({ url: urlOf(files()) }).connect()).rejects.toThrow(/certificate|ENOENT/)
})

test('without a certificate of its own it is not let in, and no file is read where there is no TLS', async () => {
  await expect(opened(urlOf({ sslrootcert: ours.cert }))).rejects.toMatchObject({ code: 'store-unavailable' })
})

test.each([
  '?sslrootcert=',
  '?sslcert=a.pem',
  '?sslmode=disable',
  '?sslkey=k&sslcert=c&x=hunter2',
  '?sslrootcert=a&sslrootcert=b',
])('a URL with %s is refused, and not repeated', (query) => {
  const make = (): RedisStore => new RedisStore({ url: `rediss://u:hunter2@localhost${query}` })
  expect(make).toThrow(/parameters/)
  expect(make).not.toThrow(/hunter2/)
  expect(() => new RedisStore({ url: 'redis://localhost?sslrootcert=a.pem' })).toThrow(/parameters/)
})

test('files that change count for the next connection, without a restart', async () => {
  const trusted = join(folder, 'trusted.pem')
  copyFileSync(ours.cert, trusted)
  const url = urlOf({ sslrootcert: trusted, sslcert: mine.cert, sslkey: mine.key })
  const store = new RedisStore({ url, namespace: 'changing' })
  await store.open()
  const next = other.issue('localhost', { as: 'next' })
  const admin = await createClient({ url: server.url }).connect()
  await admin.configSet({ 'tls-cert-file': next.cert, 'tls-key-file': next.key })
  admin.destroy()
  await expect(opened(url)).rejects.toMatchObject({ code: 'store-unavailable' })
  copyFileSync(other.cert, trusted)
  await store.reconnect()
  expect(await store.now()).toBeGreaterThan(0)
  await store.close()
})
