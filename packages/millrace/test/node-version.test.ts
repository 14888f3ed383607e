/** Which Node will do. */
import { expect, test } from 'vitest'
import { whyTooOld } from '../src/cli/node-version.ts'

test.each(['20.20.2', '23.11.1', '9.0.0'])('Node %s is told to be too old', (version) => {
  expect(whyTooOld(version)).toContain(`Node ${version}, and Millrace needs Node 24 or newer`)
})

test.each(['24.0.0', '25.1.0-nightly20260101', '100.0.0'])('Node %s will do', (version) => {
  expect(whyTooOld(version)).toBeUndefined()
})
