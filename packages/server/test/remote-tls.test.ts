/** A store over a server with TLS: whom it trusts, by what it is known, and certificates that change beneath it. */
import { copyFileSync, readFileSync } from 'node:fs'
import { connect as connectTls } from 'node:tls'
import { once } from 'node:events'
import { defineTask, MemoryStore, Mill, systemPlatform, unchecked, type MillraceError } from '@millrace/core'
import { afterAll, beforeAll, expect, test, vi } from 'vitest'
import { newAuthority, type Authority, type CertificateFiles } from '../../../test/servers/certificates.ts'
import { createServer, type AuthOptions, type ListenOptions } from '../src/index.ts'
import { RemoteStore, type RemoteStoreOptions } from '../src/remote/index.ts'
import { TestFolder, TestLog } from './fakes.ts'

const double = defineTask('double', { input: unchecked<number>(), output: unchecked<number>() })

let folder: TestFolder
let ours: Authority
let theirs: Authority
let server: CertificateFiles
let elsewhere: CertificateFiles
beforeAll(() => {
  folder = new TestFolder()
  ours = newAuthority(folder.path, 'ours')
  theirs = newAuthority(folder.path, 'theirs')
  server = ours.issue('localhost', { as: 'server' })
  elsewhere = ours.issue('millrace.internal', { as: 'elsewhere', names: 'DNS:millrace.internal' })
})
afterAll(() => folder[Symbol.dispose]())

interface Served extends AsyncDisposable {
  readonly mill: Mill
  readonly url: string
  readonly log: TestLog
}

async function serving(listening: ListenOptions, auth: AuthOptions = 'none'): Promise<Served> {
  const log = new TestLog()
  const mill = new Mill(new MemoryStore({ platform: systemPlatform }), { logger: log })
  const one = createServer(mill, { auth })
  const { grpcUrl } = await one.listen({ port: 0, grpcPort: 0, ...listening })
  return {
    mill,
    log,
    url: grpcUrl!.replace('127.0.0.1', 'localhost'),
    [Symbol.asyncDispose]: async () => {
      await one.close('now')
      await mill.close()
    },
  }
}

const pem = ({ cert, key }: CertificateFiles): Pick<RemoteStoreOptions, 'cert' | 'key'> => ({
  cert: readFileSync(cert, 'utf8'),
  key: readFileSync(key, 'utf8'),
})

/** What opening comes to, and how long it took. */
async function opening(options: RemoteStoreOptions): Promise<MillraceError | 'open'> {
  const store = new RemoteStore(options)
  try {
    await store.open()
    await store.now()
    return 'open'
  } catch (error) {
    return error as MillraceError
  } finally {
    await store.close()
  }
}

test('who is signed by the authority that is given is trusted', async () => {
  await using served = await serving({ tls: server })
  expect(await opening({ url: served.url, ca: ours.pem })).toBe('open')
})

test('the name in the certificate may be another one, if that is said', async () => {
  await using served = await serving({ tls: elsewhere })
  expect(await opening({ url: served.url, ca: ours.pem, servername: 'millrace.internal' })).toBe('open')
})

test.each<[string, () => CertificateFiles, (url: string) => RemoteStoreOptions]>([
  ['an authority that is not known', () => server, (url) => ({ url })],
  ['another authority', () => server, (url) => ({ url, ca: theirs.pem })],
  ['another name', () => elsewhere, (url) => ({ url, ca: ours.pem })],
])('%s is refused at once, and it is said why', async (_, tls, options) => {
  await using served = await serving({ tls: tls() })
  const beganMs = performance.now()
  expect(await opening(options(served.url))).toMatchObject({
    name: 'StoreError',
    code: 'store-unavailable',
    effect: 'none',
    message: expect.stringMatching(/cannot be reached: .*(certificate|altnames)/i) as string,
    hint: expect.stringMatching(/give its authority as `ca`.*`servername`/) as string,
  })
  expect(performance.now() - beganMs).toBeLessThan(3_000)
})

