import { describe, expect, test } from 'vitest'
import { CASES } from '../calls/table.ts'
import { ENGINES, Stage } from '../stage.ts'
import { rest } from './rest-transport.ts'

describe.each(ENGINES)('calls over REST on %s', (engine) => {
  test.each(CASES.map((one) => [one.name, one] as const))('%s', async (_, one) => {
    await using stage = new Stage({ engine })
    await stage.publish()
    expect.hasAssertions()
    await one.run((call, input = {}, as = 'root') => rest(stage, call, { input, as }), stage)
  })
})
