/** How large what comes for the store may be. */
import { expect, test } from 'vitest'
import { checkSizes } from '../../src/grpc/policy/sizes.ts'
import type { PortMethod, Taken } from '../../src/wire/methods.ts'

const long = 'x'.repeat(20_000)
const payload = 'x'.repeat(1_200_000)
const error = { name: 'Error', message: long, code: null, stack: null }

/** What is looked at of a task, of a settlement, of a definition. */
const adding = (task: object): object => ({
  groups: [{ tasks: [{ payload: '{}', metadata: {}, headers: {}, ...task }] }],
})
const settling = (transition: object, notes: object | null = null): object => ({
  settlements: [{ fence: { task: 'a' }, transition, notes }],
})
const running = { to: 'running', checkpoint: null }
const opening = (schema: string): object => ({ definitions: [{ type: 't', options: '{}', schema }] })

function check(method: PortMethod, taken: object): void {
  checkSizes(method, taken as Taken<typeof method>)
}

test.each<[PortMethod, object]>([
  ['add', adding({ metadata: { long } })],
  ['add', adding({ headers: { [long]: '' } })],
  ['add', adding({ payload })],
  ['add', adding({ payload: new Uint8Array(1_200_000) })],
  ['exchange', settling({ to: 'succeeded', result: payload })],
  ['exchange', settling({ to: 'running', checkpoint: payload })],
  ['exchange', settling({ to: 'failed', error })],
  ['exchange', settling(running, { progress: { fraction: 0, message: long }, logs: [] })],
  ['exchange', settling(running, { progress: null, logs: [{ message: 'x', data: long }] })],
  ['command', { command: { kind: 'edit', payload } }],
  ['openSession', opening(payload)],
])('%s: too much is refused', (method, taken) => {
  expect(() => check(method, taken)).toThrow(expect.objectContaining({ code: 'too-large' }))
})

test('what core sends is taken', () => {
  const most = 'x'.repeat(1_048_576)
  check('add', adding({ payload: most, metadata: { a: 'x'.repeat(16_000) } }))
  check('exchange', settling({ to: 'succeeded', result: most }))
  check(
    'exchange',
    settling(
      { to: 'pending', error: null },
      { progress: null, logs: [{ message: '€'.repeat(1_000), data: null }] },
    ),
  )
  check('command', { command: { kind: 'retry', payload: null } })
  check('openSession', opening('{}'))
})
