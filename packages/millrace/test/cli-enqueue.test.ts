/** A producer that has only a name is held to what the definition says, as far as its worker published it. */
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { connect } from '../src/index.ts'
import { jsonLines, millrace, millraceHere as run, Place } from './command-line.ts'

let place: Place
const folder = process.cwd()

beforeAll(async () => {
  place = new Place()
  process.chdir(place.path)
  const index = JSON.stringify(new URL('../src/index.ts', import.meta.url).href)
  const zod = JSON.stringify(import.meta.resolve('zod'))
  writeFileSync(
    join(place.path, 'handlers.ts'),
    `import { defineTask, unchecked } from ${index}
     import { z } from ${zod}
     const at = z.object({ name: z.string(), size: z.enum(['small', 'large']).optional() })
     const schema = (made: object) => ({ '~standard': { ...unchecked<number>()['~standard'], jsonSchema: { input: () => made } } })
     const tasks = [
       defineTask('greet', { input: at }),
       defineTask('nested', { input: z.strictObject({ list: z.array(at) }) }),
       defineTask('odd', { input: schema({ type: 'strange' }) }),
       defineTask('later', { input: schema({ $async: true, type: 'string' }) }),
       defineTask('path', { input: at, unique: { key: ({ name }) => name } }),
       defineTask('latest', { input: at, unique: { key: ({ name }) => name, while: 'waiting', then: 'replace' } }),
       defineTask('strict', { input: at, unique: { key: ({ name }) => name, then: 'reject' } }),
       defineTask('turns', { input: at, partition: { key: ({ name }) => name, fifo: true } }),
       defineTask('both', { input: at, partition: ({ name }) => name, limits: [{ name: 'each', key: ({ name }) => name }] }),
       defineTask('limited', {
         input: at,
         limits: [{ name: 'all', concurrency: 1 }, { name: 'each', key: ({ name }) => name, concurrency: 1 }],
         breaker: { name: 'mail' },
       }),
     ]
     export const handlers = tasks.map((task) => task.handler(() => undefined))`,
  )
  await millrace(['worker', 'handlers.ts', '--until-idle'], { cwd: place.path })
})
afterAll(() => {
  process.chdir(folder)
  place[Symbol.dispose]()
})

async function tasksOf(type: string): Promise<readonly Readonly<Record<string, unknown>>[]> {
  return jsonLines((await run(['tasks', '--type', type, '--json'])).stdout)
}

describe('an input that does not match the published schema', () => {
  test.each<[string, string, string[], RegExp]>([
    ['a wrong type', 'greet', ['{"name":5}'], /The input of greet .* schema: name must be string\.$/],
    ['none at all', 'greet', [], /schema: it must be object\.$/],
    ['another choice', 'greet', ['{"name":"a","size":"huge"}'], /size must be one of "small", "large"\.$/],
    ['in a list', 'nested', ['{"list":[{"name":"a"},{"name":null}]}'], /list\[1\]\.name must be string\.$/],
    ['a surplus member', 'nested', ['{"list":[],"lost":1}'], /lost must not be there\.$/],
  ])('is refused, and it is said where and what: %s', async (_, task, input, message) => {
    const { code, stdout, stderr } = await run(['enqueue', task, ...input])
    expect({ code, stdout }).toEqual({ code: 1, stdout: '' })
    const [said, hint] = stderr.split('\n')
    expect(said).toMatch(message)
    expect(hint).toMatch(/^ {2}Nothing was written\. --force/)
    expect(await tasksOf(task)).toEqual([])
  })

  test('has a code for programs', async () => {
    const { stderr } = await run(['enqueue', 'greet', '5', '--json'])
    expect(jsonLines(stderr)).toEqual([
      { error: expect.objectContaining({ code: 'invalid-payload' }) as unknown },
    ])
  })

  test('is enqueued by force', async () => {
    const { code, stderr } = await run(['enqueue', 'nested', '5', '--force'])
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' })
    expect((await tasksOf('nested')).length).toBe(1)
  })
})

test('an input that matches is enqueued without a word', async () => {
  const { code, stderr } = await run(['enqueue', 'greet', '{"name":"Ada","size":"small","more":1}'])
  expect({ code, stderr }).toEqual({ code: 0, stderr: '' })
})

