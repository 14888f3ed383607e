import { describe, expect, test } from 'vitest'
import {
  claimsAddUp,
  countersAfter,
  LIFECYCLE,
  NO_COUNTERS,
  openClaimsAfter,
  operationOf,
  step,
  type OpenClaims,
  type Operation,
  type Place,
  type Step,
} from '../../src/policy/lifecycle.ts'
import type { Counters, FailReason, HistoryEvent } from '../../src/store/records.ts'
import type { Transition } from '../../src/store/settlement.ts'

/**
 * What must become of a task, operation by operation, for each state in the order of the head; `-` is refused.
 * Written out by hand from the table of legal transitions, so that it and the code can disagree.
 */
const EXPECTED = `
                        absent    blocked    pending    running    waiting    succeeded  failed     cancelled
enqueue                 pending   -          -          -          -          -          -          -
enqueue-blocked         blocked   -          -          -          -          -          -          -
unblock                 -         pending    -          -          -          -          -          -
dependency-cancel       -         cancelled  -          -          -          -          -          -
dependency-fail         -         failed     -          -          -          -          -          -
claim                   -         -          running    -          -          -          -          -
reclaim                 -         -          -          running    -          -          -          -
note                    -         -          -          running    -          -          -          -
succeed                 -         -          -          succeeded  -          -          -          -
retry-later             -         -          -          pending    -          -          -          -
crash                   -         -          -          pending    -          -          -          -
crash-isolated          -         -          -          pending    -          -          -          -
snooze                  -         -          -          pending    -          -          -          -
return                  -         -          -          pending    -          -          -          -
fail                    -         -          -          failed     -          -          -          -
fail-crashed            -         -          -          failed     -          -          -          -
fail-crashed-isolated   -         -          -          failed     -          -          -          -
fail-uncounted          -         -          -          failed     -          -          -          -
request-cancel          -         -          -          running    -          -          -          -
end-cancelled           -         -          -          cancelled  -          -          -          -
park                    -         -          -          waiting    -          -          -          -
wake                    -         -          -          -          pending    -          -          -
expire                  -         failed     failed     -          -          -          -          -
outlive                 -         failed     failed     -          failed     -          -          -
cancel                  -         cancelled  cancelled  -          cancelled  -          -          -
replace                 -         cancelled  cancelled  -          -          -          -          -
restart                 -         -          -          -          -          -          pending    pending
remove                  -         absent     absent     -          absent     absent     absent     absent
hold                    -         blocked    pending    -          -          -          -          -
release                 -         blocked    pending    -          -          -          -          -
edit                    -         blocked    pending    -          -          -          -          -
`

interface Effect {
  readonly counts?: readonly (keyof Counters)[]
  readonly newEpoch?: true
  readonly resets?: true
  readonly reason?: FailReason
  readonly event?: HistoryEvent
}

/** What else each operation does, wherever it is allowed. */
const EFFECTS: Readonly<Record<Operation, Effect>> = {
  enqueue: { event: 'enqueued' },
  'enqueue-blocked': { event: 'enqueued' },
  unblock: { event: 'unblocked' },
  'dependency-cancel': { event: 'cancelled' },
  'dependency-fail': { event: 'failed', reason: 'dependency' },
  claim: { event: 'claimed', counts: ['claims'], newEpoch: true },
  reclaim: { event: 'reclaimed', newEpoch: true },
  note: {},
  succeed: { event: 'succeeded' },
  'retry-later': { event: 'retry', counts: ['failures'] },
  crash: { event: 'crashed', counts: ['crashes'] },
  'crash-isolated': { event: 'crashed', counts: ['crashes', 'isolatedCrashes'] },
  snooze: { event: 'snoozed', counts: ['snoozes'] },
  return: { event: 'returned', counts: ['returns'] },
  fail: { event: 'failed', counts: ['failures'] },
  'fail-crashed': { event: 'failed', counts: ['crashes'] },
  'fail-crashed-isolated': { event: 'failed', counts: ['crashes', 'isolatedCrashes'] },
  'fail-uncounted': { event: 'failed' },
  'request-cancel': { event: 'cancel-requested' },
  'end-cancelled': { event: 'cancelled' },
  park: { counts: ['parks'] },
  wake: {},
  expire: { event: 'failed', reason: 'expired' },
  outlive: { event: 'failed', reason: 'timeout' },
  cancel: { event: 'cancelled', newEpoch: true },
  replace: { event: 'cancelled', newEpoch: true },
  restart: { event: 'restarted', counts: ['generation'], resets: true, newEpoch: true },
  remove: {},
  hold: { event: 'held' },
  release: { event: 'released' },
  edit: { event: 'edited' },
}

/** What a cancel request turns into a cancellation that counts nothing. */
const TURNED: readonly Operation[] = [
  'retry-later',
  'crash',
  'crash-isolated',
  'snooze',
  'return',
  'fail',
  'fail-uncounted',
]

interface Row {
  readonly operation: Operation
  readonly from: Place
  readonly to: Place | '-'
}

function rows(): readonly Row[] {
  const [head = '', ...lines] = EXPECTED.trim().split('\n')
  const places = head.trim().split(/\s+/) as Place[]
  return lines.flatMap((line) => {
    const [operation, ...to] = line.trim().split(/\s+/) as [Operation, ...(Place | '-')[]]
    return places.map((from, index) => ({ operation, from, to: to[index] ?? '-' }))
  })
}

