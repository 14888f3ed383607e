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
  const lines = stdout.split('\n')
  // half a second after the last change: the machine says what comes first
  const debounced = 'a.md is "Hello Ada!"'
  expect(lines.filter((line) => line === debounced)).toHaveLength(1)
  expect(lines.filter((line) => line !== debounced)).toEqual([
    'the last one replaced the second: true',
    'Ada is reminded',
    'reminded before: that task has succeeded',
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
