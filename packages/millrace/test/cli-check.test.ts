/** `millrace check`: new code against what is queued; and enqueuing by name what has a version or a codec. */
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'
import { expect, test } from 'vitest'
import { z } from 'zod'
import { connect, defineTask, encrypted, json, unchecked } from '../src/index.ts'
import { jsonLines, millraceHere, Place } from './command-line.ts'

const INDEX = pathToFileURL(fileURLToPath(new URL('../src/index.ts', import.meta.url))).href
const ZOD = import.meta.resolve('zod')

/** A module with a handler. */
function written(place: Place, name: string, options: string): string {
  const file = join(place.path, name)
  const text = `import { defineTask } from '${INDEX}'
import { z } from '${ZOD}'
export const greet = defineTask('greet', { ${options} }).handler(() => {})`
  writeFileSync(file, text)
  return file
}

test('it lists what does not fit, and which schemas have changed', async () => {
  using place = new Place()
  const store = `sqlite:${join(place.path, 'millrace.db')}`
  await using mill = await connect(store)
  const greet = defineTask('greet', { input: z.object({ name: z.string() }) })
  const worker = mill.worker({ handlers: greet.handler(() => undefined) })
  await worker.start()
  await worker.stop()
  await mill.enqueue(greet, { name: 'Ada Lovelace' })
  const { id } = await mill.enqueue(greet, { name: '' })
  const good = written(
    place,
    'good.ts',
    'input: z.object({ names: z.array(z.string()) }), version: 2, upcast: { 1: ({ name }: { name: string }) => ({ names: [name] }) }',
  )
  expect(await millraceHere(['check', good, '--store', store])).toMatchObject({
    code: 0,
    stdout: expect.stringMatching(/^2 tasks in sqlite:.* looked at\.\n$/) as string,
  })
  const bad = written(place, 'bad.ts', 'input: z.object({ name: z.string().min(1) })')
  const said = await millraceHere(['check', bad, '--store', store])
  expect(said.code).toBe(1)
  expect(said.stdout).toContain('changed  greet: the schema of version 1 is not the one')
  expect(said.stdout).toContain(`misfit  ${id}  greet, version 1, pending: The input of greet does not match`)
  expect(said.stderr).toMatch(/2 findings\.\n.*upcast/)
  const { stdout } = await millraceHere(['check', bad, '--store', store, '--json'])
  expect(jsonLines(stdout)).toMatchObject([
    { kind: 'changed', type: 'greet', version: 1 },
    { kind: 'misfit', id, code: 'invalid-payload' },
    { tasks: 2, later: 0, failing: 1, changed: 1 },
  ])
})

test('what is enqueued by name is of the version that workers published; what is encrypted is not', async () => {
  using place = new Place()
  const store = `sqlite:${join(place.path, 'millrace.db')}`
  await using mill = await connect(store)
  const key = new Uint8Array(32)
  const secret = defineTask('secret', {
    input: unchecked<string>(),
    codec: encrypted(json, { keys: { key }, use: 'key' }),
  })
  const greet = defineTask('greet', { input: unchecked<string>(), version: 2, upcast: { 1: String } })
  const worker = mill.worker({ handlers: [greet.handler(() => undefined), secret.handler(() => undefined)] })
  await worker.start()
  await worker.stop()
  const { stdout } = await millraceHere(['enqueue', 'greet', '"x"', '--store', store, '--json'])
  const [{ id }] = jsonLines(stdout) as [{ id: string }]
  expect(await mill.tasks.get(id)).toMatchObject({ needs: ['greet@2'], policy: { version: 2 } })
  expect(await millraceHere(['enqueue', 'secret', '"x"', '--store', store])).toMatchObject({
    code: 1,
    stderr: expect.stringMatching(/^millrace: The inputs of secret are encrypted/) as string,
  })
  const handle = await mill.enqueue(secret, 'x')
  const shown = await millraceHere(['task', handle.id, '--store', store])
  expect(shown.stdout).toMatch(/input +kept by its definition's codec/)
})
