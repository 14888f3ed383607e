/** What a crowd enqueues: each kind of hold on a key, few keys, and handlers that fail now and then. */
import { defineTask, unchecked } from 'millrace'

export interface Input {
  readonly key: string
}

const input = unchecked<Input>()
const retry = { attempts: 3, backoff: 'fixed', base: '5ms' } as const
const key = (given: Input): string => given.key

/** How long a window is. */
export const WITHIN_MS = 150

export const tasks = [
  defineTask('live', { input, retry, unique: { key, while: 'live' } }),
  defineTask('waiting', { input, retry, unique: { key, while: 'waiting' } }),
  defineTask('windowed', { input, retry, unique: { key, within: WITHIN_MS } }),
] as const

/** Few, so that they are contested. */
export const KEYS: readonly string[] = Array.from({ length: 6 }, (_, n) => `key-${n}`)
