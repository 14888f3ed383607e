/** What is remembered of where tasks are. */
import { expect, test } from 'vitest'
import { TaskQueues } from '../../src/grpc/policy/task-queues.ts'
import { ManualPlatform } from '../fakes.ts'
import type { Store } from '@millrace/core/store'

/** A store of which only places matter. */
function placed(queues: Map<string, string>): { readonly store: Store; readonly asked: number[] } {
  const asked: number[] = []
  const get = (ids: readonly string[]): Promise<unknown> => {
    asked.push(ids.length)
    return Promise.resolve(ids.map((id) => (queues.has(id) ? { id, queue: queues.get(id) } : null)))
  }
  return { store: { get } as unknown as Store, asked }
}

test('an id that is another task by now gives its old queue nothing', async () => {
  const platform = new ManualPlatform()
  const where = new Map([['a', 'media']])
  const { store, asked } = placed(where)
  const queues = new TaskQueues(store, platform)
  expect(await queues.of(['a'], 'lately')).toEqual(['media'])
  where.set('a', 'billing')
  expect(await queues.of(['a'], 'lately')).toEqual(['media'])
  expect(asked).toHaveLength(1)
  // who changes it is told where it is now, and so is everybody after a while
  expect(await queues.of(['a'], 'now')).toEqual(['billing'])
  where.set('a', 'mail')
  platform.advance(10_000)
  expect(await queues.of(['a'], 'lately')).toEqual(['mail'])
})

test('of one that is gone it is known where it was', async () => {
  const { store } = placed(new Map())
  const queues = new TaskQueues(store, new ManualPlatform())
  queues.note('a', 'media')
  expect(await queues.of(['a', 'b'], 'now')).toEqual(['media', undefined])
})

test('many are read a few at a time', async () => {
  const { store, asked } = placed(new Map())
  await new TaskQueues(store, new ManualPlatform()).of(
    Array.from({ length: 1_000 }, (_, n) => String(n)),
    'now',
  )
  expect(Math.max(...asked)).toBe(20)
})