test('the table names every operation and every state', () => {
  const table = rows()
  expect(new Set(table.map((row) => row.operation))).toEqual(new Set(Object.keys(LIFECYCLE)))
  expect(table).toHaveLength(Object.keys(LIFECYCLE).length * 8)
})

/** What the table says of one meeting. */
function expected({ operation, to }: Row, cancelRequested: boolean): Step | null {
  if (to === '-') return null
  const { counts = [], resets = false, newEpoch = false, reason = null, event = null } = EFFECTS[operation]
  const usual = { to, counts, resets, newEpoch, reason, event }
  const turned = cancelRequested && TURNED.includes(operation)
  return turned ? { ...usual, to: 'cancelled', counts: [], event: 'cancelled' } : usual
}

describe.each([false, true])('while a cancel request stands: %s', (cancelRequested) => {
  test.each(rows())('$operation on $from: $to', (row) => {
    expect(step(row.from, row.operation, cancelRequested)).toEqual(expected(row, cancelRequested))
  })
})

const ERROR = { name: 'Error', message: 'it broke', code: null, stack: null }

test.each<readonly [Transition, Operation]>([
  [{ to: 'succeeded', result: null }, 'succeed'],
  [{ to: 'cancelled', error: null }, 'end-cancelled'],
  [{ to: 'running', checkpoint: null }, 'note'],
  [{ to: 'failed', count: 'failure', reason: 'error', error: ERROR }, 'fail'],
  [{ to: 'failed', count: 'crash', reason: 'crashed', error: ERROR }, 'fail-crashed'],
  [{ to: 'failed', count: 'isolated-crash', reason: 'crashed', error: ERROR }, 'fail-crashed-isolated'],
  [{ to: 'failed', count: 'none', reason: 'invalid', error: ERROR }, 'fail-uncounted'],
  [{ to: 'pending', count: 'failure', delayMs: 1, error: ERROR }, 'retry-later'],
  [{ to: 'pending', count: 'crash', delayMs: null, error: ERROR }, 'crash'],
  [{ to: 'pending', count: 'isolated-crash', delayMs: 1, error: ERROR }, 'crash-isolated'],
  [{ to: 'pending', count: 'return', delayMs: null, error: null }, 'return'],
  [{ to: 'pending', count: 'snooze', delayMs: 1, error: null }, 'snooze'],
])('%o is asked for by %s', (transition, operation) => {
  expect(operationOf(transition)).toBe(operation)
})

/** A task as far as its claims go. */
interface Account {
  readonly place: Place
  readonly counters: Counters
  readonly open: OpenClaims
}

function go({ place, counters, open }: Account, operation: Operation, cancelRequested = false): Account {
  const taken = step(place, operation, cancelRequested)
  if (taken === null) throw new Error(`${operation} is refused`)
  return {
    place: taken.to,
    counters: countersAfter(counters, taken),
    open: openClaimsAfter(open, place, taken),
  }
}

const PENDING: Account = { place: 'pending', counters: NO_COUNTERS, open: 0 }

describe('the claims add up', () => {
  const operations = Object.keys(LIFECYCLE) as Operation[]

  test('on every way through the lifecycle', () => {
    let accounts: readonly Account[] = [{ ...PENDING, place: 'absent' }]
    const met = new Set<string>()
    for (let depth = 0; depth < 6; depth++) {
      const next = new Map<string, Account>()
      for (const account of accounts) {
        for (const operation of operations) {
          for (const cancelRequested of [false, true]) {
            if (step(account.place, operation, cancelRequested) === null) continue
            const after = go(account, operation, cancelRequested)
            expect(claimsAddUp(after.counters, after.open), `${operation} on ${account.place}`).toBe(true)
            next.set(JSON.stringify(after), after)
            met.add(operation)
          }
        }
      }
      accounts = [...next.values()].filter(({ place }) => place !== 'absent')
    }
    expect(met.size).toBe(operations.length)
  })

  test('a claim that ended without counting stays open, until the task starts over', () => {
    const ended = go(go(PENDING, 'claim'), 'fail-uncounted')
    expect(ended).toMatchObject({ place: 'failed', open: 1, counters: { claims: 1, failures: 0 } })
    expect(go(ended, 'restart')).toEqual({ ...PENDING, counters: { ...NO_COUNTERS, generation: 1 } })
  })

  test('a crash in isolation counts as a crash too', () => {
    const { counters } = go(go(PENDING, 'claim'), 'crash-isolated')
    expect(counters).toEqual({ ...NO_COUNTERS, claims: 1, crashes: 1, isolatedCrashes: 1 })
  })

  test('what does not add up is found', () => {
    expect(claimsAddUp({ ...NO_COUNTERS, claims: 1 }, 0)).toBe(false)
    expect(claimsAddUp({ ...NO_COUNTERS, failures: 1 }, 0)).toBe(false)
    expect(claimsAddUp({ ...NO_COUNTERS, claims: 1, returns: 1, isolatedCrashes: 1 }, 0)).toBe(false)
  })
})
