/** What a link says of calls whose connection is gone. */
import { EventEmitter } from 'node:events'
import { expect, test } from 'vitest'
import { ErrorReply } from '../src/replies.ts'
import { Link, type Wire } from '../src/link.ts'

/** A connection that does what the test tells it to. */
class TestWire extends EventEmitter implements Wire {
  readonly isOpen = true
  readonly isReady = true
  readonly sent = Promise.withResolvers<unknown>()
  readonly #connects: () => Promise<void>

  constructor(connects: () => Promise<void>) {
    super()
    this.#connects = connects
  }

  connect(): Promise<void> {
    return this.#connects()
  }

  sendCommand(): Promise<unknown> {
    return this.sent.promise
  }

  destroy(): void {}
  ref(): void {}
  unref(): void {}
}

test('why there is no connection any more says nothing of what a call did that was on its way', async () => {
  const first = new TestWire(() => Promise.resolve())
  const refused = Promise.withResolvers<void>()
  const wires = [
    first,
    new TestWire(() => {
      refused.resolve()
      return Promise.reject(new ErrorReply('LOADING Redis is loading the dataset in memory'))
    }),
  ]
  const dial = (): TestWire => wires.shift() ?? new TestWire(() => new Promise(() => undefined))
  const link = new Link({ url: 'redis://localhost', place: 'localhost', timeoutMs: 5_000, dial })
  await link.open()
  const call = link.command(['PING'])
  first.emit('error', new Error('reset'))
  await refused.promise
  // the link hears of that first
  await new Promise(setImmediate)
  first.sent.reject(new Error('the client is closed'))
  await expect(call).rejects.toMatchObject({ code: 'store-unavailable', effect: 'unknown' })
  link.close()
})
