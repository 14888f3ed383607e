import { execFile } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { expect, test } from 'vitest'
import { Place } from './tree.ts'

const FILE = fileURLToPath(new URL('../greet.ts', import.meta.url))

test('the first file greets, and comes to its end', async () => {
  using place = new Place()
  const run = promisify(execFile)(process.execPath, [FILE], {
    cwd: place.path,
  })
  expect(await run).toEqual({ stdout: 'Hello Ada\n', stderr: '' })
})
