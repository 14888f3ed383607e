/** A producer that has only a name is held to what the definition says, as far as its worker published it. */
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
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
    ['another choice', 'greet', ['{"name":"a","size":"huge"}'], /size must be .*: "small", "large"\.$/],
    ['in a list', 'nested', ['{"list":[{"name":"a"},{"name":null}]}'], /list\[1\]\.name must be string\.$/],
    ['a surplus member', 'nested', ['{"list":[],"lost":1}'], /it must NOT have .*: "lost"\.$/],
  ])('is refused, and it is said where and what: %s', async (_, task, input, message) => {
    const { code, stdout, stderr } = await run(['enqueue', task, ...input])
    expect({ code, stdout }).toEqual({ code: 1, stdout: '' })
    const [said, hint] = stderr.split('\n')
    expect(said).toMatch(message)
    expect(hint).toMatch(/^ {2}Nothing was enqueued\. --force/)
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
