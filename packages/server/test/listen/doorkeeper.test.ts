/** Who makes connections that do harm waits until another is let in; what is connected goes on. */
import { Agent } from 'node:http'
import { connect } from 'node:net'
import { expect, test } from 'vitest'
import { Doorkeeper } from '../../src/listen/doorkeeper.ts'
import { ManualPlatform, TestLog } from '../fakes.ts'
import { get, Scene } from './scene.ts'

test('five times as much harm as is let pass in a second, and an address waits; others do not', () => {
  const platform = new ManualPlatform()
  const door = new Doorkeeper({ platform, logger: new TestLog(), perSecond: 2 })
  for (let count = 0; count < 9; count++) door.harmed('10.0.0.1')
  expect(door.check('10.0.0.1')).toBe(false)
  door.harmed('10.0.0.1')
  expect(door.check('10.0.0.1')).toBe(true)
  expect(door.check('10.0.0.2')).toBe(false)
  platform.advance(500)
  expect(door.check('10.0.0.1')).toBe(false)
  door.harmed('10.0.0.1', 1_000)
  // whoever goes on and on does not wait for ever
  platform.advance(5_500)
  expect(door.check('10.0.0.1')).toBe(false)
})

test('a connection that served nobody does harm, and one that did does not', () => {
  const door = new Doorkeeper({ platform: new ManualPlatform(), logger: new TestLog(), perSecond: 1 })
  for (let port = 0; port < 50; port++) {
    door.served(`10.0.0.1:${port}`)
    door.left(`10.0.0.1:${port}`, '10.0.0.1')
  }
  expect(door.check('10.0.0.1')).toBe(false)
  for (let port = 0; port < 5; port++) door.left(`10.0.0.1:${port}`, '10.0.0.1')
  expect(door.check('10.0.0.1')).toBe(true)
})

/** What comes back on a connection of its own, to the end. */
function sent(url: string, text: string): Promise<string> {
  return new Promise((resolve) => {
    const socket = connect({ port: Number(new URL(url).port), host: '127.0.0.1' })
    let heard = ''
    socket.setEncoding('latin1').on('data', (more: string) => (heard += more))
    socket.on('error', () => undefined) // being turned away is what is waited for
    socket.once('close', () => resolve(heard))
    socket.write(text)
  })
}

test('who sends nonsense again and again is turned away at both ports, and an open connection is served', async () => {
  await using scene = await Scene.start({
    platform: new ManualPlatform(),
    limits: { harmPerSecond: 1 },
    fetch: () => new Response('here'),
  })
  const agent = new Agent({ keepAlive: true, maxSockets: 1 })
  expect((await get(scene.url, { agent })).text).toBe('here')
  const answers: string[] = []
  for (let count = 0; count < 6; count++) answers.push(await sent(scene.url, 'nonsense\r\n\r\n'))
  expect(answers.slice(0, 5).every((answer) => answer.startsWith('HTTP/1.1 400'))).toBe(true)
  expect(answers[5]).toBe('')
  expect(await sent(scene.listening.grpcUrl!, 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n')).toBe('')
  expect((await get(scene.url, { agent })).text).toBe('here')
  agent.destroy()
})