test('a certificate of a client is its credential, and one that is not known comes to nothing', async () => {
  const build = pem(ours.issue('build-7', { as: 'build', names: 'DNS:build-7.example' }))
  const stranger = pem(ours.issue('stranger', { as: 'stranger', names: 'DNS:stranger.example' }))
  const forged = pem(theirs.issue('build-7', { as: 'forged', names: 'DNS:build-7.example' }))
  const auth = { certificates: { 'build-7': [{ role: 'producer', queues: ['default'] }] } } as const
  await using served = await serving({ tls: { ...server, ca: ours.cert } }, auth)
  const given = { url: served.url, ca: ours.pem }
  await using mill = new Mill(new RemoteStore({ ...given, ...build }), { logger: new TestLog() })
  const { id } = await mill.enqueue(double, 1)
  expect(await served.mill.tasks.get(id)).toMatchObject({ type: 'double' })
  await expect(mill.enqueue(double, 1, { queue: 'other' })).rejects.toMatchObject({ code: 'forbidden' })
  expect(await opening({ ...given, ...stranger })).toMatchObject({ code: 'unauthenticated' })
  expect(await opening({ ...given, ...forged })).toMatchObject({ code: 'store-unavailable' })
  expect(await opening(given)).toMatchObject({ code: 'store-unavailable' })
})

test('a worker runs tasks over TLS', async () => {
  await using served = await serving({ tls: server })
  const store = new RemoteStore({ url: served.url, ca: ours.pem })
  await using mill = new Mill(store, { logger: new TestLog() })
  await mill.worker({ handlers: [double.handler((n) => n * 2)] }).start()
  const handles = await mill.enqueueMany(
    Array.from({ length: 100 }, (_, n) => double.with(n)),
    { atomic: true },
  )
  const results = await Promise.all(handles.map((handle) => handle.result({ within: '15s' })))
  expect(results).toEqual(Array.from({ length: 100 }, (_, n) => n * 2))
})

/** The serial number of the certificate that a new connection gets. */
async function shownAt(url: string): Promise<string> {
  const socket = connectTls({
    host: 'localhost',
    port: Number(new URL(url).port),
    rejectUnauthorized: false,
    ALPNProtocols: ['h2'],
  })
  await once(socket, 'secureConnect')
  const { serialNumber } = socket.getPeerCertificate()
  socket.destroy()
  return serialNumber
}

test('a worker lives on through new certificates and new connections, and nothing is lost', async () => {
  const tls = { cert: folder.file('live.pem'), key: folder.file('live.key') }
  copyFileSync(server.cert, tls.cert)
  copyFileSync(server.key, tls.key)
  // of another authority: no connection that is made later has the old certificate
  const next = theirs.issue('localhost', { as: 'next' })
  const limits = { connectionAgeMs: 700, connectionGraceMs: 500 }
  await using served = await serving({ tls, limits })
  const store = new RemoteStore({ url: served.url, ca: `${ours.pem}\n${theirs.pem}` })
  await using mill = new Mill(store, { logger: new TestLog() })
  let runs = 0
  const counted = double.handler((n) => {
    runs += 1
    return n * 2
  })
  await mill.worker({ handlers: [counted] }).start()
  const before = await shownAt(served.url)

  const results: Promise<number>[] = []
  const enqueue = async (): Promise<void> => {
    const n = results.length
    const handle = await mill.enqueue(double, n)
    results.push(handle.result({ within: '20s' }))
  }
  const until = async (isOver: () => Promise<boolean>): Promise<void> => {
    while (!(await isOver())) await enqueue()
  }
  await enqueue()
  copyFileSync(next.cert, tls.cert)
  copyFileSync(next.key, tls.key)
  await until(async () => (await shownAt(served.url)) !== before)
  // longer than the connections from before may live
  const beganMs = performance.now()
  await until(async () => performance.now() - beganMs > 2_500)

  expect(await Promise.all(results)).toEqual(results.map((_, n) => n * 2))
  expect(results.length).toBeGreaterThan(10)
  expect(runs).toBe(results.length)
  expect(served.log.messages('error')).toEqual([])
  await vi.waitFor(async () => expect((await mill.queues.list())[0]!.counts.running).toBe(0))
})
