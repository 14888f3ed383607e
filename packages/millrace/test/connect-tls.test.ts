/** `connect` to a server with TLS, by files. */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { newAuthority } from '../../../test/servers/certificates.ts'
import { connect, createMill, defineTask, unchecked } from '../src/index.ts'
import { createServer } from '@millrace/server'

const double = defineTask('double', { input: unchecked<number>(), output: unchecked<number>() })

let folder: string
beforeEach(() => (folder = mkdtempSync(join(tmpdir(), 'millrace-tls-'))))
afterEach(() => rmSync(folder, { recursive: true }))

test('a private authority is trusted, and a certificate of the client is its credential', async () => {
  const authority = newAuthority(folder)
  const { cert, key } = authority.issue('localhost')
  const mine = authority.issue('build-7', { names: 'DNS:build-7.example' })
  await using store = await connect('memory:')
  await using server = createServer(store, {
    auth: { certificates: { 'build-7': [{ role: 'worker', queues: ['default'] }] } },
  })
  const { grpcUrl } = await server.listen({ port: 0, grpcPort: 0, tls: { cert, key, ca: authority.cert } })
  await using mill = await connect(grpcUrl!, { tls: { ca: authority.cert, ...mine } })
  await mill.worker({ handlers: [double.handler((n) => n * 2)] }).start()
  const handle = await mill.enqueue(double, 21)
  expect(await handle.result({ within: '10s' })).toBe(42)
  const beganMs = performance.now()
  await expect(connect(grpcUrl!, { tls: mine })).rejects.toMatchObject({
    code: 'store-unavailable',
    hint: expect.stringContaining('`ca`') as string,
  })
  // it is no outage, which might pass
  expect(performance.now() - beganMs).toBeLessThan(3_000)
})

test('files that are not there, and certificates for what is no server, are refused', async () => {
  const none = join(folder, 'none.pem')
  expect(() => createMill('https://localhost', { tls: { ca: none } })).toThrow(
    /tls.ca cannot be read \(ENOENT\)/,
  )
  expect(() => createMill('https://localhost', { tls: { cert: import.meta.filename } })).toThrow(
    /private key/,
  )
  expect(() => createMill('memory:', { tls: {} })).toThrow(/this store is none/)
  // @ts-expect-error there is no such member
  expect(() => createMill('https://localhost', { tls: { rejectUnauthorized: false } })).toThrow(
    /rejectUnauthorized/,
  )
})
