/** Tasks under limits, few keys, just more than the limits let through. */
import { defineTask, unchecked } from 'millrace'
import { drawn } from './chance.ts'
import type { Play } from './play.ts'

const input = unchecked<{ readonly key: string }>()
const retry = { attempts: 3, backoff: 'fixed', base: '5ms' } as const
const key = (given: { readonly key: string }): string => given.key

/** So many at once under each key. */
export const CONCURRENCY = 2
export const RATE = { limit: 40, per: '1s', burst: 5 } as const

const KEYS: readonly string[] = Array.from({ length: 6 }, (_, n) => `key-${n}`)

const tasks = [
  defineTask('limited', { input, retry, limits: [{ name: 'at-once', key, concurrency: CONCURRENCY }] }),
  defineTask('rated', { input, retry, limits: [{ name: 'in-time', key, rate: RATE }] }),
  defineTask('ordered', { input, retry, partition: { key, fifo: true } }),
] as const

export const limitPlay: Play = {
  tasks,
  pauseMs: 180,
  draw: () => {
    const of = drawn(KEYS)
    // the key is read off the list of tasks, where inputs are not
    return { task: drawn(tasks), input: { key: of }, options: { tags: [of] } }
  },
}
