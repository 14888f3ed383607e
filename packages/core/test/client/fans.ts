/** Fans of ten thousand, on any store: what gathers their results, and what hears of the only failure. */
import { expect } from 'vitest'
import { chord, defineTask, group, Mill, unchecked, type Store } from '../../src/index.ts'
import { silent } from '../worker/world.ts'

const PARTS = 10_000

const part = defineTask('part', { input: unchecked<number>(), output: unchecked<number>(), retry: false })
const sum = defineTask('sum', { input: unchecked<readonly number[]>(), output: unchecked<number>() })
const note = defineTask('note', { input: unchecked<string>(), output: unchecked<string>() })

/** @param store opened by its home, and left open */
export async function checkFans(store: Store): Promise<void> {
  const mill = new Mill(store, { logger: silent })
  const worker = mill.worker({
    concurrency: 100,
    handlers: [
      part.handler((n) => (n < 0 ? Promise.reject(new Error('negative')) : n)),
      sum.handler((all) => all.reduce((total, n) => total + n, 0)),
      note.handler((text) => text),
    ],
  })
  await worker.start()
  const parts = Array.from({ length: PARTS }, (_, n) => part.with(n))
  const { last } = await mill.enqueueFlow(chord(parts, sum))
  expect(await last.result({ within: '1m' })).toBe((PARTS * (PARTS - 1)) / 2)

  const others = Array.from({ length: PARTS }, (_, n) => part.with(n === PARTS - 1 ? -1 : n))
  const callbacks = {
    onSucceeded: note.with('succeeded'),
    onFailed: note.with('failed'),
    onEnded: note.with('ended'),
  }
  await mill.enqueueFlow(group(others, callbacks))
  const handle = (name: keyof typeof callbacks) => mill.handle(note, callbacks[name].id!)
  expect(await handle('onFailed').result({ within: '1m' })).toBe('failed')
  expect(await handle('onEnded').result({ within: '1m' })).toBe('ended')
  expect(await handle('onSucceeded').status()).toMatchObject({ state: 'cancelled', blockers: 0 })
  await worker.stop()
}
