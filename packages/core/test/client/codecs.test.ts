/** Codecs at work: inputs, results, checkpoints, flows, schedules. */
import { randomBytes } from 'node:crypto'
import { expect, test } from 'vitest'
import {
  chain,
  compressed,
  defineTask,
  encrypted,
  json,
  RetryAfterError,
  richJson,
  unchecked,
} from '../../src/index.ts'
import { World } from '../worker/world.ts'

interface Order {
  readonly at: Date
  readonly items: ReadonlyMap<string, bigint>
}

const order: Order = { at: new Date(1e12), items: new Map([['xyzzy', 3n]]) }
const a = randomBytes(32)
const codec = encrypted(compressed(richJson), { keys: { a }, use: 'a' })
const place = defineTask('order.place', { input: unchecked<Order>(), output: unchecked<Order>(), codec })

async function working(...handlers: readonly unknown[]) {
  const world = new World()
  const mill = world.mill()
  const worker = mill.worker({ handlers: handlers as never })
  await world.settle(worker.start())
  return { world, mill, worker }
}

test('inputs, results and checkpoints are kept by the codec, and read by it', async () => {
  const checkpoints: unknown[] = []
  const handler = place.handler(async (input, ctx) => {
    checkpoints.push(ctx.checkpointed)
    await ctx.checkpoint(new Set([input.at]))
    if (ctx.attempt === 1) throw new RetryAfterError('1s')
    return { ...input, at: new Date(0) }
  })
  const { world, mill } = await working(handler)
  const handle = await world.settle(mill.enqueue(place, order))
  const { payload } = (await world.record(handle.id))!
  expect(Buffer.from(payload as Uint8Array).toString('latin1')).not.toContain('xyzzy')
  expect(await mill.tasks.get(handle.id)).toMatchObject({ input: undefined, inputFrom: 'codec' })
  expect(await handle.status()).toMatchObject({ input: order, inputFrom: null })
  expect(await world.settle(handle.result({ within: '1m' }))).toEqual({ ...order, at: new Date(0) })
  expect(checkpoints).toEqual([undefined, new Set([order.at])])
  const { result, checkpoint } = (await world.record(handle.id))!
  for (const one of [result, checkpoint])
    expect(Buffer.from((one ?? new Uint8Array()) as Uint8Array).toString('latin1')).not.toContain('xyzzy')
})

test('a repeat under the same id is the same task, however often it is encrypted', async () => {
  const world = new World()
  const mill = world.mill()
  const id = '0199aaaa-0000-7000-8000-000000000001'
  const first = await world.settle(mill.enqueue(place, order, { id }))
  const again = await world.settle(mill.enqueue(place, order, { id }))
  expect([first.outcome, again.outcome]).toEqual(['created', 'duplicate'])
  const other = world.refusal(mill.enqueue(place, { ...order, at: new Date(7) }, { id }))
  expect((await other).code).toBe('conflict')
})

test('what was moved from another task, or has a key that is not there, fails at once and says which key', async () => {
  const later = defineTask('later', {
    input: unchecked<string>(),
    codec: encrypted(json, { keys: { b: randomBytes(32) }, use: 'b' }),
  })
  const now = defineTask('later', {
    input: unchecked<string>(),
    codec: encrypted(json, { keys: { a }, use: 'a' }),
  })
  const { world, mill } = await working(now.handler(() => 1))
  const lost = await world.settle(mill.enqueue(later, 'x'))
  const source = await world.settle(mill.enqueue(now, 'x', { delay: '1d' }))
  const { payload } = (await world.record(source.id))!
  const target = await world.settle(mill.enqueue(now, 'y', { delay: '1d' }))
  await world.store.command({
    nonce: '00000000000000aa',
    command: { kind: 'cancel', reason: null },
    target: { ids: [target.id] },
    tasksMax: 1,
  })
  await world.store.command({
    nonce: '00000000000000ab',
    command: { kind: 'retry', payload },
    target: { ids: [target.id] },
    tasksMax: 1,
  })
  const [one, two] = await world.ended([lost.id, target.id])
  expect(one).toMatchObject({ state: 'failed', reason: 'invalid', counters: { claims: 1 } })
  expect(one?.error).toMatchObject({
    code: 'decryption',
    message: expect.stringMatching(/key "b", which is not there/) as string,
  })
  expect(two).toMatchObject({ state: 'failed', reason: 'invalid', counters: { claims: 1 } })
  expect(two?.error).toMatchObject({
    code: 'decryption',
    message: expect.stringMatching(/key "a"/) as string,
  })
})

test('results feed the next steps of a flow that has the codec, and are at hand for it', async () => {
  const check = defineTask('order.check', { input: unchecked<Order>(), output: unchecked<Order>(), codec })
  const seen: unknown[] = []
  const { world, mill } = await working(
    place.handler((input) => input),
    check.handler(async (input, ctx) => {
      seen.push(...(await ctx.results(place)), await ctx.result(ctx.task.after[0]!))
      return input
    }),
  )
  const { last } = await world.settle(mill.enqueueFlow(chain(place.with(order), check)))
  expect(await world.settle(last.result({ within: '1m' }))).toEqual(order)
  expect(seen).toEqual([order, order])
})

test('a step without the codec cannot read it, and says so', async () => {
  const check = defineTask('order.check', { input: unchecked<unknown>() })
  const { world, mill } = await working(
    place.handler((input) => input),
    check.handler(() => 1),
  )
  const { last } = await world.settle(mill.enqueueFlow(chain(place.with(order), check)))
  const [record] = await world.ended([last.id])
  expect(record).toMatchObject({ state: 'failed', reason: 'invalid' })
  expect(record?.error?.message).toMatch(/written with a codec/)
})

test('every run of a schedule reads its input, and no other task does', async () => {
  const inputs: unknown[] = []
  const { world, mill } = await working(
    place.handler((input) => {
      inputs.push(input)
      return input
    }),
  )
  await world.settle(mill.schedules.put('hourly', { task: place, input: order, every: '1h' }))
  await world.time.advance(2.5 * 3_600_000)
  expect(inputs).toEqual([order, order])
})

test('batches read by the codec', async () => {
  const sums: unknown[] = []
  const { world, mill } = await working(
    place.batch({ size: 2, linger: '1s' }, (inputs) => {
      sums.push(inputs)
      return inputs
    }),
  )
  const handles = await world.settle(
    mill.enqueueMany([place.with(order), place.with(order)], { atomic: true }),
  )
  expect(await world.settle(handles[1].result({ within: '1m' }))).toEqual(order)
  expect(sums).toEqual([[order, order]])
})
