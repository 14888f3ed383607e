// Options of definitions and calls: what excludes each other does so in the type.
import { z } from 'zod'
import { defineTask } from '../../src/task/definition.ts'
import { duration, type Duration } from '../../src/task/duration.ts'
import type { EnqueueOptions } from '../../src/task/draft.ts'

const input = z.object({ path: z.string(), size: z.string().transform(Number) })
const task = defineTask('t', { input })
const given = { path: '/', size: '1' }

// ---- durations

const durations: Duration[] = [
  0,
  1_500,
  '250ms',
  '30s',
  '5m',
  '2h',
  '1d',
  '1w',
  '1.5h',
  duration(`${1 + 1}d`),
]
task.with(given, { delay: durations[0] })
// @ts-expect-error a unit is needed
task.with(given, { delay: '30' })
// @ts-expect-error there is no such unit
task.with(given, { delay: '30sec' })
// @ts-expect-error words are no durations
task.with(given, { delay: 'soon' })
// @ts-expect-error computed text goes through duration()
task.with(given, { delay: String(durations[1]) })

// ---- a call

const maybe: string | undefined = given.path
const now: Date | undefined = new Date(0)
task.with(given, { delay: '1s' })
task.with(given, { runAt: now })
task.with(given, { runAt: 0, delay: undefined })
task.with(given, { runAt: undefined, delay: undefined })
task.with(given, { id: maybe, queue: maybe, priority: 'critical', tags: ['a'], needs: ['gpu'], held: true })
task.with(given, { metadata: { a: 'b' }, headers: { traceparent: '00' }, after: undefined })
task.with(given, { unique: { key: given.path, then: 'reject' } })
task.with(given, { timeout: false, startBy: '1h', deadline: '1d' })
task.with(given, { retry: false })
task.with(given, { retry: { attempts: 5, base: '1s', max: undefined } })
export const none: EnqueueOptions = {}
// @ts-expect-error delay and runAt exclude each other
task.with(given, { delay: '1s', runAt: new Date(0) })
// @ts-expect-error text is no date
task.with(given, { runAt: '2026-01-01' })
// @ts-expect-error there is no such priority
task.with(given, { priority: 'urgent' })
// @ts-expect-error priorities have names
task.with(given, { priority: 1 })
// @ts-expect-error metadata is text
task.with(given, { metadata: { n: 1 } })
// @ts-expect-error tags are a list
task.with(given, { tags: 'a' })
// @ts-expect-error there is no such option
task.with(given, { delayMs: 1_000 })
// @ts-expect-error a call gives the key itself
task.with(given, { unique: { key: () => 'k' } })
task.with(given, { unique: { key: 'k', while: 'waiting', then: 'replace' } })
task.with(given, { unique: { key: 'k', within: '1h' } })
// @ts-expect-error a key is held while its task waits, or for a time
task.with(given, { unique: { key: 'k', while: 'waiting', within: '1h' } })
// @ts-expect-error a time is a duration
task.with(given, { unique: { key: 'k', within: 'a while' } })
// @ts-expect-error there is no such way
task.with(given, { unique: { key: 'k', then: 'drop' } })
// @ts-expect-error false lifts the timeout only
task.with(given, { deadline: false })
// @ts-expect-error options of a call are stored, which a function cannot be
task.with(given, { retry: { delay: () => '1s' } })

// ---- a definition

defineTask('t', { input, queue: 'media', priority: 'low', timeout: '30s', startBy: '1h', deadline: '1d' })
defineTask('t', {
  input,
  queue: undefined,
  priority: undefined,
  retry: undefined,
  unique: undefined,
  timeout: undefined,
})
defineTask('t', { input, unique: { key: ({ path }) => path, while: 'live', then: 'keep' } })
defineTask('t', { input, unique: { key: ({ size }) => size.toUpperCase() } })
// @ts-expect-error the key is made of the input as it was passed: size is text
defineTask('t', { input, unique: { key: ({ size }: { size: number }) => `${size}` } })
// @ts-expect-error a key is text
defineTask('t', { input, unique: { key: () => 1 } })
// @ts-expect-error a definition makes the key of the input
defineTask('t', { input, unique: { key: 'k' } })
// @ts-expect-error a key is needed
defineTask('t', { input, unique: { then: 'keep' } })
defineTask('t', { input, unique: { key: ({ path }) => path, within: '10m', then: 'keep' } })
// @ts-expect-error one excludes the other
defineTask('t', { input, unique: { key: () => 'k', while: 'live', within: '10m' } })
// @ts-expect-error there is no such span
defineTask('t', { input, unique: { key: () => 'k', while: 'always' } })
// @ts-expect-error a delay belongs to the call
defineTask('t', { input, delay: '1s' })
// @ts-expect-error there is no such option
defineTask('t', { input, retries: 3 })
// @ts-expect-error a name is text
defineTask(1, { input })

// ---- retries

defineTask('t', { input, retry: false })
defineTask('t', { input, retry: {} })
defineTask('t', { input, retry: { attempts: 5, base: '1s', max: '5m' } })
defineTask('t', { input, retry: { attempts: 5, backoff: 'exponential' } })
defineTask('t', { input, retry: { attempts: 5, backoff: 'fixed', base: '10s' } })
defineTask('t', { input, retry: { delays: ['1s', '1m'] } })
defineTask('t', { input, retry: { attempts: 5, delay: ({ attempt }) => attempt * 1_000 } })
defineTask('t', { input, retry: { delay: ({ error }) => (error instanceof TypeError ? false : '1s') } })
// @ts-expect-error only false: there is no retry that is just true
defineTask('t', { input, retry: true })
// @ts-expect-error a number could be attempts or retries
defineTask('t', { input, retry: 5 })
// @ts-expect-error a fixed wait is needed
defineTask('t', { input, retry: { attempts: 5, backoff: 'fixed' } })
// @ts-expect-error a fixed wait does not grow
defineTask('t', { input, retry: { backoff: 'fixed', base: '1s', max: '5m' } })
// @ts-expect-error the list says how many attempts there are
defineTask('t', { input, retry: { attempts: 3, delays: ['1s'] } })
// @ts-expect-error the function says how long to wait
defineTask('t', { input, retry: { delay: () => '1s', base: '1s' } })
// @ts-expect-error the function answers a duration or false
defineTask('t', { input, retry: { delay: () => true } })
// @ts-expect-error there is no such backoff
defineTask('t', { input, retry: { backoff: 'linear', base: '1s' } })
