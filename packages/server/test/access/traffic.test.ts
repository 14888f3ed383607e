/** What a credential sends and is sent is counted, and beyond so much in a second there is a wait. */
import { expect, test } from 'vitest'
import { Traffic } from '../../src/access/traffic.ts'
import { ManualPlatform } from '../fakes.ts'

test('beyond a quarter of a second’s bytes at once one waits, as long as it takes, and others do not', () => {
  const platform = new ManualPlatform()
  const traffic = new Traffic(1_000, platform)
  expect(traffic.took('a', 250)).toBe(0)
  expect(traffic.took('a', 100)).toBe(100)
  expect(traffic.took('b', 250)).toBe(0)
  platform.advance(60)
  expect(traffic.took('a', 0)).toBe(40)
  platform.advance(40)
  expect(traffic.took('a', 0)).toBe(0)
  // nobody saves up more than that
  platform.advance(3_600_000)
  expect(traffic.took('a', 270)).toBe(20)
})

test('whoever waits for a turn goes on when it has come', async () => {
  const platform = new ManualPlatform()
  const traffic = new Traffic(1_000, platform)
  traffic.took('a', 350)
  let isOver = false
  const turn = traffic.turn('a').then(() => (isOver = true))
  await Promise.resolve()
  expect(isOver).toBe(false)
  platform.advance(100)
  await turn
})
