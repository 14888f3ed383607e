import { execFile } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { expect, test } from 'vitest'
import { Place } from './tree.ts'

const path = (name: string): string => fileURLToPath(new URL(`../${name}`, import.meta.url))

test('debounced is the last one, throttled the first', async () => {
  using place = new Place()
  const { stdout } = await promisify(execFile)(process.execPath, [path('uniqueness.ts')], { cwd: place.path })
  expect(stdout.split('\n')).toEqual([
    'the last one replaced the second: true',
    'Ada is reminded',
    'reminded before: that task has succeeded',
    'a.md is "Hello Ada!"',
    '',
  ])
})

test('the guide shows what the file says, line by line', () => {
  const guide = readFileSync(path('../docs/uniqueness.md'), 'utf8')
  const file = readFileSync(path('uniqueness.ts'), 'utf8')
  const blocks = [...guide.matchAll(/```ts\n([^`]*)```/g)].map(([, block]) => block!.trim())
  expect(blocks.length).toBeGreaterThan(1)
  expect(blocks.filter((block) => !file.includes(block))).toEqual([])
})
