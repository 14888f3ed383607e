/** Histories in a few words, for the tests of the checker: each violation once, and the same history set right. */
import { describe, expect, test } from 'vitest'
import { NO_COUNTERS } from '../../src/policy/lifecycle.ts'
import {
  check,
  type Bounds,
  type Call,
  type Effect,
  type History,
  type Lease,
  type Settled,
} from '../../src/simulation/index.ts'
import type { Counters, HistoryEntry, HistoryEvent, Lane, TaskRecord } from '../../src/store/records.ts'

type Line = readonly [event: HistoryEvent, at: number, epoch: number, detail?: string]

interface Given {
  readonly history: readonly Line[]
  readonly counters?: Partial<Counters>
  readonly state?: TaskRecord['state']
  readonly rest?: Partial<TaskRecord>
}

export const LANE: Lane = { partition: null, fifo: false, limits: [], prefers: [], spillMs: 0 }

/** A task whose record agrees with its history. */
export function task(id: string, { history, counters, state = 'succeeded', rest }: Given): TaskRecord {
  const lines = history.map(([event, at, epoch, detail]): HistoryEntry => ({
    event,
    at,
    epoch,
    session: ['claimed', 'reclaimed', 'succeeded', 'retry', 'crashed', 'snoozed', 'returned'].includes(event)
      ? 'S'
      : null,
    detail: detail ?? null,
  }))
  const isFinal = state === 'succeeded' || state === 'failed' || state === 'cancelled'
  return {
    id,
    type: 'job',
    needs: [],
    queue: 'default',
    level: 2,
    state,
    held: false,
    reason: state === 'failed' ? 'error' : null,
    epoch: lines.at(-1)?.epoch ?? 0,
    counters: {
      ...NO_COUNTERS,
      claims: lines.filter(({ event }) => event === 'claimed').length,
      ...counters,
    },
    error: null,
    enqueuedAt: lines[0]?.at ?? 0,
    runAt: 0,
    startedAt: null,
    finishedAt: isFinal ? lines.at(-1)!.at : null,
    timeoutMs: null,
    startBy: null,
    deadlineAt: null,
    session: null,
    cancel: null,
    blockers: 0,
    uniqueKey: null,
    lane: null,
    dueBy: null,
    tags: [],
    metadata: {},
    progress: null,
    policy: { retry: { kind: 'fixed', attempts: 3, baseMs: 1 } },
    payload: null,
    result: null,
    checkpoint: null,
    after: [],
    headers: {},
    logs: [],
    history: lines,
    ...rest,
  }
}

export const RAN: readonly Line[] = [
  ['enqueued', 0, 0],
  ['claimed', 10, 1],
  ['succeeded', 20, 1],
]

export const AGAIN: readonly Line[] = [
  ['enqueued', 0, 0],
  ['claimed', 10, 1],
  ['reclaimed', 50, 2, 'lapsed'],
  ['crashed', 51, 2],
  ['claimed', 60, 3],
  ['succeeded', 70, 3],
]

export function ran(id: string, from: number, to: number, rest: Partial<TaskRecord> = {}): TaskRecord {
  const history: readonly Line[] = [
    ['enqueued', from, 0],
    ['claimed', from, 1],
    ['succeeded', to, 1],
  ]
  return task(id, { history, rest })
}

export function call(op: Call['op'], id: string, more: Partial<Call> = {}): Call {
  return { client: 'c', call: `${op} ${id}`, op, ids: [id], phase: 'ok', atMs: 0, ...more }
}

export function effect(phase: Effect['phase'], atMs: number, more: Partial<Effect> = {}): Effect {
  return { task: 't', attempt: 1, epoch: 1, nonce: 'n1', pid: 1, phase, atMs, ...more }
}

export const FENCE = { task: 't', epoch: 1, nonce: 'n1' }

export function settled(more: Partial<Settled> = {}): Settled {
  return {
    fence: FENCE,
    seq: 1,
    transition: { to: 'succeeded', result: null },
    verdict: 'applied',
    atMs: 20,
    ...more,
  }
}

export const GRANTS = [
  { fence: FENCE, session: 'S', by: 'claim' as const, atMs: 10 },
  { fence: { task: 't', epoch: 3, nonce: 'n3' }, session: 'S', by: 'claim' as const, atMs: 60 },
]

export type Story = Omit<Partial<History>, 'final'> & {
  readonly tasks?: readonly TaskRecord[]
  readonly remembered?: History['final']['remembered']
}

export interface Case {
  readonly name: string
  readonly code: string
  readonly bounds?: Bounds
  readonly wrong: Story
  readonly right: Story
}

export const crashedOnce = { crashes: 1, claims: 2 }
export const done = task('t', { history: RAN })
export const twice = task('t', { history: AGAIN, counters: crashedOnce })
export const storeTime = { aheadMs: 0 }
export const oneAtATime = [{ name: 'queue:default', allowance: { concurrency: 1, rate: null } }]
export const fifo = { lane: { ...LANE, fifo: true } }
export const key = { key: 'k', while: 'live', then: 'keep' } as const
export const window = { key: 'k', while: { withinMs: 100 }, then: 'replace' } as const
export const waiting = { key: 'k', while: 'waiting', then: 'keep' } as const

export function keyed(unique: typeof key | typeof window | typeof waiting): readonly Call[] {
  return ['a', 'b'].map((id) => call('enqueue', id, { asked: [{ id, unique }] }))
}

/** Session `S` has a lease from one time until another. */
export function lease(at: number, until: number, more: Partial<Lease> = {}): Lease {
  return { by: 'openSession', session: 'S', at, until, ...more }
}

export function renewal(at: number, seq: number, own: NonNullable<Lease['held']>): Lease {
  return lease(at, 99, { by: 'renew', seq, held: own, awaiting: [] })
}

export const held: NonNullable<Lease['held']>[number] = { fence: FENCE, started: true }

/** A task that came back at 30 without its worker's word. */
export const stray: Story = {
  tasks: [
    task('t', {
      history: [
        ['enqueued', 0, 0],
        ['claimed', 10, 1],
        ['returned', 30, 1],
      ],
      counters: { returns: 1 },
      state: 'pending',
    }),
  ],
  grants: GRANTS,
  settlements: [],
}

export const failedOnce: Pick<TaskRecord, 'state' | 'reason' | 'counters' | 'history'> = {
  state: 'failed',
  reason: 'error',
  counters: { ...NO_COUNTERS, claims: 1, failures: 1 },
  history: task('a', {
    history: [
      ['enqueued', 0, 0],
      ['claimed', 0, 1],
      ['failed', 20, 1],
    ],
  }).history,
}

export function history({ tasks = [], remembered, ...rest }: Story): History {
  return { effects: [], calls: [], ...rest, final: { tasks, remembered } }
}

export function judge(cases: readonly Case[]): void {
  describe.each(cases)('$name', ({ code, bounds = {}, wrong, right }) => {
    test(`is ${code}`, () => {
      expect(check(history(wrong), bounds).map((violation) => violation.code)).toContain(code)
    })
    test('is fine where it is not so', () => {
      expect(check(history(right), bounds)).toEqual([])
    })
  })
}
