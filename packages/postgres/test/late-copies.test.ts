/** Requests that arrive once more, behind their own repeat: an engine that stood still carries out what it was sent. */
import { expect, test } from 'vitest'
import { openHome, withServer } from './home.ts'
import { demand, exchange, groups, session, succeeded } from '../../sqlite/test/specs.ts'

withServer()

test('what a late copy of an exchange claims is not forgotten with what its repeat claimed', async () => {
  await using home = await openHome()
  const { store } = home
  const [other, request] = [await home.open(), session()]
  await store.openSession(request)
  await store.add({ groups: groups(3), again: false })
  const asked = exchange(request.session, { demand: demand(1) })
  const first = await store.exchange({ ...asked, again: true })
  // another client's connection stands for the one that was lost
  await other.exchange(asked).catch(() => undefined)
  await store.exchange(exchange(request.session, { settlements: first.claims.map(succeeded) }))
  for (let seq = 1; seq <= 3; seq++)
    await store.renew({ session: request.session, ttlMs: 60_000, seq, held: [], awaiting: [] })
  const [queue] = await store.queues()
  expect(queue?.counts).toMatchObject({ ready: 2, running: 0, succeeded: 1 })
})

test('two copies of an exchange at once lose nothing', async () => {
  await using home = await openHome()
  const { store } = home
  const [other, request] = [await home.open(), session()]
  await store.openSession(request)
  await store.add({ groups: groups(40), again: false })
  for (let round = 0; round < 10; round++) {
    const asked = exchange(request.session, { demand: demand(2) })
    const [answer] = await Promise.all([
      store.exchange({ ...asked, again: true }),
      other.exchange(asked).catch(() => undefined),
    ])
    await store.exchange(exchange(request.session, { settlements: answer.claims.map(succeeded) }))
  }
  for (let seq = 1; seq <= 3; seq++)
    await store.renew({ session: request.session, ttlMs: 60_000, seq, held: [], awaiting: [] })
  const [queue] = await store.queues()
  expect(queue?.counts.running).toBe(0)
  expect((queue?.counts.ready ?? 0) + (queue?.counts.succeeded ?? 0)).toBe(40)
})
