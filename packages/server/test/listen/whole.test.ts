/** The server as a whole on both ports: who comes in by a certificate, who waits, what is logged, and how it ends. */
import { readFileSync } from 'node:fs'
import { MemoryStore, Mill, systemPlatform } from '@millrace/core'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { newAuthority, type Authority, type CertificateFiles } from '../../../../test/servers/certificates.ts'
import { createServer, type ListenOptions, type ServerOptions } from '../../src/index.ts'
import { RemoteStore } from '../../src/remote/index.ts'
import { createKey } from '../../src/access/keys/changes.ts'
import { TestFolder, TestLog } from '../fakes.ts'
import { get } from './scene.ts'

let folder: TestFolder
let authority: Authority
let ours: CertificateFiles
let build: CertificateFiles

beforeAll(() => {
  folder = new TestFolder()
  authority = newAuthority(folder.path)
  ours = authority.issue('localhost')
  build = authority.issue('build-7')
})

afterAll(() => folder[Symbol.dispose]())

const EVERYTHING = [{ role: 'admin', queues: ['**'] }] as const
const pem = (path: string): string => readFileSync(path, 'utf8')

interface Whole extends AsyncDisposable {
  readonly url: string
  readonly grpcUrl: string
  readonly log: TestLog
  close(): Promise<void>
}

async function started(options: ServerOptions, listening: ListenOptions = {}): Promise<Whole> {
  const log = new TestLog()
  const mill = new Mill(new MemoryStore({ platform: systemPlatform }), { logger: log })
  const server = createServer(mill, options)
  const { url, grpcUrl } = await server.listen({ port: 0, grpcPort: 0, ...listening })
  const close = async (): Promise<void> => {
    await server.close()
    await mill.close()
  }
  return { url, grpcUrl: grpcUrl!, log, close, [Symbol.asyncDispose]: close }
}

async function nowBy(options: ConstructorParameters<typeof RemoteStore>[0]): Promise<number> {
  const store = new RemoteStore(options)
  try {
    await store.open()
    return await store.now()
  } finally {
    await store.close()
  }
}

test('a certificate is a credential on both ports; without one, or with another name, nobody comes in', async () => {
  await using whole = await started(
    { auth: { certificates: { 'build-7': EVERYTHING } } },
    { tls: { ...ours, ca: authority.cert, clientCertificates: 'accepted' } },
  )
  const stranger = authority.issue('build-8')
  const status = async (pair?: CertificateFiles): Promise<number> => {
    const certificate = pair === undefined ? {} : { cert: pem(pair.cert), key: pem(pair.key) }
    return (await get(`${whole.url}/v1/queues`, { ca: authority.pem, ...certificate })).status
  }
  expect([await status(build), await status(), await status(stranger)]).toEqual([200, 401, 401])
  const url = whole.grpcUrl
  const pair = { cert: pem(build.cert), key: pem(build.key) }
  expect(await nowBy({ url, ca: authority.pem, ...pair })).toBeGreaterThan(0)
  await expect(nowBy({ url, ca: authority.pem })).rejects.toMatchObject({ code: 'unauthenticated' })
  const other = { cert: pem(stranger.cert), key: pem(stranger.key) }
  await expect(nowBy({ url, ca: authority.pem, ...other })).rejects.toMatchObject({ code: 'unauthenticated' })
})

test('who fails too often waits, on either port; who has a key does not', async () => {
  const { keys, token } = createKey([], { name: 'ops', grants: EVERYTHING }, new Date())
  await using whole = await started({ auth: { keys } })
  const statuses: number[] = []
  for (let n = 0; n < 25; n++) statuses.push((await get(`${whole.url}/v1/queues`)).status)
  expect(statuses.indexOf(429)).toBeGreaterThanOrEqual(19)
  const late = await get(`${whole.url}/v1/queues`)
  expect(Number(late.headers['retry-after'])).toBeGreaterThan(0)
  await expect(nowBy({ url: whole.grpcUrl, token: 'mr_none' })).rejects.toMatchObject({
    code: 'backpressure',
  })
  const headers = { authorization: `Bearer ${token}` }
  expect((await get(`${whole.url}/v1/queues`, { headers })).status).toBe(200)
  expect(await nowBy({ url: whole.grpcUrl, token })).toBeGreaterThan(0)
})

test('a line of the log for each call that was refused, with who it was, and without the key', async () => {
  const grants = [{ role: 'producer', queues: ['mail'] }] as const
  const { keys, token } = createKey([], { name: 'shop', grants }, new Date())
  await using whole = await started({ auth: { keys } })
  const headers = { authorization: `Bearer ${token}` }
  const refused = await get(`${whole.url}/v1/queues?token=hunter2`, { headers })
  expect(refused.status).toBe(403)
  const known = { transport: 'rest', method: 'GET', route: '/v1/queues', status: 403, code: 'forbidden' }
  const lines = (): readonly object[] =>
    whole.log.lines.filter(({ message }) => message === 'A call was refused.')
  expect(lines()).toMatchObject([{ level: 'info', data: { ...known, caller: 'key:shop' } }])
  expect(lines()).toMatchObject([{ data: { callId: refused.headers['x-request-id'] } }])
  await get(`${whole.url}/v1/queues`)
  await expect(nowBy({ url: whole.grpcUrl, token: 'mr_none' })).rejects.toMatchObject({
    code: 'unauthenticated',
  })
  expect(lines().slice(1)).toMatchObject([
    { data: { ...known, status: 401, code: 'unauthenticated', caller: null } },
    { data: { transport: 'grpc', status: 16, code: 'unauthenticated', caller: null } },
  ])
  const all = JSON.stringify(whole.log.lines)
  expect(all).not.toContain(token)
  expect(all).not.toContain('hunter2')
})

test('a server that was never asked, or not by everybody, ends at once', async () => {
  const whole = await started({ auth: 'none' })
  await whole.close()
  await expect(get(whole.url)).rejects.toThrow(/ECONNREFUSED/)
})

test('a server that has been closed is not opened anew by who still asks it', async () => {
  const mill = new Mill(new MemoryStore({ platform: systemPlatform }), { logger: new TestLog() })
  await using _ = { [Symbol.asyncDispose]: () => mill.close() }
  const server = createServer(mill, { auth: 'none' })
  await server.close()
  await expect(server.open()).rejects.toMatchObject({ code: 'closed' })
  const answer = await server.fetch(new Request('http://localhost/v1/tasks'))
  expect(answer.status).toBe(503)
})
