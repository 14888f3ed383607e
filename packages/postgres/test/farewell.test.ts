/** A server that opens a connection and takes it back with the very same bytes. */
import { createServer, type AddressInfo, type Server } from 'node:net'
import pg from 'pg'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { PostgresStore } from '../src/index.ts'

let server: Server
beforeEach(async () => {
  server = createServer((socket) => {
    socket.on('error', () => undefined)
    socket.once('data', () => socket.end(Buffer.concat([welcome(), farewell()])))
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
})
afterEach(() => void server.close())

/** AuthenticationOk and ReadyForQuery. */
function welcome(): Buffer {
  return Buffer.from([0x52, 0, 0, 0, 8, 0, 0, 0, 0, 0x5a, 0, 0, 0, 5, 0x49])
}

/** As when the postmaster was killed. */
function farewell(): Buffer {
  const fields = Buffer.from('SFATAL\0C57P01\0Mterminating connection due to unexpected postmaster exit\0\0')
  const head = Buffer.from([0x45, 0, 0, 0, 0])
  head.writeInt32BE(fields.length + 4, 1)
  return Buffer.concat([head, fields])
}

const url = (): string => `postgres://millrace@127.0.0.1:${(server.address() as AddressInfo).port}/postgres`

test('is an error of the call, and no end of the process', async () => {
  const store = new PostgresStore({ url: url() })
  await expect(store.open()).rejects.toMatchObject({ code: 'store-unavailable' })
  await store.close()
})

test('with a pool of the user, too', async () => {
  const pool = new pg.Pool({ connectionString: url() })
  pool.on('error', () => undefined)
  const store = new PostgresStore({ pool })
  await expect(store.open()).rejects.toMatchObject({ code: 'store-unavailable' })
  await store.close()
  await pool.end()
})
