/** What a port holds for others is bounded, and who has held some for longest goes first. */
import { expect, test } from 'vitest'
import { HeldBytes } from '../../src/listen/held-bytes.ts'
import { Turns } from '../../src/listen/turns.ts'

test('beyond the bound those are cut off who began to hold first, until it fits', () => {
  const held = new HeldBytes(100)
  const cut: string[] = []
  const hold = (name: string): ReturnType<HeldBytes['hold']> => held.hold(name, () => void cut.push(name))
  const [first, second, third] = [hold('first'), hold('second'), hold('third')]
  second.add(40)
  first.add(40)
  third.add(20)
  expect(cut).toEqual([])
  third.add(30)
  expect(cut).toEqual(['second'])
  // what was cut off is let go, and may be told so again
  second.clear()
  third.add(10)
  expect(cut).toEqual(['second'])
  third.add(1)
  expect(cut).toEqual(['second', 'first'])
})

test('who lets go and begins anew is a newcomer', () => {
  const held = new HeldBytes(100)
  const cut: string[] = []
  const [old, fresh] = [
    held.hold('a', () => void cut.push('old')),
    held.hold('b', () => void cut.push('fresh')),
  ]
  old.add(50)
  fresh.add(50)
  old.clear()
  old.add(51)
  expect(cut).toEqual(['fresh'])
  expect(() => old.release(1_000)).not.toThrow()
})

test('so many take their turn at once, and the others come in their order', async () => {
  const turns = new Turns(2)
  const ends = [0, 1, 2, 3].map(() => Promise.withResolvers<void>())
  const begun: number[] = []
  const runs = ends.map(({ promise }, index) =>
    turns.run(() => {
      begun.push(index)
      return promise
    }),
  )
  expect(begun).toEqual([0, 1])
  ends[1]!.reject(new Error('it failed'))
  await expect(runs[1]).rejects.toThrow('it failed')
  expect(begun).toEqual([0, 1, 2])
  for (const { resolve } of ends) resolve()
  await Promise.all([runs[0], runs[2], runs[3]])
  expect(begun).toEqual([0, 1, 2, 3])
})

test('of those whose turn it is each credential has one, whoever came first', async () => {
  const turns = new Turns(1)
  const begun: string[] = []
  const end = Promise.withResolvers<void>()
  const runs = ['many', 'many', 'many', 'one'].map((name, index) =>
    turns.run(() => {
      begun.push(`${name} ${index}`)
      return end.promise
    }, name),
  )
  end.resolve()
  await Promise.all(runs)
  expect(begun).toEqual(['many 0', 'many 1', 'one 3', 'many 2'])
})

test('a credential has a part of it: beyond that its own are cut off, and nobody else’s', () => {
  const held = new HeldBytes(100, 50)
  const cut: string[] = []
  const hold = (name: string, what: string): ReturnType<HeldBytes['hold']> =>
    held.hold(name, () => void cut.push(what))
  hold('other', 'other').add(30)
  const first = hold('greedy', 'first')
  first.add(30)
  hold('greedy', 'second').add(20)
  expect(cut).toEqual([])
  hold('greedy', 'third').add(10)
  expect(cut).toEqual(['first'])
})
