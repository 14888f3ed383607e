/** Claims that overlap: while the store works on one, the worker runs what the other brought. */
import { expect, test } from 'vitest'
import { defineTask, unchecked } from '../../src/index.ts'
import { World } from './world.ts'

const job = defineTask('job', { input: unchecked<number>() })

test('while the store has more, the next claim overlaps the one under way; and never a third', async () => {
  const world = new World()
  const line = world.line()
  const mill = world.mill(line)
  const handles = await mill.enqueueMany(
    Array.from({ length: 900 }, (_, n) => job.with(n)),
    { atomic: true },
  )
  let [claiming, most, overlapped] = [0, 0, 0]
  line.keep('exchange', async (pass, { demand }) => {
    if (demand === null) return pass()
    claiming += 1
    most = Math.max(most, claiming)
    if (claiming === 2) overlapped += 1
    await world.sleep(1)
    claiming -= 1
    return pass()
  })
  const worker = mill.worker({ concurrency: 10, handlers: job.handler(() => undefined) })
  await world.settle(worker.start())
  await world.ended(handles.map(({ id }) => id))
  expect(most).toBe(2)
  expect(overlapped).toBeGreaterThan(1)
})
