/** Requests that arrive once more, behind their own repeat: an engine that stood still carries out what it was sent. */
import pg from 'pg'
import { expect, test } from 'vitest'
import { openHome, serverOf, sql, withServer } from './home.ts'
import { demand, exchange, group, groups, session, spec, succeeded } from '../../sqlite/test/specs.ts'

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

test('a gate that is opened while the first group behind it is on its way opens', async () => {
  await using home = await openHome()
  const { store, schema } = home
  const task = spec()
  await store.add({ groups: groups(1), again: false })
  const client = new pg.Client({ connectionString: serverOf().url })
  await client.connect()
  // another task under the same id, which will not have been there
  await client.query(`BEGIN; UPDATE ${schema}.live SET id = '${task.id}'`)
  const adding = store.add({ groups: [{ ...group(task), gate: 'gate' }], again: false })
  const waiting = async (): Promise<number> => (await sql('SELECT FROM pg_locks WHERE NOT granted')).length
  await expect.poll(waiting).toBe(1)
  const opening = store.openGate('gate')
  await expect.poll(waiting).toBe(2)
  await client.query('ROLLBACK')
  await client.end()
  expect(await adding).toMatchObject([{ outcome: 'added' }])
  expect(await opening).toBe('open')
  await store.sweep({ tasksMax: 10 })
  expect((await store.get([task.id]))[0]?.state).toBe('pending')
})

test('a task that was taken over and then forgotten is missed for as long as it takes', async () => {
  await using home = await openHome()
  const { store, schema } = home
  const [gone, request] = [session(), session()]
  await store.openSession(gone)
  await store.openSession(request)
  await store.add({ groups: groups(1), again: false })
  await store.exchange(exchange(gone.session, { demand: demand(1) }))
  await store.closeSession(gone.session)
  const taking = { session: request.session, again: false, tasksMax: 10, graceMs: 0 }
  expect((await store.reclaim({ ...taking, nonce: '00000000000000aa' })).tasks).toHaveLength(1)
  await sql(`UPDATE ${schema}.live SET missed = 32767`)
  const renewal = { session: request.session, ttlMs: 60_000, seq: 1, held: [], awaiting: [] }
  expect(await store.renew(renewal)).toMatchObject({ session: 'alive' })
  expect((await store.reclaim({ ...taking, nonce: '00000000000000ab' })).tasks).toHaveLength(1)
})
