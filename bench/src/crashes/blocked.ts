/** A handler blocks its thread for 10 s longer than its lease lasts, while another process is idle. */
import { setTimeout as sleep } from 'node:timers/promises'
import { entriesOf, nowMs, type Step } from './journal.ts'
import { until, type Scene } from './scene.ts'
import type { Fate } from './contender.ts'

/** As long as Millrace's, for those that renew nothing. */
const LEASE_MS = 15_000
const BEYOND_MS = 10_000
const BOUND_MS = 180_000
const LOOK_MS = 250
/** The store knows of an outcome before the worker does; one that stood twice would be told by then, too. */
const TOLD_MS = 2_000

export interface BlockedFigures {
  readonly blockedMs: number
  readonly starts: number
  /** How often its handler came to its end. */
  readonly ends: number
  /** How many outcomes the contender has told its workers to stand; `null`: it tells none. */
  readonly accepted: number | null
  readonly fate: Fate | 'live'
  /** From its first start to its end in the store. `null`: it did not end within the bound. */
  readonly endedMs: number | null
  readonly boundMs: number
}

export async function blocked(scene: Scene): Promise<BlockedFigures> {
  const { contender, opened, journal, quick } = scene
  const blockedMs = quick ? 1_000 : (contender.leaseMs ?? LEASE_MS) + BEYOND_MS
  const boundMs = quick ? 10_000 : BOUND_MS
  await opened.enqueue([{ n: 0, does: 'block', ms: blockedMs, journal }])
  let fate: Fate | undefined
  await until(scene, { boundMs, everyMs: LOOK_MS }, async () => {
    fate = (await opened.ended()).get(0)
    return fate !== undefined
  })
  const endedAtMs = nowMs()
  await sleep(TOLD_MS)
  const entries = entriesOf(journal)
  const timesOf = (wanted: Step): number[] =>
    entries.filter(({ step }) => step === wanted).map(({ atMs }) => atMs)
  const startsAt = timesOf('start')
  return {
    blockedMs,
    starts: startsAt.length,
    ends: timesOf('end').length,
    accepted: contender.tellsAccepted ? timesOf('accepted').length : null,
    fate: fate ?? 'live',
    endedMs: fate === undefined ? null : endedAtMs - Math.min(...startsAt),
    boundMs,
  }
}
