/** The crash kit: it finds what a careless handler does twice, and finds nothing in a careful one. */
import { readFile } from 'node:fs/promises'
import { describe, expect, test } from 'vitest'
import { defineTask, unchecked } from '../../src/index.ts'
import { crashTest, type CrashKit } from '../../src/testing/index.ts'

const mail = defineTask('mail', { input: unchecked<{ order: number }>() })
const charge = defineTask('charge', {
  input: unchecked<{ order: number }>(),
  output: unchecked<string>(),
})
const order = charge.with({ order: 7 })

/** Asks the payment service without telling it what it would know a repeat by. */
function careless({ effect }: CrashKit) {
  const pay = effect('pay', async (of: number) => `receipt ${of}`)
  return charge.handler(async ({ order: of }, ctx) => {
    const receipt = await pay(of)
    await ctx.checkpoint({ receipt })
    return receipt
  })
}

/** Hands over its idempotency key, and remembers what it has done. */
function careful({ effect }: CrashKit) {
  const receipts = new Map<string, string>()
  const pay = effect(
    'pay',
    async (key: string, of: number) => {
      const receipt = receipts.get(key) ?? `receipt ${of}.${receipts.size}`
      receipts.set(key, receipt)
      return receipt
    },
    { key: (key) => key },
  )
  const send = effect('send', (of: number, key: string) => void [of, key], { key: (_, key) => key })
  return [
    charge.handler(async ({ order: of }, ctx) => {
      const saved = ctx.checkpointed as { receipt: string } | undefined
      const receipt = saved?.receipt ?? (await pay(ctx.idempotencyKey, of))
      if (saved === undefined) await ctx.checkpoint({ receipt })
      await ctx.enqueue(mail, { order: of }, { key: 'mail' })
      return receipt
    }),
    mail.handler(async ({ order: of }, ctx) => send(of, ctx.idempotencyKey)),
  ]
}

/** The lines of what an assertion says. */
function said(assertion: () => void): readonly string[] {
  try {
    assertion()
  } catch (error) {
    return (error as Error).message.split('\n').map((line) => line.trim())
  }
  return []
}

test('a run is interrupted in each way at each point', async () => {
  const { scenarios } = await crashTest({ task: order, handlers: careless })
  const places = [
    'before pay',
    'after pay',
    'before ctx.checkpoint',
    'after ctx.checkpoint',
    'after the handler',
  ]
  const interruptions = (['kill', 'lose', 'twice'] as const).flatMap((kind) =>
    places.map((place, index) => ({ kind, point: index + 1, place })),
  )
  expect(scenarios.map(({ interruption }) => interruption)).toEqual([null, ...interruptions])
  expect(scenarios.map(({ runs }) => runs)).toEqual([1, ...interruptions.map(() => 2)])
  for (const { ending } of scenarios)
    expect(ending).toMatchObject({ state: 'succeeded', result: 'receipt 7' })
})

describe('a careless handler', () => {
  test('is shown where its effect takes place twice', async () => {
    const report = await crashTest({ task: order, handlers: careless, kinds: ['kill'] })
    expect(said(() => report.assertOnce())).toEqual([
      'In 4 of 6 scenarios an effect did not take place exactly once:',
      'killed after pay (point 2): pay(7) took place twice instead of once',
      'killed before ctx.checkpoint (point 3): pay(7) took place twice instead of once',
      'killed after ctx.checkpoint (point 4): pay(7) took place twice instead of once',
      'killed after the handler (point 5): pay(7) took place twice instead of once',
    ])
    report.assertOnce('another effect')
    report.assertSameEnding()
  })

  test('is shown where its outcome depends on the run', async () => {
    const report = await crashTest({
      task: order,
      kinds: ['kill'],
      handlers: ({ effect }) => {
        let calls = 0
        const count = effect('count', () => (calls += 1))
        return charge.handler(async () => `call ${await count()}`)
      },
    })
    expect(said(() => report.assertSameEnding())[1]).toBe(
      'killed after count (point 2): charge succeeded with "call 2" instead of charge succeeded with "call 1"',
    )
  })

  test('is shown what it enqueues anew in each run', async () => {
    let next = 0
    const report = await crashTest({
      task: order,
      kinds: ['kill'],
      handlers: () =>
        charge.handler(async (input, ctx) => {
          await ctx.enqueue(mail, input, { key: `mail ${(next += 1)}` })
          return 'done'
        }),
    })
    expect(said(() => report.assertSameEnding())[1]).toBe(
      'killed after ctx.enqueue (point 2): charge succeeded with "done", mail pending, mail pending instead of charge succeeded with "done", mail pending',
    )
  })
})

test('a careful handler does everything once, whatever happens to its worker', async () => {
  const report = await crashTest({ task: order, handlers: careful })
  expect(report.scenarios.length).toBe(1 + 3 * 7)
  report.assertOnce()
  report.assertSameEnding()
  expect(report.undisturbed).toMatchObject({
    effects: [
      { name: 'pay', key: order.id, run: 1 },
      { name: 'send', run: 0 },
    ],
    children: [{ type: 'mail', state: 'succeeded' }],
  })
})

test('a run that lost its lease goes on when another one is done, and is told so by whatever it writes', async () => {
  const told: unknown[] = []
  const report = await crashTest({
    task: order,
    kinds: ['lose'],
    handlers: ({ effect }) => {
      const pay = effect('pay', (attempt: number) => attempt)
      return charge.handler(async (_, ctx) => {
        await pay(ctx.fence.epoch)
        await ctx.checkpoint(1).catch((error: { code: string }) => told.push(error.code))
        return `epoch ${ctx.fence.epoch}`
      })
    },
  })
  expect(told).toEqual(['fenced', 'fenced', 'fenced'])
  for (const { interruption, ending } of report.scenarios)
    expect(ending.result).toBe(interruption === null ? 'epoch 1' : 'epoch 3')
  const beforeIt = report.scenarios.find(({ interruption }) => interruption?.place === 'before pay')
  expect(beforeIt?.effects.map(({ run }) => run)).toEqual([2, 1])
})

test('time of its own passes in an instant, and real work is waited for', async () => {
  const report = await crashTest({
    task: order,
    kinds: ['kill'],
    // the kit's own clock, which is virtual
    handlers: ({ effect, sleep: moveTime }) => {
      const work = effect('work', async () => (await readFile(import.meta.filename, 'utf8')).slice(0, 3))
      return charge.handler(async () => {
        await moveTime('10m')
        return work()
      })
    },
  })
  for (const { ending } of report.scenarios)
    expect(ending).toMatchObject({ state: 'succeeded', result: '/**' })
})

test('a run that never ends is an error that says what may be the matter', async () => {
  const crashed = crashTest({
    task: order,
    within: '1h',
    handlers: () => charge.handler(() => new Promise(() => undefined)),
  })
  await expect(crashed).rejects.toThrow('did not come to its end within 3600000 ms, undisturbed. Real timers')
})

test.each([
  [{ task: order, handlers: [] }, 'handlers is an array, which is no function.'],
  [{ task: order, handlers: careless, kinds: ['explode'] }, 'kinds is '],
  [{ task: order, handlers: careless, kind: ['kill'] }, 'no "kind"'],
])('%o is refused', async (options, message) => {
  await expect(crashTest(options as never)).rejects.toThrow(message)
})
