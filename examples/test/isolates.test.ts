import { execFile } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { expect, test } from 'vitest'
import { Place } from './tree.ts'

const path = fileURLToPath(new URL('../isolates.ts', import.meta.url))

test('what hangs or crashes is ended, and the rest goes on', { timeout: 60_000 }, async () => {
  using place = new Place()
  const env = { ...process.env, MILLRACE_STORE: 'memory:' }
  const { stdout } = await promisify(execFile)(process.execPath, [path], { cwd: place.path, env })
  expect(stdout.split('\n')).toEqual([
    'primes: 9592 (crashes: 0)',
    'convert: HELLO (crashes: 0)',
    expect.stringMatching(/^convert nothing: Task ID failed \(crashed\) \(crashes: [34]\)$/),
    'primes without end: Task ID failed (timeout) (crashes: 0)',
    '',
  ])
})
