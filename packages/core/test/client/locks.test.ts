/** `mill.lock`: one holder at a time, as far as a lease goes. */
import { describe, expect, test } from 'vitest'
import { Mill, StoreError } from '../../src/index.ts'
import { jumpy, silent, World } from '../worker/world.ts'

const SECOND = 1_000

const away = (): never => {
  throw new StoreError('store-unavailable', 'away', { effect: 'none' })
}

describe('a lock', () => {
  test('is held by one, until it is given back', async () => {
    const world = new World()
    const [one, other] = [world.mill(), world.mill()]
    const first = await world.settle(one.lock('door'))
    expect(await world.refusal(other.lock('door'))).toMatchObject({ code: 'lock-held' })
    expect(await world.refusal(one.lock('door'))).toMatchObject({ code: 'lock-held' })
    const elsewhere = await world.settle(other.lock('window'))
    expect((await one.locks()).map(({ name, token }) => [name, token])).toEqual([
      ['door', first.token],
      ['window', elsewhere.token],
    ])
    await first.release()
    await first.release()
    const second = await world.settle(other.lock('door'))
    expect(second.token).toBeGreaterThan(elsewhere.token)
    expect([first.signal.aborted, second.signal.aborted]).toEqual([false, false])
  })

  test('is given back at the end of its block', async () => {
    const world = new World()
    const mill = world.mill()
    {
      await using lock = await mill.lock('door')
      expect(lock.name).toBe('door')
    }
    expect(await mill.locks()).toEqual([])
  })

  test('is waited for', async () => {
    const world = new World()
    const mill = world.mill()
    const first = await world.settle(mill.lock('door'))
    const waiting = world.mill().lock('door', { within: '1m' })
    await world.time.advance(20 * SECOND)
    await first.release()
    const before = world.time.nowMs
    expect((await world.settle(waiting)).token).toBeGreaterThan(first.token)
    expect(world.time.nowMs - before).toBeLessThan(SECOND)
  })

  test('is waited for no longer than was said, or than the signal allows', async () => {
    const world = new World()
    await world.settle(world.mill().lock('door'))
    const line = world.line()
    const mill = world.mill(line)
    const before = world.time.nowMs
    expect(await world.refusal(mill.lock('door', { within: '10s' }))).toMatchObject({
      code: 'lock-held',
      message: 'The lock door was not free within 10000 ms.',
    })
    expect(world.time.nowMs - before).toBeGreaterThanOrEqual(10 * SECOND)
    expect(world.time.nowMs - before).toBeLessThan(11 * SECOND)
    expect(line.count('acquireLock')).toBeLessThan(40)
    const abort = new AbortController()
    const aborted = mill.lock('door', { within: '1h', signal: abort.signal })
    await world.time.advance(SECOND)
    abort.abort(new Error('enough'))
    expect((await world.refusal(aborted)).message).toBe('enough')
  })

  test('is renewed for as long as it is held', async () => {
    const world = new World()
    const lock = await world.settle(world.mill().lock('door', { lease: '3s' }))
    await world.time.advance(60 * SECOND)
    expect(lock.signal.aborted).toBe(false)
    lock.throwIfLost()
    expect(await world.refusal(world.mill().lock('door'))).toMatchObject({ code: 'lock-held' })
  })

  test('is lost, and says so, before anybody else can have it, when the store is away for too long', async () => {
    const world = new World()
    const line = world.line()
    const lock = await world.settle(world.mill(line).lock('door'))
    let lostAt = 0
    lock.signal.addEventListener('abort', () => (lostAt = world.time.nowMs))
    line.keep('renewLock', away)
    const next = world.settle(world.mill().lock('door', { within: '1m' }))
    const { token } = await next
    expect(lostAt).toBeGreaterThan(10 * SECOND)
    expect(lostAt).toBeLessThan(world.time.nowMs)
    expect(token).toBeGreaterThan(lock.token)
    expect(() => lock.throwIfLost()).toThrow(/was lost/)
    expect(lock.signal.reason).toMatchObject({ code: 'fenced', reason: 'lost' })
    await lock.release()
  })

  test('survives a store that is away for a while', async () => {
    const world = new World()
    const line = world.line()
    const lock = await world.settle(world.mill(line).lock('door'))
    line.keep('renewLock', away)
    await world.time.advance(9 * SECOND)
    line.free('renewLock')
    await world.time.advance(60 * SECOND)
    expect(lock.signal.aborted).toBe(false)
  })

  test('is lost where the machine has slept', async () => {
    const world = new World()
    const platform = jumpy(world.time.platform())
    const lock = await world.settle(new Mill(world.line().store, { platform, logger: silent }).lock('door'))
    platform.jumpMs = 20 * SECOND
    expect(() => lock.throwIfLost()).toThrow(/was lost/)
    expect(lock.signal.aborted).toBe(true)
  })

  test('goes with the client that held it, and nobody waits any more', async () => {
    const world = new World()
    const mill = world.mill()
    const held = await world.settle(world.mill().lock('window'))
    await world.settle(mill.lock('door'))
    const waiting = mill.lock('window', { within: '1h' })
    waiting.catch(() => undefined)
    await world.time.advance(SECOND)
    await world.settle(mill.close())
    await expect(waiting).rejects.toMatchObject({ code: 'closed' })
    expect(await world.refusal(mill.lock('door'))).toMatchObject({ code: 'closed' })
    expect((await world.store.locks()).map(({ name }) => name)).toEqual(['window'])
    await held.release()
  })

  test('that comes when its client closes is given back', async () => {
    const world = new World()
    const line = world.line()
    line.keep('acquireLock', async (pass) => {
      const answer = await pass()
      await world.sleep(SECOND)
      return answer
    })
    const mill = world.mill(line)
    const coming = mill.lock('door')
    coming.catch(() => undefined)
    await world.time.advance(100)
    await world.settle(mill.close())
    await expect(coming).rejects.toMatchObject({ code: 'closed' })
    expect(await world.store.locks()).toEqual([])
  })

  test.each<[string, unknown, RegExp]>([
    ['no name', {}, /The lock is/],
    ['door', { signal: 5 }, /signal is 5/],
    ['door', { withn: 1 }, /no 'withn'|no "withn"/],
    ['door', { within: 'long' }, /no duration/],
    ['door', { lease: 10 }, /lease is 10/],
  ])('is refused with what cannot be: %s %j', async (name, options, message) => {
    const world = new World()
    const line = world.line()
    await expect(world.mill(line).lock(name, options as never)).rejects.toThrow(message)
    expect(line.calls).toEqual([])
  })
})
