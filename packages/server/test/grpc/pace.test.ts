/** Calls that come all at once are begun a few at a time, and those of other connections between them. */
import { expect, test } from 'vitest'
import { Pace } from '../../src/grpc/pace.ts'

const nextTurn = (): Promise<void> => new Promise((resolve) => void setImmediate(resolve))

test('a few begin at once, and the rest in the turns that follow, in their order', async () => {
  const pace = new Pace()
  const begun: number[] = []
  for (let index = 0; index < 20; index++) pace.begin('one', () => begun.push(index))
  expect(begun).toHaveLength(8)
  await nextTurn()
  expect(begun).toHaveLength(16)
  await nextTurn()
  expect(begun).toEqual(Array.from({ length: 20 }, (_, index) => index))
})

test('a connection with one call does not wait for all of another with hundreds', async () => {
  const pace = new Pace()
  const begun: string[] = []
  for (let index = 0; index < 500; index++) pace.begin('many', () => begun.push('many'))
  pace.begin('one', () => begun.push('one'))
  await nextTurn()
  expect(begun).toContain('one')
  expect(begun).toHaveLength(16)
})

test('when all have begun, the next ones begin at once again', async () => {
  const pace = new Pace()
  const begun: number[] = []
  for (let index = 0; index < 9; index++) pace.begin('one', () => begun.push(index))
  await nextTurn()
  await nextTurn()
  pace.begin('one', () => begun.push(9))
  expect(begun).toHaveLength(10)
})
