/** Pages of tasks: no longer than they have to be. */
import { expect, test } from 'vitest'
import { fittingPage, type Page } from '../src/service/pages.ts'

const asked: number[] = []

/** So many tasks of one size, whose cursor is their number. */
function reader(
  count: number,
  size: number,
): (limit: number, cursor: string | null) => Promise<Page<string>> {
  asked.length = 0
  return (limit, cursor) => {
    asked.push(limit)
    const from = Number(cursor ?? 0)
    const tasks = Array.from({ length: Math.min(limit, count - from) }, () => 'x'.repeat(size))
    const end = from + tasks.length
    return Promise.resolve({ tasks, next: end < count ? String(end) : null })
  }
}

test('small tasks come as many as were asked for, in a few reads', async () => {
  const page = await fittingPage({ limit: 1_000, cursor: null, read: reader(5_000, 100) })
  expect(page.tasks).toHaveLength(1_000)
  expect(page.next).toBe('1000')
  expect(asked.length).toBeLessThan(4)
  const last = await fittingPage({ limit: 1_000, cursor: '4900', read: reader(5_000, 100) })
  expect(last).toMatchObject({ next: null })
  expect(last.tasks).toHaveLength(100)
})

test('large ones come as far as a page goes, and it says where the next one begins', async () => {
  const page = await fittingPage({ limit: 1_000, cursor: null, read: reader(1_000, 5_000) })
  expect(page.tasks.length).toBeGreaterThan(75)
  expect(page.tasks.length).toBeLessThan(130)
  expect(page.next).toBe(String(page.tasks.length))
})

test('a store that answers less than it was asked for is not asked again', async () => {
  const short = { tasks: ['a'], next: 'more' }
  let reads = 0
  const read = (): Promise<Page<string>> => {
    reads += 1
    return Promise.resolve(short)
  }
  expect(await fittingPage({ limit: 10, cursor: null, read })).toEqual(short)
  expect(reads).toBe(1)
})
