/** Changed schemas are noticed, and what is queued is run through new code without running it. */
import { describe, expect, test } from 'vitest'
import { z } from 'zod'
import { chain, compressed, defineTask, json, unchecked } from '../../src/index.ts'
import type { WorkerEvents } from '../../src/index.ts'
import { World } from '../worker/world.ts'

const old = defineTask('greet', { input: z.object({ name: z.string(), age: z.number().optional() }) })
const same = defineTask('greet', { input: z.object({ name: z.string(), age: z.number().optional() }) })
const changed = defineTask('greet', { input: z.object({ name: z.string().min(3) }) })
const raised = defineTask('greet', {
  input: z.object({ names: z.array(z.string()) }),
  version: 2,
  upcast: {
    1: ({ name }: { name: string }) => {
      if (name === '') throw new Error('nameless')
      return { names: name.split(' ') }
    },
  },
})

const nothing = (): void => undefined

async function started(world: World, task: typeof old | typeof changed | typeof raised) {
  const worker = world.mill().worker({ handlers: task.handler(nothing as never) as never })
  const changes: WorkerEvents['schemaChanged'][] = []
  worker.on('schemaChanged', (change) => changes.push(change))
  await world.settle(worker.start())
  return { worker, changes }
}

describe('a worker tells at its start', () => {
  test('of a schema that is another one than was published for the same version', async () => {
    const world = new World()
    const first = await started(world, old)
    expect(first.changes).toEqual([])
    await world.settle(first.worker.stop())
    const { changes } = await started(world, changed)
    expect(changes).toEqual([
      {
        type: 'greet',
        version: 1,
        published: expect.any(String) as string,
        here: expect.any(String) as string,
      },
    ])
    expect(changes[0]?.here).not.toBe(changes[0]?.published)
    expect((await started(world, changed)).changes).toEqual([])
  })

  test.each([
    ['the same schema, made anew', same],
    ['another one of another version', raised],
  ])('of nothing where it is %s', async (_, task) => {
    const world = new World()
    await started(world, old)
    expect((await started(world, task)).changes).toEqual([])
  })
})

describe('mill.check', () => {
  test('lists what would fail, and changes nothing', async () => {
    const world = new World()
    const mill = world.mill()
    const inputs = ['Ada Lovelace', '', 'Bo'].map((name) => mill.enqueue(old, { name }, { delay: '1h' }))
    const [good, nameless, short] = await world.settle(Promise.all(inputs))
    const before = await world.store.get([good!.id, nameless!.id, short!.id])
    expect(await world.settle(mill.check(raised.handler(nothing)))).toEqual({
      tasks: 3,
      later: 0,
      failing: 1,
      misfits: [
        {
          id: nameless!.id,
          type: 'greet',
          queue: 'default',
          state: 'pending',
          version: 1,
          code: 'invalid-payload',
          message: 'The input of greet could not be brought from version 1 to 2: nameless',
        },
      ],
      changed: [],
    })
    const { failing, misfits } = await world.settle(mill.check(changed.handler(nothing)))
    expect(failing).toBe(2)
    expect(new Set(misfits.map(({ id }) => id))).toEqual(new Set([nameless!.id, short!.id]))
    expect(await world.store.get([good!.id, nameless!.id, short!.id])).toEqual(before)
  })

  test('names changed schemas, tasks of newer code, and payloads that the codec does not read', async () => {
    const world = new World()
    await started(world, old)
    const mill = world.mill()
    await world.settle(mill.enqueue(raised, { names: [] }))
    const shrunk = defineTask('big', { input: unchecked<string>(), codec: compressed(json) })
    await world.settle(mill.enqueue(shrunk, 'x'.repeat(5_000), { delay: '1h' }))
    const big = defineTask('big', { input: unchecked<string>() })
    const found = await world.settle(mill.check([changed.handler(nothing), big.handler(nothing)]))
    expect(found.changed).toMatchObject([{ type: 'greet', version: 1 }])
    expect(found.misfits.map(({ type, version, message }) => [type, version, message])).toEqual([
      ['greet', 2, expect.stringMatching(/of version 2; this code knows versions up to 1/)],
      ['big', 1, expect.stringMatching(/written with a codec/)],
    ])
    expect((await world.settle(mill.check(shrunk.handler(nothing)))).failing).toBe(0)
  })

  test('looks at no input that is not there yet, and at nothing that has ended', async () => {
    const world = new World()
    const mill = world.mill()
    const make = defineTask('make', { input: unchecked<null>(), output: unchecked<{ name: string }>() })
    const { first } = await world.settle(mill.enqueueFlow(chain(make.with(null), old))).then(({ steps }) => ({
      first: steps[0],
    }))
    const ended = await world.settle(mill.enqueue(old, { name: 'Bo' }))
    await ended.cancel()
    const found = await world.settle(
      mill.check([changed.handler(nothing), make.handler(() => ({ name: '' }))]),
    )
    expect(found).toMatchObject({ tasks: 2, later: 1, failing: 0 })
    expect(first.id).toBeDefined()
  })
})
