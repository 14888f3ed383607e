/** The rig's network keeps the order of what it carries, as TCP does: else what it shows were faults of its own. */
import { once } from 'node:events'
import { connect, createServer, type AddressInfo } from 'node:net'
import { text } from 'node:stream/consumers'
import { setImmediate as turn } from 'node:timers/promises'
import { expect, test } from 'vitest'
import { seededRandom } from '@millrace/core/simulation'
import { CALM, Proxy } from './proxy.ts'

const PIECES = 300

test('numbered pieces that are on their way for a while arrive in their order, and before the end', async () => {
  const echo = createServer({ allowHalfOpen: true, noDelay: true }, (socket) => void socket.pipe(socket))
  await once(echo.listen(0, '127.0.0.1'), 'listening')
  await using proxy = await Proxy.start((echo.address() as AddressInfo).port, seededRandom(1))
  proxy.faults = { ...CALM, latencyMs: [1, 20] }
  const client = connect({ port: proxy.port, host: '127.0.0.1', noDelay: true })
  const heard = text(client)
  const sent = Array.from({ length: PIECES }, (_, n) => `${n}\n`)
  for (const piece of sent) {
    client.write(piece)
    // so that each is a piece of its own
    await turn()
  }
  client.end()
  expect((await heard).trim().split('\n')).toEqual(sent.map((piece) => piece.trim()))
  echo.close()
})
