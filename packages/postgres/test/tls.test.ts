/** TLS towards Postgres: whom the store trusts, how it names itself, and files that change while it runs. */
import { chmodSync, chownSync, copyFileSync, mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import pg from 'pg'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { newAuthority, type Authority, type CertificateFiles } from '../../../test/servers/certificates.ts'
import { startPostgres, type PostgresServer } from '../../../test/servers/postgres.ts'
import { PostgresStore } from '../src/index.ts'
import { postgresLeases } from '../src/postgres-leases.ts'

let folder: string
let ours: Authority
let other: Authority
let mine: CertificateFiles
let server: PostgresServer
let admin: pg.Client

/** It reads only what is its own. */
function give(from: string, name: string): string {
  const data = join(server.server.folder, 'data')
  const path = join(data, name)
  copyFileSync(from, path)
  const { uid, gid } = statSync(data)
  chownSync(path, uid, gid)
  chmodSync(path, 0o600)
  return path
}

async function certify({ cert, key }: CertificateFiles): Promise<void> {
  give(cert, 'server.crt')
  give(key, 'server.key')
  await admin.query('SELECT pg_reload_conf()')
}

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'millrace-tls-'))
  ours = newAuthority(folder, 'ours')
  other = newAuthority(folder, 'other')
  mine = ours.issue('millrace')
  server = await startPostgres()
  admin = new pg.Client({ connectionString: server.url })
  await admin.connect()
  give(ours.cert, 'root.crt')
  await admin.query(`ALTER SYSTEM SET ssl_ca_file = 'root.crt'`)
  await admin.query('ALTER SYSTEM SET ssl = on')
  // whoever comes without TLS, or without a certificate, is not let in
  const rules = join(folder, 'rules')
  writeFileSync(rules, 'hostssl all all all trust clientcert=verify-full\n')
  give(rules, 'pg_hba.conf')
  await certify(ours.issue('localhost', { as: 'server' }))
}, 60_000)

afterAll(async () => {
  await admin.end()
  await server.server.stop()
  rmSync(folder, { recursive: true })
})

function urlOf(parameters: Readonly<Record<string, string>>): string {
  return `postgres://millrace@localhost:${server.server.port}/postgres?${String(new URLSearchParams(parameters))}`
}

const FULL = { sslmode: 'verify-full' }
const named = (): Record<string, string> => ({ ...FULL, sslcert: mine.cert, sslkey: mine.key })

async function opened(url: string): Promise<number> {
  const store = new PostgresStore({ url })
  try {
    await store.open()
    return await store.now()
  } finally {
    await store.close()
  }
}

test('the store and the thread that renews leases speak TLS, with a certificate of their own', async () => {
  const url = urlOf({ ...named(), sslrootcert: ours.cert })
  expect(await opened(url)).toBeGreaterThan(0)
  const leases = postgresLeases({ url, schema: 'millrace', prepare: true })
  await leases.open()
  await leases.close()
})

test.each<[string, () => Record<string, string>]>([
  ['nobody who signs it is named', () => named()],
  ['somebody else has signed it', () => ({ ...named(), sslrootcert: other.cert })],
  ['a file is not there', () => ({ ...named(), sslrootcert: join(folder, 'none.pem') })],
  ['TLS is not asked for', () => ({ sslmode: 'disable' })],
  ['the store has no certificate of its own', () => ({ ...FULL, sslrootcert: ours.cert })],
])('there is no way in where %s', async (_, parameters) => {
  await expect(opened(urlOf(parameters()))).rejects.toMatchObject({
    code: expect.stringMatching(/^store-/) as string,
  })
})

test('files that change count for the next connection, without a restart', async () => {
  const trusted = join(folder, 'trusted.pem')
  copyFileSync(ours.cert, trusted)
  const url = urlOf({ ...named(), sslrootcert: trusted })
  const store = new PostgresStore({ url })
  await store.open()
  await certify(other.issue('localhost', { as: 'next' }))
  await expect
    .poll(() => opened(url).catch((error: unknown) => (error as { code: string }).code))
    .toMatch(/^store-/)
  copyFileSync(other.cert, trusted)
  await store.reconnect()
  expect(await store.now()).toBeGreaterThan(0)
  await store.close()
})
