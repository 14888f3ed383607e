/** Budgets hold for whoever adds by the StoreService, whatever their client judges by itself. */
import { randomUUID } from 'node:crypto'
import { MemoryStore, Mill, systemPlatform } from '@millrace/core'
import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { createServer, type Server } from '../src/index.ts'
import { RemoteStore } from '../src/remote/index.ts'
import { greet } from './calls/prepared.ts'
import { TestLog } from './fakes.ts'
import type { GroupAnswer, TaskGroup, TaskSpec } from '@millrace/core/store'

let mill: Mill
let server: Server
let url: string
let store: RemoteStore
beforeEach(async () => {
  mill = new Mill(new MemoryStore({ platform: systemPlatform }), { logger: new TestLog() })
  server = createServer(mill)
  const { grpcUrl } = await server.listen({ port: 0, grpcPort: 0 })
  url = grpcUrl!
  store = new RemoteStore({ url })
  await store.open()
})
afterEach(async () => {
  await store.close()
  await server.close('now')
  await mill.close()
})

function spec(id: string, changes: Partial<TaskSpec> = {}): TaskSpec {
  const policy = { retry: { kind: 'fixed', attempts: 3, baseMs: 1_000 } } as const
  const times = { dueByMs: null, timeoutMs: null, startByMs: null, deadlineMs: null }
  const lists = { needs: [], after: [], tags: [], metadata: {}, headers: {} }
  const made = {
    id,
    idMadeBy: 'client',
    digest: id.slice(-16),
    type: 'greet',
    queue: 'small',
    level: 2,
  } as const
  const rest = { lane: null, due: { inMs: 0 }, held: false, payload: '{"name":"a"}', policy, unique: null }
  return { ...made, ...times, ...lists, ...rest, ...changes }
}

const groupOf = (...tasks: readonly TaskSpec[]): TaskGroup => ({ tasks, under: null, gate: null })

async function add(groups: readonly TaskGroup[], again = false): Promise<readonly GroupAnswer[]> {
  return store.add({ groups, again })
}

const ids = (count: number): readonly string[] => Array.from({ length: count }, () => randomUUID())
const FULL = { outcome: 'rejected', rejection: { code: 'backpressure' } }
const ADDED = { outcome: 'added' }

test('who does not look at the budgets itself gets no more tasks in than they have room for', async () => {
  await mill.budgets.put({ queue: 'small' }, { tasks: 3 })
  const [one, two, three, four] = ids(4) as [string, string, string, string]
  expect(await add([groupOf(spec(one)), groupOf(spec(two))])).toMatchObject([ADDED, ADDED])
  // whole, or not at all; and others beside it are not held up by it
  const other = spec(randomUUID(), { queue: 'large' })
  const answers = await add([groupOf(spec(three), spec(four)), groupOf(other)])
  expect(answers).toMatchObject([
    {
      ...FULL,
      rejection: { message: 'The queue small holds 2 of 3 tasks; 2 more do not fit.', retryAfterMs: null },
    },
    ADDED,
  ])
  expect(await add([groupOf(spec(three)), groupOf(spec(four))])).toMatchObject([ADDED, FULL])
  const [small] = (await mill.queues.list()).filter(({ queue }) => queue === 'small')
  expect(small!.counts.ready).toBe(3)
})

test('nor more bytes, nor more of a period, whatever it says of what it has used', async () => {
  await mill.budgets.put({ queue: 'small' }, { bytes: 30 })
  await mill.budgets.put({ queue: 'rare' }, { quota: { tasks: 2, per: '1d' } })
  expect(await add([groupOf(spec(randomUUID(), { payload: '"'.padEnd(29, 'x') + '"' }))])).toMatchObject([
    ADDED,
  ])
  expect(await add([groupOf(spec(randomUUID()))])).toMatchObject([FULL])
  const rare = (): TaskGroup => groupOf(spec(randomUUID(), { queue: 'rare' }))
  expect(await add([rare(), rare()])).toMatchObject([ADDED, ADDED])
  const [refused] = await add([rare()])
  expect(refused).toMatchObject(FULL)
  const { rejection } = refused as { readonly rejection: { readonly retryAfterMs: number } }
  expect(rejection.retryAfterMs).toBeGreaterThan(0)
})

test('what a client that judges by itself has used of a quota is counted once', async () => {
  await mill.budgets.put({ queue: 'rare' }, { quota: { tasks: 4, per: '1d' } })
  await using client = new Mill(new RemoteStore({ url }), { logger: new TestLog() })
  for (let index = 0; index < 4; index += 1) await client.enqueue(greet, { name: 'a' }, { queue: 'rare' })
  await expect(client.enqueue(greet, { name: 'a' }, { queue: 'rare' })).rejects.toMatchObject({
    code: 'backpressure',
    retryAfterMs: expect.any(Number) as number,
  })
  const usage = async (): Promise<number> => {
    const [rare] = (await mill.budgets.list()).filter(({ scope }) => scope.kind === 'queue')
    return rare!.spent.tasks
  }
  // both tell the store now and then
  await vi.waitFor(async () => expect(await usage()).toBe(4), { timeout: 5_000 })
  await client.close()
  expect(await usage()).toBe(4)
})

test('a repeat of what was written is told so, however full it is by now', async () => {
  await mill.budgets.put({ queue: 'small' }, { tasks: 1 })
  const [one, two] = ids(2) as [string, string]
  expect(await add([groupOf(spec(one))])).toMatchObject([ADDED])
  expect(await add([groupOf(spec(one)), groupOf(spec(two))], true)).toMatchObject([
    { ...ADDED, tasks: [{ outcome: 'duplicate' }] },
    FULL,
  ])
})
