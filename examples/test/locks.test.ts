import { execFile } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { expect, test } from 'vitest'
import { Place } from './tree.ts'

const path = (name: string): string => fileURLToPath(new URL(`../${name}`, import.meta.url))
const run = promisify(execFile)

test('locks do what the guide says', async () => {
  using place = new Place()
  const { stdout } = await run(process.execPath, [path('locks.ts')], { cwd: place.path })
  expect(stdout.trimEnd().split('\n')).toEqual([
    '6 lines, 0 locks held',
    'The lock books was not free within 0 ms.',
  ])
}, 30_000)

test('the guide shows what the file says, line by line', () => {
  const guide = readFileSync(path('../docs/locks.md'), 'utf8')
  const file = readFileSync(path('locks.ts'), 'utf8')
  const blocks = [...guide.matchAll(/```ts\n([\s\S]*?)\n```/g)].map(([, block]) => block!.trim())
  expect(blocks.length).toBe(1)
  expect(blocks.filter((block) => !file.includes(block))).toEqual([])
})
