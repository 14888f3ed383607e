import { execFile } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { expect, test } from 'vitest'

const FILE = fileURLToPath(new URL('reminders.node-test.ts', import.meta.url))

test("the same test passes in Node's own runner", async () => {
  // a runner inside a runner would report to the outer one
  const { NODE_TEST_CONTEXT: _, ...env } = process.env
  const { stdout } = await promisify(execFile)(process.execPath, ['--test', '--test-reporter=tap', FILE], {
    env,
  })
  expect(stdout).toMatch(/^# pass 1$/m)
  expect(stdout).toMatch(/^# fail 0$/m)
})
