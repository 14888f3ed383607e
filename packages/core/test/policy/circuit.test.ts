/** When a store counts as down, and when it is asked again. */
import { describe, expect, test } from 'vitest'
import { newCircuit, nextCircuit, type Circuit, type CircuitEvent } from '../../src/policy/circuit.ts'

const OPEN_AFTER_MS = 5_000

function failed(atMs: number, begunAtMs: number = atMs): CircuitEvent {
  return { kind: 'failed', begunAtMs, atMs, fraction: 1 }
}
const answered = (atMs: number): CircuitEvent => ({ kind: 'answered', atMs })
const probeFailed = (atMs: number): CircuitEvent => ({ kind: 'probe-failed', atMs, fraction: 1 })
const PROBED: CircuitEvent = { kind: 'probed' }

function after(...events: readonly CircuitEvent[]): Circuit {
  return events.reduce((circuit, event) => nextCircuit(circuit, event, OPEN_AFTER_MS), newCircuit(0))
}

function failuresUntil(endMs: number): readonly CircuitEvent[] {
  return Array.from({ length: endMs / 500 }, (_, n) => failed((n + 1) * 500))
}

const DOWN = [failed(1_000), failed(6_000)] as const

describe('the circuit', () => {
  test.each<readonly [string, readonly CircuitEvent[], Circuit['kind']]>([
    ['one failure', [failed(10)], 'closed'],
    ['failures for less than the time', failuresUntil(5_000), 'closed'],
    ['failures for all of the time', failuresUntil(5_500), 'open'],
    ['many failures in a short time', Array.from({ length: 10_000 }, (_, n) => failed(n / 10)), 'closed'],
    ['an answer in between', [...failuresUntil(4_500), answered(4_600), failed(6_000)], 'closed'],
    ['one call that was silent for all of the time', [answered(0), failed(60_000, 55_000)], 'open'],
    ['one that was silent while others were answered', [answered(57_000), failed(60_000, 50_000)], 'closed'],
    ['one failure after a long quiet time', [answered(0), failed(3_600_000)], 'closed'],
    ['a failure while it is open', [...DOWN, failed(6_100)], 'open'],
    ['an answer to what was under way while it is open', [...DOWN, answered(6_100)], 'closed'],
    ['a probe that is due', [...DOWN, PROBED], 'half-open'],
    ['a failure of another call while a probe is under way', [...DOWN, PROBED, failed(7_000)], 'half-open'],
    ['a probe that was answered', [...DOWN, PROBED, answered(7_000)], 'closed'],
    ['a probe that found nobody', [...DOWN, PROBED, probeFailed(7_000)], 'open'],
    [
      'a probe that failed after another call was answered',
      [...DOWN, PROBED, answered(7_000), probeFailed(7_100)],
      'closed',
    ],
    ['a probe that nobody is waiting for', [PROBED], 'closed'],
    [
      'failures after it was closed again',
      [...DOWN, PROBED, answered(7_000), failed(7_100), failed(9_000)],
      'closed',
    ],
  ])('after %s', (_, events, kind) => {
    expect(after(...events).kind).toBe(kind)
  })

  test('remembers since when the store is away', () => {
    expect(after(...DOWN)).toMatchObject({ failingSinceMs: 1_000 })
    expect(after(...DOWN, PROBED, probeFailed(8_000))).toMatchObject({ failingSinceMs: 1_000 })
  })

  test('asks again after pauses that double up to a second', () => {
    const pauses: number[] = []
    let circuit = after(...DOWN)
    let atMs = 6_000
    for (let probe = 0; probe < 5; probe++) {
      pauses.push((circuit as Extract<Circuit, { kind: 'open' }>).probeAtMs - atMs)
      atMs += 10_000
      for (const event of [PROBED, probeFailed(atMs)]) circuit = nextCircuit(circuit, event, OPEN_AFTER_MS)
    }
    expect(pauses).toEqual([250, 500, 1_000, 1_000, 1_000])
  })

  test('draws its pauses, so that many clients do not come all at once', () => {
    const atLeast = nextCircuit(
      after(failed(1_000)),
      { kind: 'failed', begunAtMs: 0, atMs: 6_000, fraction: 0 },
      OPEN_AFTER_MS,
    )
    expect(atLeast).toMatchObject({ kind: 'open', probeAtMs: 6_125 })
  })
})
