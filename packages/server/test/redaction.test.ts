/** What is hidden cannot be found out by looking for it, nor by the store of clients, over any transport. */
import { describe, expect, test } from 'vitest'
import { openHome } from '../../sqlite/test/home.ts'
import { Mill } from '@millrace/core'
import { greet } from './calls/prepared.ts'
import { ID, OTHER } from './calls/making.ts'
import { GrpcScene, grpcTransport } from './grpc/grpc-scene.ts'
import { identity, serve } from './harness.ts'
import { rest } from './rest/rest-transport.ts'
import { Stage } from './stage.ts'
import type { Redact } from '../src/service/redaction.ts'
import type { Outcome, Transport } from './calls/transport.ts'

/** Customers are hidden in one queue, and from all but their clerk. */
const redact: Redact = (value, { what, queue, caller }) => {
  if (caller === 'clerk' || queue === 'open') return value
  if (what === 'metadata') return { ...(value as object), customer: '***' }
  return what === 'tags' ? [] : value
}

const FORBIDDEN = { refused: 'forbidden', detail: expect.stringContaining('hides') as string }

interface Asking {
  /** Asks as somebody who may look everywhere, or operate. */
  readonly ask: (call: string, input: object, as?: string) => Promise<Outcome>
}

async function asking(stage: Stage, transport: Transport): Promise<Asking> {
  for (const name of ['viewer', 'clerk']) stage.grant(name, 'viewer', '**')
  stage.grant('operator', 'operator', '**')
  const options = { tags: ['vip'], metadata: { customer: '42', color: 'red' }, delay: '1h' } as const
  await stage.mill.enqueue(greet, { name: 'a' }, { id: ID, ...options })
  await stage.mill.enqueue(greet, { name: 'a' }, { id: OTHER, queue: 'open', ...options })
  return { ask: (call, input, as = 'viewer') => transport(stage, call, { input: { ...input }, as }) }
}

async function idsOf(made: Promise<Outcome>): Promise<unknown> {
  const { output } = (await made) as {
    readonly output: { readonly tasks: readonly { readonly id: string }[] }
  }
  return output.tasks.map(({ id }) => id)
}

/** Answers what is found by what is shown. */
async function looks({ ask }: Asking): Promise<readonly unknown[]> {
  const here = { queue: 'default', type: 'greet' }
  for (const filter of [
    { metadata: { customer: '42' } },
    { metadata: { customer: '42' }, queue: 'default' },
    { ...here, metadata: { customer: '42' } },
    { ...here, metadata: { customer: '43' } },
    { ...here, metadata: { color: 'red', customer: '42' } },
    { ...here, tag: 'vip' },
    { text: '42' },
    { ...here, text: 'nothing' },
  ]) {
    expect([filter, await ask('tasks.list', filter)]).toEqual([filter, expect.objectContaining(FORBIDDEN)])
    expect([filter, await ask('tasks.dead', filter)]).toEqual([filter, expect.objectContaining(FORBIDDEN)])
    const preview = { action: 'hold', filter, preview: true }
    const acted = await ask('tasks.act', preview, 'operator')
    expect([filter, acted]).toEqual([filter, expect.objectContaining(FORBIDDEN)])
  }
  const open = { queue: 'open', type: 'greet' }
  return [
    await idsOf(ask('tasks.list', { ...open, metadata: { customer: '42' }, tag: 'vip' })),
    await idsOf(ask('tasks.list', { ...here, metadata: { customer: '42' } }, 'clerk')),
    await idsOf(ask('tasks.list', { ...here, state: ['scheduled'] })),
  ]
}

const SHOWN = [[OTHER], [ID], [ID]]

describe('a filter looks for nothing that is hidden', () => {
  test('over REST', async () => {
    await using stage = new Stage({ redact })
    expect(await looks(await asking(stage, rest))).toEqual(SHOWN)
  })

  test('over gRPC', async () => {
    const stage = new Stage({ redact })
    await using scene = await GrpcScene.open(stage)
    expect(await looks(await asking(stage, grpcTransport(scene)))).toEqual(SHOWN)
  })

  test('where nothing is hidden, it looks for anything', async () => {
    const stage = new Stage()
    await using scene = await GrpcScene.open(stage)
    for (const transport of [rest, grpcTransport(scene)]) {
      const { ask } = await asking(stage, transport)
      expect(await ask('tasks.list', { text: 'vip' })).toHaveProperty('output')
    }
  })
})

test('the store of clients shows tasks as they are to those who run them, and to nobody else', async () => {
  await using home = await openHome()
  await using served = await serve(home.store, { redact })
  await using direct = new Mill(home.store)
  await direct.enqueue(greet, { name: 'a' }, { id: ID, metadata: { customer: '42' } })
  await direct.enqueue(greet, { name: 'a' }, { id: OTHER, queue: 'other', metadata: { customer: '42' } })
  served.tokens.set('viewer', identity('viewer', 'viewer'))
  served.tokens.set('operator', identity('operator', 'operator'))
  served.tokens.set('worker', identity('worker', 'worker', ['default']))
  const listing = { filter: { metadata: { customer: '42' } }, cursor: null, limit: 10 }
  const hold = { nonce: '0000000000000001', command: { kind: 'hold' }, tasksMax: 10 } as const
  const forbidden = { code: 'forbidden', hint: expect.stringContaining('REST') as string }
  for (const token of ['viewer', 'operator']) {
    const store = await served.open(token)
    await expect(store.get([ID])).rejects.toMatchObject(forbidden)
    await expect(store.outcomes({ ids: [ID], bytesMax: 1_000 })).rejects.toMatchObject(forbidden)
    await expect(store.list(listing)).rejects.toMatchObject(forbidden)
    expect(await store.queues()).toHaveLength(2)
  }
  const operator = await served.open('operator')
  const target = { filter: { metadata: { customer: '42' } }, cursor: null }
  await expect(operator.command({ ...hold, target })).rejects.toMatchObject(forbidden)
  expect(await operator.command({ ...hold, target: { ids: [ID] } })).toMatchObject({ changed: 1 })
  const worker = await served.open('worker')
  expect((await worker.get([ID, OTHER])).map((record) => record?.id)).toEqual([ID, undefined])
  const admin = await served.open()
  expect((await admin.list(listing)).tasks).toHaveLength(2)
})
