/** When to kill: moments that a seed draws, and the waiting for one of them. */
import { setTimeout as sleep } from 'node:timers/promises'
import { seededRandom } from '@millrace/core/simulation'
import { Witness, type Progress } from './witness.ts'
import type { Demo } from './demo.ts'

/** How often the store is looked at. */
const LOOK_MS = 2
/** A moment of time comes no later than with this share of what is left, so that it comes however fast the machine is. */
const LATEST = 0.98
/** So many steps before the end it is too late: they are over before anybody has looked. */
const LAST_STEPS = 6

/** A moment of a run that may have been killed before: it lies in what is left of it. */
export interface Moment {
  readonly by: 'progress' | 'time'
  /** How much of what is left has passed then. */
  readonly share: number
}

/** When to kill: whichever comes first. */
export interface Goal {
  /** How far the run has come, from 0 to 1. */
  readonly share: number
  /** Milliseconds after the demo's start. */
  readonly afterMs: number
}

export interface Blow extends Progress {
  /** How far the run had come, from 0 to 1. */
  readonly share: number
  readonly afterMs: number
  /** Whether the demo had finished, and was only about to say so. */
  readonly finished: boolean
}

export interface Draw {
  readonly kills: { readonly min: number; readonly max: number }
  /** How many of the moments are by time, from 0 to 1. */
  readonly byTime: number
}

/** Moments of one run, uniform over what is left of it. */
export function drawMoments(seed: number, { kills, byTime }: Draw): readonly Moment[] {
  const random = seededRandom(seed)
  return Array.from({ length: random.between(kills.min, kills.max) }, () => ({
    by: random.chance(byTime) ? 'time' : 'progress',
    share: random.fraction(),
  }))
}

/** The whole of a run when nobody disturbs it. */
export interface Whole {
  readonly tasks: number
  readonly durationMs: number
}

/** @param from how far the run has come already, from 0 to 1 */
export function goalOf({ by, share }: Moment, from: number, { tasks, durationMs }: Whole): Goal {
  const left = (1 - from) * LATEST
  const end = 1 - LAST_STEPS / stepsOf(tasks)
  if (by === 'progress') return { share: Math.min(from + left * share, end), afterMs: Infinity }
  return { share: Math.min(from + left, end), afterMs: left * share * durationMs }
}

/**
 * Kills the demo and its workers with -9 when the goal is reached.
 *
 * @param tasks how many tasks the run has
 * @returns `undefined` if the demo ended before
 */
export async function killAt(demo: Demo, { share, afterMs }: Goal, tasks: number): Promise<Blow | undefined> {
  using witness = new Witness(demo.store)
  const since = performance.now()
  while (!demo.over) {
    const passedMs = performance.now() - since
    if (passedMs >= afterMs || shareOf(witness.progress(), tasks) >= share) {
      demo.signal('SIGKILL')
      const { code } = await demo.ended
      if (code !== null) return undefined
      const progress = witness.progress() ?? { written: 0, ended: 0 }
      const reached = shareOf(progress, tasks)
      return { ...progress, share: reached, afterMs: passedMs, finished: witness.finished() }
    }
    await sleep(LOOK_MS)
  }
  return undefined
}

function shareOf(progress: Progress | undefined, tasks: number): number {
  if (progress === undefined) return -1
  return Math.min(1, (progress.written + progress.ended) / stepsOf(tasks))
}

/** Writing a task and ending it are a step each. */
function stepsOf(tasks: number): number {
  return 2 * tasks
}
