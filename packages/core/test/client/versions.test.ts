/** Tasks of older and newer code: run by newer workers, left alone by older ones. */
import { describe, expect, test } from 'vitest'
import { z } from 'zod'
import { chain, defineTask, unchecked, type AnyTask, type TaskTypes } from '../../src/index.ts'
import { World } from '../worker/world.ts'

const v1 = defineTask('greet', { input: z.object({ name: z.string() }), output: z.string() })
const v2 = defineTask('greet', {
  input: z.object({ first: z.string(), last: z.string() }),
  output: z.string(),
  version: 2,
  upcast: { 1: splitName },
})
const v3 = defineTask('greet', {
  input: z.object({ names: z.array(z.string()) }),
  output: z.string(),
  version: 3,
  upcast: {
    1: splitName,
    2: ({ first, last }: { first: string; last: string }) => ({ names: [first, last] }),
  },
})

function splitName({ name }: { name: string }) {
  const [first = '', last = ''] = name.split(' ')
  return { first, last }
}

const asJson = (input: unknown) => JSON.stringify(input)

async function working(
  world: World,
  ...handlers: Parameters<ReturnType<World['mill']>['worker']>[0]['handlers'][]
) {
  const worker = world.mill().worker({ handlers: handlers as never })
  await world.settle(worker.start())
  return worker
}

describe('tasks of older code', () => {
  test('go through all steps from their version to the one that runs them', async () => {
    const world = new World()
    const mill = world.mill()
    const first = await world.settle(mill.enqueue(v1, { name: 'Ada Lovelace' }))
    const second = await world.settle(mill.enqueue(v2, { first: 'Grace', last: 'Hopper' }))
    const third = await world.settle(mill.enqueue(v3, { names: ['Barbara'] }))
    await working(world, v3.handler(asJson))
    expect(await world.settle(first.result({ within: '1m' }))).toBe('{"names":["Ada","Lovelace"]}')
    expect(await world.settle(second.result({ within: '1m' }))).toBe('{"names":["Grace","Hopper"]}')
    expect(await world.settle(third.result({ within: '1m' }))).toBe('{"names":["Barbara"]}')
  })

  test('go through them, too, where their input is the result of another', async () => {
    const world = new World()
    const mill = world.mill()
    const name = defineTask('name', { input: unchecked<string>(), output: unchecked<{ name: string }>() })
    const { last } = await world.settle(mill.enqueueFlow(chain(name.with('Ada Lovelace'), v1)))
    await working(
      world,
      v2.handler(asJson),
      name.handler((text) => ({ name: text })),
    )
    expect(await world.settle(last.result({ within: '1m' }))).toBe('{"first":"Ada","last":"Lovelace"}')
  })

  test.each<[why: string, task: AnyTask, says: RegExp]>([
    [
      'a step throws',
      withSteps(
        {
          1: () => {
            throw new Error('no name')
          },
        },
        2,
      ),
      /from version 1 to 2: no name/,
    ],
    ['a step is asynchronous', withSteps({ 1: async () => 1 }, 2), /the step is asynchronous/],
    ['what comes out does not match', withSteps({ 1: () => 1 }, 2), /does not match its schema/],
    ['they are too old', withSteps({ 2: (old) => old }, 3), /of version 1, from which there is no upcast/],
  ])('fail at once where %s', async (_, task, says) => {
    const world = new World()
    const { id } = await world.settle(world.mill().enqueue(v1, { name: 'Ada' }))
    await working(world, (task as typeof v1).handler(asJson))
    const [record] = await world.ended([id])
    expect(record).toMatchObject({ state: 'failed', reason: 'invalid', counters: { claims: 1 } })
    expect(record?.error?.message).toMatch(says)
  })
})

describe('tasks of newer code', () => {
  test('are not touched by older workers, and run once there is a newer one', async () => {
    const world = new World()
    const { id } = await world.settle(world.mill().enqueue(v2, { first: 'Ada', last: 'Lovelace' }))
    const old = await working(world, v1.handler(asJson))
    const stranded: unknown[] = []
    old.on('stranded', (route) => stranded.push(route))
    await world.time.advance(300_000)
    expect(await world.record(id)).toMatchObject({
      state: 'pending',
      counters: { claims: 0 },
      needs: ['greet@2'],
    })
    expect(stranded).toMatchObject([{ type: 'greet', needs: ['greet@2'] }])
    await working(world, v3.handler(asJson))
    const [record] = await world.ended([id])
    expect(record).toMatchObject({ state: 'succeeded', result: '"{\\"names\\":[\\"Ada\\",\\"Lovelace\\"]}"' })
  })

  test('are claimed by workers that offer what else they need', async () => {
    const world = new World()
    const mill = world.mill()
    const handle = await world.settle(mill.enqueue(v2, { first: 'A', last: 'L' }, { needs: ['gpu'] }))
    expect((await world.record(handle.id))?.needs).toEqual(['gpu', 'greet@2'])
    const worker = mill.worker({ handlers: v2.handler(asJson), offers: ['gpu'] })
    await world.settle(worker.start())
    expect(await world.settle(handle.result({ within: '1m' }))).toBe('{"first":"A","last":"L"}')
  })
})

test('tasks without a version are kept as they always were', async () => {
  const world = new World()
  const { id } = await world.settle(world.mill().enqueue(v1, { name: 'Ada' }))
  const record = await world.record(id)
  expect(record?.needs).toEqual([])
  expect(Object.keys(record!.policy)).toEqual(['retry'])
})

test('options of a call keep the version', async () => {
  const world = new World()
  const { id } = await world.settle(
    world.mill().enqueue(v2, { first: 'Ada', last: 'L' }, { timeout: '1m', retry: false }),
  )
  expect((await world.record(id))?.policy).toMatchObject({ version: 2 })
})

test.each<[options: { version?: unknown; upcast?: unknown }, says: RegExp]>([
  [{ version: 0 }, /The version of the task t is 0/],
  [{ version: 1.5 }, /The version of the task t is 1.5/],
  [{ version: 2_000 }, /The version of the task t is 2000/],
  [{ version: 2 }, /has no upcast from version 1/],
  [{ version: 4, upcast: { 1: splitName, 3: splitName } }, /has no upcast from version 2/],
  [{ version: 3, upcast: { 1: splitName } }, /has no upcast from version 2/],
  [{ version: 2, upcast: { 1: 'x' } }, /has an upcast from 1, and its version is 2/],
  [{ version: 2, upcast: { 1: splitName, 2: splitName } }, /has an upcast from 2/],
  [{ upcast: { 1: splitName } }, /has an upcast from 1, and its version is 1/],
  [{ version: 2, upcast: 7 }, /The upcast of the task t is 7/],
])('%j is refused when the task is defined', (options, says) => {
  expect(() => defineTask('t', { input: unchecked(), ...options } as never)).toThrow(
    expect.objectContaining({ code: 'invalid-argument', message: expect.stringMatching(says) as string }),
  )
})

function withSteps(
  upcast: Record<number, (old: unknown) => unknown>,
  version: number,
): AnyTask & { '~task': TaskTypes } {
  return defineTask('greet', { input: z.object({ name: z.string() }), output: z.string(), version, upcast })
}
