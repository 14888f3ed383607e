/** Changing tasks that are there, and acting on those that a filter finds, from the command line. */
import { afterAll, beforeAll, expect, test } from 'vitest'
import { z } from 'zod'
import { connect, defineTask, encrypted, json as plainJson, unchecked, type Mill } from '../src/index.ts'
import { jsonLines, millraceHere, Place, type Answer } from './command-line.ts'

const greet = defineTask('greet', { input: z.object({ name: z.string() }) })
const folder = process.cwd()
let place: Place
let mill: Mill

const run = (...args: readonly string[]): Promise<Answer> => millraceHere(args)

async function json(...args: readonly string[]): Promise<readonly unknown[]> {
  const { code, stdout, stderr } = await run(...args, '--json')
  expect({ code, stderr }).toEqual({ code: 0, stderr: '' })
  return jsonLines(stdout)
}

beforeAll(async () => {
  place = new Place()
  process.chdir(place.path)
  mill = await connect('sqlite:millrace.db')
  // it publishes what it takes
  const worker = mill.worker({ handlers: [greet.handler(() => undefined)] })
  await worker.start()
  await worker.stop()
})
afterAll(async () => {
  await mill.close()
  process.chdir(folder)
  place[Symbol.dispose]()
})

test('a task that waits is edited, by what its worker takes', async () => {
  const { id } = await mill.enqueue(greet, { name: 'Ada' }, { held: true })
  const bad = await run('edit', id, '--input', '{"name":5}')
  expect([bad.code, bad.stderr]).toEqual([
    1,
    expect.stringMatching(/name must be string\.\n {2}Nothing was written\. --force/),
  ])
  expect((await run('edit', id)).stderr).toMatch(/Nothing is to be changed/)
  expect((await run('edit', id, '--priority', 'urgent')).code).toBe(2)
  expect((await run('edit', id, '--input', '{"name":"Eve"}', '--priority', 'low')).stdout).toBe(
    `${id}  edited. See: millrace task ${id}\n`,
  )
  expect(await json('edit', id, '--run-at', '2026-01-31T08:00:00Z')).toEqual([{ id, outcome: 'changed' }])
  expect(await mill.tasks.get(id)).toMatchObject({
    input: { name: 'Eve' },
    priority: 'low',
    runAt: Date.UTC(2026, 0, 31, 8),
  })
  expect((await run('edit', id, '--input', '5', '--force')).code).toBe(0)
  await mill.tasks.cancel(id)
  expect(await run('edit', id, '--priority', 'high')).toMatchObject({
    code: 1,
    stdout: `${id}  runs, or has ended: only a task that waits can be edited.\n`,
  })
  expect((await run('retry', id, '--input', '{}')).stderr).toMatch(/greet does not match its schema/)
  expect((await run('retry', '--type', 'greet', '--input', '{}')).stderr).toMatch(/does not match/)
  expect((await run('retry', '--state', 'cancelled', '--input', '{}')).stderr).toMatch(/of which type/)
  expect(await json('retry', id, '--input', '{"name":"Kay"}')).toMatchObject([{ changed: 1 }])
  expect(await mill.tasks.get(id)).toMatchObject({ state: 'ready', input: { name: 'Kay' } })
  expect(await run('edit', '00000000-0000-4000-8000-00000000dead', '--priority', 'low')).toMatchObject({
    code: 1,
    stderr: expect.stringContaining('holds no task') as unknown,
  })
})

test('tasks are found by metadata and text, and a preview only says how many', async () => {
  const draft = (n: number): ReturnType<typeof greet.with> =>
    greet.with({ name: `${n}` }, { metadata: { tenant: n % 2 === 0 ? 'acme' : 'Other=1,2' }, held: true })
  await mill.enqueueMany([draft(0), draft(1), draft(2)], { atomic: true })
  expect(await json('tasks', '--metadata', 'tenant=acme')).toHaveLength(2)
  expect(await json('tasks', '--metadata', 'tenant=Other=1,2', '--text', 'OTHER')).toHaveLength(1)
  expect((await run('tasks', '--metadata', 'tenant')).stderr).toMatch(/Give it like tenant=acme/)
  const cancel = ['cancel', '--metadata', 'tenant=acme', '--state', 'pending']
  expect((await run(...cancel, '--preview')).stdout).toBe('2 tasks would be cancelled, or asked to stop.\n')
  expect(await json('tasks', '--text', 'acme', '--state', 'held')).toHaveLength(2)
  expect((await run(...cancel)).stdout).toBe('2 tasks cancelled, or asked to stop.\n')
  expect(await json('release', '--text', 'other=1', '--preview')).toMatchObject([{ matched: 1, changed: 1 }])
})

test('an input of another version than workers take, or that is encrypted, is left to code', async () => {
  const order = defineTask('order', { input: z.object({ id: z.number() }) })
  const newer = defineTask('order', {
    input: z.object({ ref: z.string() }),
    version: 2,
    upcast: { 1: ({ id }: { id: number }) => ({ ref: `#${id}` }) },
  })
  const keys = { k1: new Uint8Array(32) }
  const secret = defineTask('secret', {
    input: unchecked<string>(),
    codec: encrypted(plainJson, { keys, use: 'k1' }),
  })
  const worker = mill.worker({ handlers: [newer.handler(() => undefined), secret.handler(() => undefined)] })
  const old = await mill.enqueue(order, { id: 1 }, { held: true })
  const current = await mill.enqueue(newer, { ref: '#2' }, { held: true })
  const sealed = await mill.enqueue(secret, 'x', { held: true })
  await worker.start()
  await worker.stop()
  const input = ['--input', '{"ref":"#3"}']
  const bad = await run('edit', old.id, ...input)
  expect([bad.code, bad.stderr]).toEqual([
    1,
    expect.stringMatching(/is of version 1 of order, and workers have published version 2\.\n {2}Nothing/),
  ])
  expect((await run('edit', current.id, ...input)).code).toBe(0)
  expect((await run('edit', sealed.id, '--input', '"y"')).stderr).toMatch(/inputs of secret are encrypted/)
  expect((await run('retry', '--type', 'order', ...input)).stderr).toMatch(/has versions/)
  expect(await mill.tasks.get(old.id)).toMatchObject({ input: { id: 1 } })
})
