import { execFile } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { expect, test } from 'vitest'
import { Place } from './tree.ts'

const path = (name: string): string => fileURLToPath(new URL(`../${name}`, import.meta.url))

test('older inputs are brought up to date, and codecs carry what JSON cannot', async () => {
  using place = new Place()
  const { stdout } = await promisify(execFile)(process.execPath, [path('payloads.ts')], { cwd: place.path })
  expect(new Set(stdout.trim().split('\n'))).toEqual(
    new Set([
      'Hello Ada of the house Lovelace',
      'Hello Grace of the house Hopper',
      '1970-01-01T00:00:00.000Z 12n',
      'filed 6000',
    ]),
  )
})

test('the guide shows what the file says, line by line', () => {
  const guide = readFileSync(path('../docs/payloads.md'), 'utf8')
  const file = readFileSync(path('payloads.ts'), 'utf8')
  const blocks = [...guide.matchAll(/```ts\n([^`]*)```/g)].map(([, block]) => block!.trim())
  expect(blocks.length).toBeGreaterThan(1)
  expect(blocks.filter((block) => !file.includes(block))).toEqual([])
})
