/** What renews leases on another thread, here on this one: by its own connection, it answers what the store does. */
import { execFileSync } from 'node:child_process'
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { connect, type AddressInfo } from 'node:net'
import { join } from 'node:path'
import tls from 'node:tls'
import { createClient } from '@redis/client'
import { afterAll, afterEach, beforeAll, expect, test, vi } from 'vitest'
import type { Leases, LeasesModule, RenewRequest } from '@millrace/core/store'
import { demand, exchange, groups, session } from '../../sqlite/test/specs.ts'
import { startRedis, type RedisServer } from '../../../test/servers/redis.ts'
import { redisLeases } from '../src/redis-leases.ts'
import { RedisStore } from '../src/index.ts'

const TTL = 15_000

let server: RedisServer
const open: { close(): Promise<void> }[] = []
beforeAll(async () => void (server = await startRedis({ args: ['--requirepass', 'first'] })))
afterEach(async () => {
  for (const one of open.splice(0)) await one.close()
})
afterAll(() => server.server.stop())

function urlWith({ user = '', password = 'first', database = '', port = server.server.port } = {}): string {
  return `redis://${user}:${password}@127.0.0.1:${port}/${database}`
}

async function redis(...args: readonly string[]): Promise<void> {
  const client = await createClient({ url: urlWith() }).connect()
  await client.sendCommand(args)
  client.destroy()
}

async function openStore(url: string, more: { readonly timeoutMs?: number } = {}): Promise<RedisStore> {
  const store = new RedisStore({ url, ...more })
  await store.open()
  open.push(store)
  return store
}

function leasesOf(store: RedisStore, changes: { readonly url?: string } = {}): Leases {
  const { options } = store.elsewhere as LeasesModule
  const sent = structuredClone(options) as Parameters<typeof redisLeases>[0]
  const leases = redisLeases({ ...sent, ...changes })
  open.push(leases)
  return leases
}

async function openLeases(store: RedisStore): Promise<Leases> {
  const leases = leasesOf(store)
  await leases.open()
  return leases
}

/** A session, and what its next renewal lists: two tasks that it has, one of which it does not list. */
async function working(store: RedisStore): Promise<RenewRequest> {
  const mine = session({ ttlMs: TTL })
  await store.openSession(mine)
  await store.add({ groups: groups(3), again: false })
  const { claims } = await store.exchange(exchange(mine.session, { demand: demand(3) }))
  const held = claims.map(({ id: task, epoch, nonce }) => ({ fence: { task, epoch, nonce }, started: true }))
  return { session: mine.session, ttlMs: TTL, seq: 1, held, awaiting: [] }
}

test('it lists, hears of what was lost and of what is to stop, and of orders', async () => {
  const store = await openStore(urlWith({ database: '1' }))
  const leases = await openLeases(store)
  const request = await working(store)
  expect(await leases.renew(request)).toMatchObject({
    session: 'alive',
    lost: [],
    cancelled: [],
    order: null,
  })
  const [first, second] = request.held!
  await store.command({
    nonce: '0000000000000001',
    command: { kind: 'cancel', reason: 'enough' },
    target: { ids: [first!.fence.task] },
    tasksMax: 1,
  })
  await store.orderSession({ session: request.session, end: 'drain', concurrency: 7 })
  const unknown = { fence: { ...second!.fence, epoch: 99 }, started: false }
  const answer = await leases.renew({ ...request, seq: 2, held: [...request.held!, unknown] })
  expect(answer).toMatchObject({
    session: 'alive',
    lost: [unknown.fence],
    cancelled: [{ fence: first!.fence, reason: 'enough' }],
    order: { end: 'drain', concurrency: 7 },
  })
  // and by who is blocked
  expect(await leases.renew({ ...request, seq: 3, held: null })).toMatchObject({
    session: 'alive',
    lost: [],
    cancelled: [{ fence: first!.fence, reason: 'enough' }],
  })
  await store.closeSession(request.session)
  expect(await leases.renew(request)).toMatchObject({
    session: 'dead',
    lost: request.held!.map(({ fence }) => fence),
  })
  expect(await leases.renew({ ...request, held: null })).toMatchObject({ session: 'dead' })
})

test('it is let in as a user whose name and password have to be encoded, in the database of the URL', async () => {
  await redis('ACL', 'SETUSER', 'u@er', 'on', '>p@ss/w:rd', '~*', '&*', '+@all')
  const url = urlWith({ user: 'u%40er', password: 'p%40ss%2Fw%3Ard', database: '3' })
  const store = await openStore(url)
  const leases = await openLeases(store)
  expect(await leases.renew(await working(store))).toMatchObject({ session: 'alive' })
  const elsewhere = leasesOf(store, { url: url.replace(/3$/, '4') })
  await expect(elsewhere.open()).rejects.toMatchObject({ code: 'store-schema' })
})

