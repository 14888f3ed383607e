/** What is kept in bounds: policies without number, demands without measure, ids of removed tasks, payloads of any size. */
import { createClient } from '@redis/client'
import { expect, test } from 'vitest'
import { demand, exchange, groups, group, session, spec, succeeded } from '../../sqlite/test/specs.ts'
import { openHome, serverUrl, useServer } from './home.ts'
import type { TaskPolicy } from '@millrace/core/store'

useServer()

async function redis(...args: readonly string[]): Promise<void> {
  const client = await createClient({ url: serverUrl() }).connect()
  await client.sendCommand(args)
  client.destroy()
}

test('policies beyond the number that is kept once stand in their tasks', async () => {
  await using home = await openHome()
  const { store } = home
  const known = Array.from({ length: 20_000 }, (_, n) => [`policy ${n}`, '\x00\x00\x00']).flat()
  for (let from = 0; from < known.length; from += 10_000) {
    await redis('HSET', `{mr:${home.namespace}}T`, ...known.slice(from, from + 10_000))
  }
  const policies = [1, 2].map((n): TaskPolicy => ({ retry: { kind: 'delays', delaysMs: [n] } }))
  const tasks = policies.map((policy, n) => spec({ policy, timeoutMs: 1_000 + n }))
  await store.add({ groups: tasks.map((task) => group(task)), again: false })
  const records = await store.get(tasks.map(({ id }) => id))
  expect(records.map((record) => record?.policy)).toEqual(policies)
  const mine = session()
  await store.openSession(mine)
  const other = await home.open()
  const { claims } = await other.exchange(exchange(mine.session, { demand: demand(5) }))
  expect(claims.map(({ policy, timeoutMs }) => ({ policy, timeoutMs }))).toEqual(
    policies.map((policy, n) => ({ policy, timeoutMs: 1_000 + n })),
  )
  const { verdicts } = await other.exchange(exchange(mine.session, { settlements: claims.map(succeeded) }))
  expect(verdicts).toEqual(['applied', 'applied'])
})

test('a demand without measure is served a thousand at a time', async () => {
  await using home = await openHome()
  const { store } = home
  const mine = session()
  await store.openSession(mine)
  for (let batch = 0; batch < 5; batch++) await store.add({ groups: groups(1_000), again: false })
  const counts: number[] = []
  for (let asked = 0; asked < 6; asked++) {
    const answer = await store.exchange(exchange(mine.session, { demand: demand(100_000) }))
    counts.push(answer.claims.length)
    expect(answer.nextInMs).toBe(asked < 4 ? 0 : null)
  }
  expect(counts).toEqual([1_000, 1_000, 1_000, 1_000, 1_000, 0])
})

test('payloads of any size come back as they were, through claims, retries and ends', async () => {
  await using home = await openHome()
  const { store } = home
  const mine = session()
  await store.openSession(mine)
  const sizes = [0, 1, 127, 1_024, 8_191, 8_192, 8_193, 100_000]
  const payloads = sizes.flatMap((size) => ['☃'.repeat(Math.floor(size / 3)), new Uint8Array(size).fill(255)])
  const tasks = payloads.map((payload) => spec({ payload }))
  await store.add({ groups: tasks.map((task) => group(task)), again: false })
  for (let lives = 0; lives < 3; lives++) {
    const { claims } = await store.exchange(exchange(mine.session, { demand: demand(100) }))
    expect(claims.toSorted(byTask(tasks)).map(({ payload }) => payload)).toEqual(payloads)
    const transition = { to: 'pending', count: 'failure', delayMs: 0, error: null } as const
    const settlements = claims.map(({ id, epoch, nonce }) => {
      return { fence: { task: id, epoch, nonce }, seq: 1, transition, notes: null }
    })
    await store.exchange(exchange(mine.session, { settlements }))
  }
  const records = await store.get(tasks.map(({ id }) => id))
  expect(records.map((record) => record?.payload)).toEqual(payloads)
})

function byTask(tasks: readonly { readonly id: string }[]) {
  const order = new Map(tasks.map(({ id }, index) => [id, index]))
  return (a: { readonly id: string }, b: { readonly id: string }): number =>
    order.get(a.id)! - order.get(b.id)!
}

test('calls are carried out in their order, also where one of them names what is new', async () => {
  await using home = await openHome()
  const { store } = home
  await store.add({ groups: groups(1), again: false })
  const parent = spec({ type: 'unheard-of', queue: 'new' })
  const child = spec({ after: [{ parent: parent.id, ifFailed: 'run' }] })
  const answers = await Promise.all([
    store.add({ groups: [group(parent)], again: false }),
    store.add({ groups: [group(child)], again: false }),
    store.get([child.id]),
  ])
  expect(answers[1]).toMatchObject([{ outcome: 'added' }])
  expect(answers[2]).toMatchObject([{ state: 'blocked' }])
})
