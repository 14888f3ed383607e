/** Lines to threads that die: how often another one is started, and what becomes of it at the end. */
import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { threadEnded } from '../src/errors.ts'
import { Lines } from '../src/lines.ts'
import type { Line } from '../src/line.ts'

/** A line as far as lines are about it. */
interface Fake {
  death: Error | undefined
  closed: boolean
  readonly opening: PromiseWithResolvers<void>
}

let now = 0
let fakes: Fake[] = []
let lines: Lines
beforeEach(async () => {
  now = 0
  fakes = []
  vi.spyOn(performance, 'now').mockImplementation(() => now)
  lines = new Lines({ path: 'home.db', start, opened: () => undefined })
  const opening = lines.open()
  fakes[0]!.opening.resolve()
  await opening
})
afterEach(() => vi.restoreAllMocks())

function start(): Line {
  const fake: Fake = { death: undefined, closed: false, opening: Promise.withResolvers() }
  fakes.push(fake)
  const members = { open: () => fake.opening.promise, close: async () => void (fake.closed = true) }
  return Object.defineProperty(members, 'death', { get: () => fake.death }) as unknown as Line
}

function die(index: number): void {
  fakes[index]!.death = threadEnded('home.db', 'fell over', 'none')
}

test('threads that die at once are followed by one in a second, however often the store is called', async () => {
  die(0)
  for (now = 0; now < 5_000; now += 100) {
    expect(() => lines.reach()).toThrow(/has ended: fell over/)
    const last = fakes.length - 1
    fakes[last]!.opening.resolve()
    if (last > 0) die(last)
    await vi.waitFor(() => undefined)
  }
  expect(fakes).toHaveLength(6)
})

test('while one is being started none other is, however long that takes', async () => {
  die(0)
  expect(() => lines.reach()).toThrow(/has ended/)
  now = 60_000
  expect(() => lines.reach()).toThrow(/has ended/)
  expect(fakes).toHaveLength(2)
  fakes[1]!.opening.resolve()
  await vi.waitFor(() => lines.reach())
})

test('a thread that comes up when the store was closed is closed, too', async () => {
  die(0)
  expect(() => lines.reach()).toThrow(/has ended/)
  const closing = lines.close()
  fakes[1]!.opening.resolve()
  await closing
  expect(fakes.map(({ closed }) => closed)).toEqual([true, true])
  expect(() => lines.reach()).toThrow(/is not open/)
})
