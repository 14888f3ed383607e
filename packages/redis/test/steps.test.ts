/** Redis serves nobody else while a script runs: what may be long is done in steps, and what readers ask for is not read to its end. */
import { createClient } from '@redis/client'
import { expect, test } from 'vitest'
import { demand, exchange, group, groups, session, spec, succeeded } from '../../sqlite/test/specs.ts'
import { openHome, serverUrl, useServer } from './home.ts'
import type { RedisStore } from '../src/index.ts'

useServer()

/** More than one step looks at. */
const MANY = 6_000
const NO_BOUNDS = { succeededMs: null, cancelledMs: null, failedMs: null, count: null, bytes: null }

async function redis(...args: readonly string[]): Promise<unknown> {
  const client = await createClient({ url: serverUrl() }).connect()
  const reply: unknown = await client.sendCommand(args)
  client.destroy()
  return reply
}

/** How often scripts have called a command since. */
async function callsOf(command: string, act: () => Promise<unknown>): Promise<number> {
  await redis('CONFIG', 'RESETSTAT')
  await act()
  const stats = String(await redis('INFO', 'commandstats'))
  return Number(new RegExp(`cmdstat_${command}:calls=(\\d+)`).exec(stats)?.[1] ?? 0)
}

/** Adds that many tasks, each with a dependent if asked to, and lets them succeed. */
async function finish(store: RedisStore, { dependents }: { readonly dependents: boolean }): Promise<void> {
  const mine = session()
  await store.openSession(mine)
  for (let done = 0; done < MANY; done += 500) {
    const tasks = Array.from({ length: 500 }, () => spec())
    const children = tasks.map(({ id }) => {
      return group(spec({ type: 'child', held: true, after: [{ parent: id, ifFailed: 'run' }] }))
    })
    await store.add({ groups: tasks.map((task) => group(task)), again: false })
    if (dependents) await store.add({ groups: children, again: false })
    const { claims } = await store.exchange(exchange(mine.session, { demand: demand(500) }))
    await store.exchange(exchange(mine.session, { settlements: claims.map(succeeded) }))
  }
}

test('parents of live tasks are passed over in steps', async () => {
  await using home = await openHome()
  const { store } = home
  await finish(store, { dependents: true })
  const retention = { ...NO_BOUNDS, count: 0 }
  const passed = await callsOf('lpop', async () => {
    expect(await store.prune({ tasksMax: 100, retention })).toEqual({ changed: 0, more: true })
  })
  expect(passed).toBeLessThan(MANY)
  while ((await store.prune({ tasksMax: 100, retention })).more);
  const [queue] = await store.queues()
  expect(queue?.counts).toMatchObject({ held: MANY, succeeded: MANY })
  expect(await store.prune({ tasksMax: 100, retention })).toEqual({ changed: 0, more: false })
}, 60_000)

test('what commands took out of the line of ended tasks is passed over in steps', async () => {
  await using home = await openHome()
  const { store } = home
  await finish(store, { dependents: false })
  let cursor: string | null = null
  do {
    const target = { filter: { queue: 'default' }, cursor }
    const remove = { kind: 'remove' } as const
    const answer = await store.command({
      nonce: 'ab'.repeat(8),
      command: remove,
      target,
      tasksMax: 1_000,
    })
    cursor = answer.cursor
  } while (cursor !== null)
  const retention = { ...NO_BOUNDS, succeededMs: 0 }
  const passed = await callsOf('lpop', async () => {
    expect(await store.prune({ tasksMax: 100, retention })).toMatchObject({ more: true })
  })
  expect(passed).toBeLessThan(MANY)
  while ((await store.prune({ tasksMax: 1_000, retention })).more);
  expect(await redis('KEYS', `{mr:${home.namespace}}f*`)).toEqual([])
}, 60_000)

test('queues are shown without a look at each ready task', async () => {
  await using home = await openHome()
  const { store } = home
  for (let type = 0; type < 50; type++) {
    await store.add({ groups: groups(100, { type: `type-${type}` }), again: false })
  }
  const looked = await callsOf('getrange', async () => {
    const [queue] = await store.queues()
    expect(queue).toMatchObject({ counts: { ready: 5_000 }, oldestReadyAt: expect.any(Number) as number })
  })
  expect(looked).toBeLessThan(5_000 / 2)
})
