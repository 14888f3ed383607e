/** The running task, for code that is not handed its context, and what is enqueued in its name. */
import { expect, test } from 'vitest'
import { chain, currentTask, defineTask, unchecked } from '../../src/index.ts'
import { testMill } from '../../src/testing/index.ts'

const parent = defineTask('parent', { input: unchecked<string>() })
const child = defineTask('child', { input: unchecked<string>() })
const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve))

test('is known to whatever a handler calls, however deep and late, and to nobody else', async () => {
  const seen: unknown[] = []
  await using t = await testMill({
    handlers: [
      parent.handler(async (_, ctx) => {
        const looks = async (): Promise<boolean> => {
          const before = currentTask() === ctx
          await turn()
          return before && currentTask() === ctx
        }
        seen.push(await looks(), await Promise.all([looks(), looks()]))
      }),
      child.batch({ size: 2 }, (items) => {
        seen.push(currentTask())
        return items.map(() => undefined)
      }),
    ],
  })
  expect(currentTask()).toBeUndefined()
  await t.mill.enqueueMany([parent.with('a'), parent.with('b'), child.with('c')])
  await t.untilIdle()
  expect(seen.filter((one) => one !== undefined)).toEqual([true, [true, true], true, [true, true]])
  expect(seen.filter((one) => one === undefined)).toHaveLength(1)
  expect(currentTask()).toBeUndefined()
})

test('is nobody in what hears of it', async () => {
  const seen: unknown[] = []
  await using t = await testMill({
    handlers: parent.handler(async (_, ctx) => {
      ctx.progress(0.5)
      await ctx.checkpoint(1)
    }),
    plugins: [{ name: 'listen', event: (e) => void seen.push([e.name, currentTask()]) }],
  })
  await t.mill.enqueue(parent, 'a')
  await t.untilIdle()
  expect(seen).toEqual([
    ['started', undefined],
    ['succeeded', undefined],
  ])
})

test('whatever is enqueued inside a handler inherits its headers, and its own go first', async () => {
  await using t = await testMill({
    handlers: parent.handler(async (_, ctx) => {
      await ctx.enqueue(child, 'ctx')
      await ctx.enqueue(child, 'own', { headers: { trace: 'own', more: 'yes' } })
      await turn()
      await t.mill.enqueue(child, 'client')
      await t.mill.enqueueMany([child.with('many')])
      await t.mill.enqueueMany([child.with('atomic')], { atomic: true })
      await t.mill.enqueueFlow(chain(child.with('flow'), child.with('behind')))
    }),
  })
  await t.mill.enqueue(parent, '', { headers: { trace: 'x', tenant: 'y' } })
  await t.untilIdle()
  const headers = t.assertEnqueued(child).map((task) => [task.input, task.headers])
  const inherited = { trace: 'x', tenant: 'y' }
  expect(Object.fromEntries(headers)).toEqual({
    ctx: inherited,
    own: { trace: 'own', tenant: 'y', more: 'yes' },
    client: inherited,
    many: inherited,
    atomic: inherited,
    flow: inherited,
    behind: inherited,
  })
  await t.mill.enqueue(child, 'outside')
  expect(t.assertEnqueued(child, { input: 'outside' })[0]!.headers).toEqual({})
})

test('an item of a batch hands on what is its own', async () => {
  const batched = parent.batch({ size: 2 }, async (items, { items: contexts }) => {
    for (const [index, ctx] of contexts.entries()) await ctx.enqueue(child, items[index]!)
    return items.map(() => undefined)
  })
  await using t = await testMill({ handlers: batched })
  await t.mill.enqueueMany([
    parent.with('a', { headers: { of: 'a' } }),
    parent.with('b', { headers: { of: 'b' } }),
  ])
  await t.untilIdle()
  expect(t.assertEnqueued(child).map(({ input, headers }) => [input, headers])).toEqual([
    ['a', { of: 'a' }],
    ['b', { of: 'b' }],
  ])
})

test('that it is a run of a schedule a task keeps to itself, and a schedule inherits nothing', async () => {
  await using t = await testMill({
    handlers: parent.handler(async (_, ctx) => {
      await ctx.enqueue(child, ctx.task.schedule!.name)
      await t.mill.schedules.put('made-inside', { task: child, input: 'b', every: '1w' })
    }),
  })
  await t.mill.schedules.put('hourly', {
    task: parent,
    input: '',
    every: '1h',
    headers: { trace: 'x' },
  })
  await t.advance('61m')
  expect(t.assertEnqueued(child, { input: 'hourly' })[0]!.headers).toEqual({ trace: 'x' })
  expect(t.assertEnqueued(parent)[0]!.headers).toMatchObject({ trace: 'x' })
  const [made] = await t.mill.schedules.list().then((all) => all.filter(({ name }) => name === 'made-inside'))
  expect(JSON.stringify(made)).not.toContain('trace')
})