test('the rights of the README are enough', async () => {
  const readme = readFileSync(new URL('../README.md', import.meta.url), 'utf8')
  const recipe = /^ACL SETUSER .*$/m.exec(readme)![0].replaceAll('NAMESPACE', 'default')
  await redis(...recipe.replace('PASSWORD', 'second').split(' '))
  const store = await openStore(urlWith({ user: 'millrace', password: 'second' }))
  const leases = await openLeases(store)
  const request = await working(store)
  expect(await leases.renew(request)).toMatchObject({ session: 'alive' })
  expect(await leases.renew({ ...request, held: null })).toMatchObject({ session: 'alive' })
})

test.each([
  ['a wrong password', { password: 'wrong' }, /refuses the user or the password/],
  ['no password', { password: '' }, /asks for a password/],
])('%s is refused in the words of the store', async (_, changes, message) => {
  const store = await openStore(urlWith())
  const leases = leasesOf(store, { url: urlWith(changes) })
  await expect(leases.open()).rejects.toMatchObject({
    code: 'store-unavailable',
    message: expect.stringMatching(message) as unknown,
    effect: 'final',
  })
})

test('a server that forgets its scripts is told them again, and one that is made anew is entered again', async () => {
  const store = await openStore(urlWith({ database: '5' }))
  const leases = await openLeases(store)
  const request = await working(store)
  await leases.renew(request)
  await redis('SCRIPT', 'FLUSH')
  expect(await leases.renew(request)).toMatchObject({ session: 'alive' })
  await redis('FLUSHALL')
  const anew = await openStore(urlWith({ database: '5' }))
  expect(await leases.renew(request)).toMatchObject({ session: 'dead' })
  expect(await leases.renew(await working(anew))).toMatchObject({ session: 'alive' })
})

test('a server that hangs or is killed fails the renewal in time, and the next ones go through', async () => {
  await using own = await startRedis()
  const store = await openStore(own.url, { timeoutMs: 400 })
  const leases = await openLeases(store)
  const request = await working(store)
  process.kill(own.server.pid!, 'SIGSTOP')
  const before = performance.now()
  await expect(leases.renew(request)).rejects.toMatchObject({ code: 'store-unavailable', effect: 'unknown' })
  expect(performance.now() - before).toBeLessThan(1_500)
  // what hangs accepts connections, but lets nobody in
  await expect(leases.renew(request)).rejects.toMatchObject({ code: 'store-unavailable', effect: 'none' })
  process.kill(own.server.pid!, 'SIGCONT')
  const goesOn = async (): Promise<void> =>
    expect(await leases.renew(request)).toMatchObject({ session: 'alive' })
  await vi.waitFor(goesOn, { timeout: 10_000, interval: 20 })
  await own.server.kill('SIGKILL')
  await expect(leases.renew(request)).rejects.toMatchObject({ code: 'store-unavailable' })
  await own.server.start()
  await vi.waitFor(goesOn, { timeout: 10_000, interval: 20 })
}, 30_000)

/** A certificate for this machine, made for this run. */
function certificate(folder: string): { readonly key: Buffer; readonly cert: Buffer } {
  const [key, cert] = [join(folder, 'key.pem'), join(folder, 'cert.pem')] as const
  const of = ['-subj', '/CN=localhost', '-addext', 'subjectAltName=DNS:localhost', '-days', '1', '-nodes']
  const made = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-keyout', key, '-out', cert]
  execFileSync('openssl', ['req', '-x509', ...made, ...of], { stdio: 'ignore' })
  return { key: readFileSync(key), cert: readFileSync(cert) }
}

test('with TLS: to a server whose certificate is trusted, and to no other', async () => {
  const { key, cert } = certificate(server.server.folder)
  const front = tls.createServer({ key, cert }, (socket) => {
    const behind = connect(server.server.port, '127.0.0.1')
    socket.pipe(behind).pipe(socket)
    for (const one of [socket, behind])
      one.on('error', () => [socket, behind].forEach((both) => both.destroy()))
  })
  front.on('tlsClientError', () => undefined)
  await once(front.listen(0, '127.0.0.1'), 'listening')
  const store = await openStore(urlWith())
  const url = `rediss://:first@localhost:${(front.address() as AddressInfo).port}`
  await expect(leasesOf(store, { url }).open()).rejects.toMatchObject({
    code: 'store-unavailable',
    message: expect.stringMatching(/self-signed certificate/) as unknown,
  })
  const trusted = tls.getCACertificates('default')
  tls.setDefaultCACertificates([...trusted, cert.toString()])
  try {
    const leases = leasesOf(store, { url })
    await leases.open()
    expect(await leases.renew(await working(store))).toMatchObject({ session: 'alive' })
    await leases.close()
  } finally {
    tls.setDefaultCACertificates(trusted)
    front.close()
  }
})
