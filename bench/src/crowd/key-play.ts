/** Each kind of hold on a key, few keys, and handlers that fail now and then. */
import { defineTask, unchecked, type UniqueThen } from 'millrace'
import { drawn } from './chance.ts'
import type { Play } from './play.ts'

const input = unchecked<{ readonly key: string }>()
const retry = { attempts: 3, backoff: 'fixed', base: '5ms' } as const
const key = (given: { readonly key: string }): string => given.key

/** How long a window is. */
export const WITHIN_MS = 150

const tasks = [
  defineTask('live', { input, retry, unique: { key, while: 'live' } }),
  defineTask('waiting', { input, retry, unique: { key, while: 'waiting' } }),
  defineTask('windowed', { input, retry, unique: { key, within: WITHIN_MS } }),
] as const

/** Few, so that they are contested. */
const KEYS: readonly string[] = Array.from({ length: 6 }, (_, n) => `key-${n}`)
const THENS: readonly UniqueThen[] = ['keep', 'replace', 'reject']

export const keyPlay: Play = {
  tasks,
  pauseMs: 20,
  draw: () => {
    const of = drawn(KEYS)
    // some are delayed, so that a key is held while its task waits
    const options = { delay: Math.random() * 60, unique: { key: of, then: drawn(THENS) } }
    return { task: drawn(tasks), input: { key: of }, options }
  },
}
