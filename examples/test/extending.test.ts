/** What users put in place of ours, or around it: plugins, a logger, schema libraries. */
import { execFile } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { expect, test } from 'vitest'

const path = (name: string): string => fileURLToPath(new URL(`../${name}`, import.meta.url))

async function linesOf(name: string): Promise<readonly string[]> {
  const { stdout, stderr } = await promisify(execFile)(process.execPath, [path(name)])
  expect(stderr).toBe('')
  return stdout.trimEnd().split('\n')
}

test('a plugin of ones own', async () => {
  expect(await linesOf('plugins.ts')).toEqual(['a lathe for req-7', 'invoice order', 'nobody'])
})

test('pino as the logger', async () => {
  const lines = (await linesOf('logging.ts')).map((line) => JSON.parse(line) as Record<string, unknown>)
  const ours = { task: expect.any(String) as unknown, type: 'resize' }
  expect(lines).toMatchObject([
    { level: 20, msg: 'started', ...ours, attempt: 1 },
    { level: 30, msg: 'opening', ...ours, path: 'a.png', within: 'resize' },
    { level: 30, msg: 'deep below', within: 'resize' },
    {
      level: 40,
      msg: 'failed, will be retried',
      ...ours,
      attempt: 1,
      durationMs: expect.any(Number) as unknown,
      err: { type: 'Error', message: 'no such file' },
    },
    { level: 20, msg: 'started', ...ours, attempt: 2 },
    { level: 30, msg: 'opening', ...ours },
    { level: 30, msg: 'deep below' },
    { level: 30, msg: 'succeeded', ...ours, attempt: 2 },
  ])
  // what a worker says itself is said within no task
  expect(
    lines.filter(({ attempt }) => attempt !== undefined).some(({ within }) => within !== undefined),
  ).toBe(false)
})

test('valibot and arktype as schemas', async () => {
  expect(await linesOf('schemas.ts')).toEqual([
    '4',
    'ada@example.com',
    'The input of measure does not match its schema: text: Invalid length: Expected >=1 but received 0',
    'The input of mail does not match its schema: to: to must be an email address (was "nobody")',
  ])
})

test.each([
  ['plugins.md', ['plugins.ts', 'logging.ts']],
  ['testing.md', ['test/reminders.test.ts', 'test/reminders.node-test.ts', 'reminders.ts']],
])('%s shows what the files say, line by line', (page, files) => {
  const guide = readFileSync(path(`../docs/${page}`), 'utf8')
  const code = files.map((file) => readFileSync(path(file), 'utf8').replaceAll(/^ +/gm, '')).join('\n')
  const blocks = [...guide.matchAll(/```ts\n([^`]*)```/g)].map(([, block]) =>
    block!.trim().replaceAll(/^ +/gm, ''),
  )
  expect(blocks.filter((block) => !code.includes(block) && !block.includes('crashTest'))).toEqual([])
})