test.each(['odd', 'later'])('a schema that cannot be used is no reason to refuse: %s', async (task) => {
  const { code, stderr } = await run(['enqueue', task, '5'])
  expect({ code, stderr }).toEqual({
    code: 0,
    stderr: expect.stringMatching(
      new RegExp(`^millrace: The input is not checked: the schema of ${task} cannot be used: .*\n$`),
    ) as string,
  })
  expect((await tasksOf(task)).length).toBe(1)
})

describe('a definition with a unique key', () => {
  test('wants the key, which the command line cannot make', async () => {
    const { code, stderr } = await run(['enqueue', 'path', '{"name":"a"}'])
    expect(code).toBe(1)
    expect(stderr).toMatch(
      /^millrace: Of path there is one task per key at a time, .*\.\n {2}.*--unique KEY\n$/,
    )
    expect(await tasksOf('path')).toEqual([])
  })

  test('has one live task per key that is given', async () => {
    const enqueue = ['enqueue', 'path', '{"name":"a"}', '--unique', 'a', '--json']
    const [first, second] = [await run(enqueue), await run(enqueue)].map(({ stdout }) => jsonLines(stdout)[0])
    expect([first?.['outcome'], second?.['outcome']]).toEqual(['created', 'duplicate'])
    expect(second?.['id']).toBe(first?.['id'])
  })

  test('is replaced where the definition says so', async () => {
    const enqueue = ['enqueue', 'latest', '{"name":"a"}', '--unique', 'a']
    const first = jsonLines((await run([...enqueue, '--json'])).stdout)[0]?.['id']
    const second = jsonLines((await run([...enqueue, '--json'])).stdout)[0]
    expect(second).toMatchObject({ outcome: 'replaced', previous: first })
    const { stdout } = await run(enqueue)
    expect(stdout).toContain(`in the place of ${String(second?.['id'])}, which is cancelled`)
  })

  test('says what becomes of a newcomer', async () => {
    const enqueue = ['enqueue', 'strict', '{"name":"a"}', '--unique', 'a']
    expect((await run(enqueue)).code).toBe(0)
    const { code, stderr } = await run(enqueue)
    expect(code).toBe(1)
    expect(stderr).toMatch(/key/)
    expect((await tasksOf('strict')).length).toBe(1)
  })
})

describe('a definition with partitions and limits', () => {
  test.each([
    [
      'turns',
      [],
      /^millrace: Of turns only its own code can make its partition .*\n {2}.*--partition KEY\n$/,
    ],
    ['limited', [], /^millrace: Of limited only .* the key of its limit each .*\n {2}.*--limit each=KEY\n$/],
    [
      'both',
      [],
      /its partition and the key of its limit each of an input\.\n {2}.*: --partition KEY --limit each=KEY\n$/,
    ],
    ['limited', ['--limit', 'all=x'], /limit "all" that has keys\.\n {2}Those that have: each\.\n$/],
    ['limited', ['--limit', 'each'], /--limit is "each"\.\n {2}Give NAME=KEY/],
    ['greet', ['--limit', 'each=x'], /limit "each" that has keys\.\n {2}Leave --limit away/],
  ])('wants the keys that the command line cannot make: %s %j', async (task, more, message) => {
    const before = (await tasksOf(task)).length
    const { code, stdout, stderr } = await run(['enqueue', task, '{"name":"a"}', ...more])
    expect(code).not.toBe(0)
    expect(stdout).toBe('')
    expect(stderr).toMatch(message)
    expect((await tasksOf(task)).length).toBe(before)
  })

  test('a task counts as if its own code had enqueued it', async () => {
    await using mill = await connect('sqlite:millrace.db')
    const idOf = async (...args: readonly string[]): Promise<string> =>
      String(jsonLines((await run(['enqueue', ...args, '--json'])).stdout)[0]?.['id'])
    const turn = await mill.tasks.get(await idOf('turns', '{"name":"a"}', '--partition', 'tenant'))
    expect(turn?.lane).toMatchObject({ partition: 'tenant', fifo: true })
    const limited = await mill.tasks.get(await idOf('limited', '{"name":"a"}', '--limit', 'each=b=c'))
    expect(limited?.lane?.limits).toEqual([
      { name: 'all', key: '', cost: 1 },
      { name: 'each', key: 'b=c', cost: 1 },
      { name: 'breaker:mail', key: '', cost: 1 },
    ])
  })

  test('so does one of a schedule', async () => {
    const put = ['schedules', 'put', 'daily', 'turns', '{"name":"a"}', '--every', '1d']
    expect((await run(put)).stderr).toMatch(/--partition KEY/)
    expect((await run([...put, '--partition', 'tenant'])).code).toBe(0)
  })
})
