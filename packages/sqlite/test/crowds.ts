/** Crowds of tasks that are held back, and claims behind them. */
import { expect } from 'vitest'
import { demand, exchange, group, groups, session, spec } from './specs.ts'
import type { Lane, Store, TaskSpec } from '@millrace/core/store'

type Crowd = (n: number) => Partial<TaskSpec>

function under(key: string): Partial<TaskSpec> {
  const lane: Lane = {
    partition: null,
    fifo: false,
    limits: [{ name: 'api', key, cost: 1 }],
    prefers: [],
    spillMs: 0,
  }
  return { lane }
}

/** By what they are. */
export const crowds: readonly (readonly [what: string, crowd: Crowd])[] = [
  ['of a type that nobody here handles', () => ({ type: 'unknown' })],
  ['that is held', () => ({ held: true })],
  ['that is due later', () => ({ due: { inMs: 3_600_000 } })],
  ['under a full key', () => under('full')],
  ['under twenty full keys', (n) => under(`full${n % 20}`)],
]

/** Puts so much of a crowd in front of thirty tasks. @returns claims the next ten of these */
export async function claimsBehind(store: Store, crowd: Crowd, size: number): Promise<() => Promise<void>> {
  await store.configureLimit({
    nonce: '0123456789abcdef',
    name: 'api',
    version: null,
    allowance: { concurrency: 0, rate: null },
    shutMs: null,
    by: 'user',
  })
  for (let from = 0; from < size; from += 1_000) {
    const tasks = Array.from({ length: Math.min(1_000, size - from) }, (_, n) => group(spec(crowd(n))))
    await store.add({ groups: tasks, again: false })
  }
  await store.add({ groups: groups(30), again: false })
  const { session: id } = session()
  await store.openSession(session({ session: id }))
  let count = 0
  return async () => {
    // where turns begin is drawn from the nonce, and with it how much is come by
    const nonce = String(++count).padStart(16, '0')
    const { claims } = await store.exchange(exchange(id, { nonce, demand: demand(10) }))
    expect(claims.length).toBe(10)
  }
}
