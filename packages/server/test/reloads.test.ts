/** Keys, public keys and certificates that cannot be read again: calls go on, and whoever looks after the server hears of it. */
import { copyFileSync, writeFileSync } from 'node:fs'
import { createServer as createHttpServer } from 'node:http'
import { once } from 'node:events'
import type { AddressInfo } from 'node:net'
import { exportJWK, generateKeyPair, SignJWT } from 'jose'
import { MemoryStore, Mill } from '@millrace/core'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { newAuthority } from '../../../test/servers/certificates.ts'
import { createKey } from '../src/access/keys/changes.ts'
import { writtenKeys } from '../src/access/keys/records.ts'
import { createServer, type Server, type ServerOptions } from '../src/index.ts'
import { ManualPlatform, TestFolder, TestLog } from './fakes.ts'
import { sample } from './observing/samples.ts'
import { ORIGIN } from './rest/requests.ts'

const READY = { status: 'ready', checks: { store: { status: 'ok' }, draining: false } }

let folder: TestFolder
let platform: ManualPlatform
let log: TestLog
let mill: Mill
beforeEach(() => {
  folder = new TestFolder()
  platform = new ManualPlatform()
  log = new TestLog()
  mill = new Mill(new MemoryStore({ platform }), { logger: log, platform })
})
afterEach(async () => {
  await mill.close()
  folder[Symbol.dispose]()
})

const serving = (options: ServerOptions): Server => createServer(mill, { metrics: 'open', ...options })

async function readiness(server: Server): Promise<readonly [number, unknown]> {
  const answer = await server.fetch(new Request(`${ORIGIN}/readyz`))
  return [answer.status, await answer.json()]
}

async function reloaded(server: Server, source: string): Promise<number | undefined> {
  const scraped = await (await server.fetch(new Request(`${ORIGIN}/metrics`))).text()
  return sample(scraped, `millrace_server_reload_successful{source="${source}"}`)
}

test('a file of keys that cannot be read leaves the server ready, and is told', async () => {
  const keys = folder.file('keys.json')
  const grants = [{ role: 'admin', queues: ['**'] }] as const
  const { keys: records, token } = createKey([], { name: 'ops', grants }, new Date(platform.wallMs()))
  writeFileSync(keys, writtenKeys(records), { mode: 0o600 })
  await using server = serving({ auth: { keys } })
  await server.open()
  expect([await readiness(server), await reloaded(server, 'keys')]).toEqual([[200, READY], 1])
  const good = folder.file('good.json')
  copyFileSync(keys, good)
  writeFileSync(keys, 'nonsense')
  platform.advance(1_000)
  await log.saw(/keys cannot be read/)
  expect(await readiness(server)).toEqual([200, { ...READY, warnings: ['keys'] }])
  expect(await reloaded(server, 'keys')).toBe(0)
  const call = new Request(`${ORIGIN}/v1/queues`, { headers: { authorization: `Bearer ${token}` } })
  expect((await server.fetch(call)).status).toBe(200)
  copyFileSync(good, keys)
  await new Promise((resolve) => setImmediate(resolve))
  platform.advance(1_000)
  await log.saw(/can be read again/)
  expect([await readiness(server), await reloaded(server, 'keys')]).toEqual([[200, READY], 1])
})

test('public keys that cannot be fetched leave the server ready, and are told until they can', async () => {
  const { privateKey, publicKey } = await generateKeyPair('ES256', { extractable: true })
  const jwk = { ...(await exportJWK(publicKey)), kid: 'one', alg: 'ES256' }
  let isThere = false
  const issuer = createHttpServer((_, response) =>
    isThere ? response.end(JSON.stringify({ keys: [jwk] })) : response.writeHead(500).end(),
  )
  issuer.listen(0, '127.0.0.1')
  await once(issuer, 'listening')
  const jwks = `http://127.0.0.1:${(issuer.address() as AddressInfo).port}/`
  await using server = serving({
    auth: { jwt: { jwks, issuer: 'https://id.example', audience: 'millrace' } },
  })
  const claims = { millrace: [{ role: 'admin', queues: ['**'] }] }
  const token = await new SignJWT({ iss: 'https://id.example', aud: 'millrace', sub: 'ada', ...claims })
    .setProtectedHeader({ alg: 'ES256', kid: 'one' })
    .setExpirationTime(new Date(platform.wallMs() + 60_000))
    .sign(privateKey)
  const call = async (): Promise<number> => {
    const headers = { authorization: `Bearer ${token}` }
    return (await server.fetch(new Request(`${ORIGIN}/v1/queues`, { headers }))).status
  }
  expect(await call()).toBe(503)
  expect(await readiness(server)).toEqual([200, { ...READY, warnings: ['jwks'] }])
  expect(await reloaded(server, 'jwks')).toBe(0)
  isThere = true
  expect(await call()).toBe(200)
  expect(log.messages('info')).toContain('The public keys of tokens can be fetched again.')
  expect([await readiness(server), await reloaded(server, 'jwks')]).toEqual([[200, READY], 1])
  issuer.close()
})

test('files of TLS that do not belong together leave the server ready, and are told', async () => {
  const authority = newAuthority(folder.path)
  const { cert, key } = authority.issue('localhost')
  await using server = serving({})
  await server.listen({ port: 0, grpcPort: false, tls: { cert, key } })
  expect([await readiness(server), await reloaded(server, 'tls')]).toEqual([[200, READY], 1])
  writeFileSync(cert, 'nonsense')
  platform.advance(1_000)
  await log.saw(/old one still counts/)
  expect(await readiness(server)).toEqual([200, { ...READY, warnings: ['tls'] }])
  expect(await reloaded(server, 'tls')).toBe(0)
})
