/** What is kept in bounds: policies without number, demands without measure, ids of removed tasks, payloads of any size. */
import { createClient } from '@redis/client'
import { expect, test } from 'vitest'
import { demand, exchange, groups, group, session, spec, succeeded } from '../../sqlite/test/specs.ts'
import { openHome, serverUrl, useServer } from './home.ts'
import type { TaskPolicy } from '@millrace/core/store'

useServer()

async function redis(...args: readonly string[]): Promise<unknown> {
  const client = await createClient({ url: serverUrl() }).connect()
  const reply: unknown = await client.sendCommand(args)
  client.destroy()
  return reply
}

/** How much the server has sent so far. */
async function sentBytes(): Promise<number> {
  return Number(/total_net_output_bytes:(\d+)/.exec(String(await redis('INFO', 'stats')))![1])
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

test('a list does not carry what tasks hold, however large that is', async () => {
  await using home = await openHome()
  const { store } = home
  const mine = session()
  await store.openSession(mine)
  await store.add({ groups: groups(20), again: false })
  const { claims } = await store.exchange(exchange(mine.session, { demand: demand(20) }))
  const large = `"${'x'.repeat(400_000)}"`
  const settlements = claims.map((claim, index) => {
    const { fence, seq, notes } = succeeded(claim)
    const ended = { to: 'succeeded', result: large } as const
    const transition = index % 2 === 0 ? ended : ({ to: 'running', checkpoint: large } as const)
    return { fence, seq, transition, notes }
  })
  await store.exchange(exchange(mine.session, { settlements }))
  const before = await sentBytes()
  for (const states of [undefined, ['succeeded'] as const]) {
    const { tasks } = await store.list({ filter: { states }, limit: 100, cursor: null })
    expect(tasks).toHaveLength(states === undefined ? 20 : 10)
  }
  expect((await sentBytes()) - before).toBeLessThan(50_000)
})

test('an end that very many tasks wait for is told in steps that do not grow', async () => {
  await using home = await openHome()
  const { store } = home
  const root = spec()
  await store.add({ groups: [group(root)], again: false })
  for (let batch = 0; batch < 12; batch++) {
    const families = Array.from({ length: 500 }, () => {
      const child = spec({ after: [{ parent: root.id, ifFailed: 'cancel' }] })
      return group(child, spec({ after: [{ parent: child.id, ifFailed: 'cancel' }] }))
    })
    await store.add({ groups: families, again: false })
  }
  await redis('CONFIG', 'RESETSTAT')
  const cancel = { kind: 'cancel', reason: null } as const
  await store.command({
    nonce: '01'.repeat(8),
    command: cancel,
    target: { ids: [root.id] },
    tasksMax: 1,
  })
  while ((await store.deliver({ tasksMax: 1_000 })).more);
  const [queue] = await store.queues()
  expect(queue?.counts).toMatchObject({ blocked: 0, cancelled: 12_001 })
  const usage = String(await redis('INFO', 'commandstats'))
  const [, calls, usec] = /cmdstat_zrange:calls=(\d+),usec=(\d+)/.exec(usage)!
  // each looks at the front of the outbox, not at all of it
  expect(Number(usec) / Number(calls)).toBeLessThan(50)
}, 60_000)

test('labels count among the bytes that are kept', async () => {
  await using home = await openHome()
  const { store } = home
  const mine = session()
  await store.openSession(mine)
  await store.add({ groups: groups(100, { headers: { trace: 'x'.repeat(8_000) } }), again: false })
  const { claims } = await store.exchange(exchange(mine.session, { demand: demand(100) }))
  await store.exchange(exchange(mine.session, { settlements: claims.map(succeeded) }))
  const retention = { succeededMs: null, cancelledMs: null, failedMs: null, count: null, bytes: 100_000 }
  await store.prune({ tasksMax: 1_000, retention })
  const [queue] = await store.queues()
  expect(queue?.counts.succeeded).toBe(12)
})

test('a worker may publish any number of definitions', async () => {
  await using home = await openHome()
  const definitions = Array.from({ length: 5_000 }, (_, n) => {
    return { type: `type-${n}`, queue: 'default', level: 2, options: '{}', schema: null }
  })
  const { session: state } = await home.store.openSession(session({ definitions }))
  expect(state).toBe('alive')
  expect(await home.store.definitions()).toHaveLength(5_000)
})

test('a request that cannot be written does no harm to the next one', async () => {
  await using home = await openHome()
  const { store } = home
  await expect(store.outcomes({ ids: [], bytesMax: Infinity })).rejects.toThrow(RangeError)
  expect(await store.outcomes({ ids: [], bytesMax: 1 })).toEqual([])
})

test('the first calls on a connection are carried out in their order, too', async () => {
  await using home = await openHome()
  await home.store.get([])
  await redis('SCRIPT', 'FLUSH')
  // knows what reads, on a server that knows nothing of what adds
  const store = await home.open()
  await store.get([])
  const task = spec()
  const [, [there]] = await Promise.all([
    store.add({ groups: [group(task)], again: false }),
    store.get([task.id]),
  ])
  expect(there).toMatchObject({ state: 'pending' })
})
