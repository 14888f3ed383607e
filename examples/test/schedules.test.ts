import { execFile } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { expect, test } from 'vitest'
import { Place } from './tree.ts'

const path = (name: string): string => fileURLToPath(new URL(`../${name}`, import.meta.url))
const run = promisify(execFile)

test('schedules do what the guide says', async () => {
  using place = new Place()
  const { stdout } = await run(process.execPath, [path('schedules.ts')], { cwd: place.path })
  const lines = stdout.trimEnd().split('\n')
  expect(lines.slice(0, 9)).toEqual([
    '2026-03-27T01:30:00.000Z ',
    '2026-03-28T01:30:00.000Z ',
    '2026-03-29T01:00:00.000Z gap',
    '2026-10-24T00:30:00.000Z ',
    '2026-10-25T00:30:00.000Z overlap',
    '2026-10-26T01:30:00.000Z ',
    'nightly, tidy, weekly',
    '{ matched: 3, changed: 3 }',
    '{ matched: 3, changed: 0 }',
  ])
  expect(lines.slice(9).toSorted()).toEqual([
    'the report of sales for 2026-01-01T01:30:00.000Z',
    'the report of sales for 2026-01-02T01:30:00.000Z',
    'the report of sales for 2026-01-03T01:30:00.000Z',
  ])
}, 30_000)

test('the guide shows what the file says, line by line', () => {
  const guide = readFileSync(path('../docs/schedules.md'), 'utf8')
  const file = readFileSync(path('schedules.ts'), 'utf8')
  const blocks = [...guide.matchAll(/```ts\n([^`]*)```/g)].map(([, block]) => block!.trim())
  expect(blocks.length).toBe(4)
  expect(blocks.filter((block) => !file.includes(block))).toEqual([])
})
