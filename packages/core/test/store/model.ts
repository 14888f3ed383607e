/**
 * The memory store as the executable specification: random lives are played on it and on another store, step
 * by step, and both must answer the same and look the same after every step.
 */
import fc, { type RunDetails } from 'fast-check'
import { expect } from 'vitest'
import { systemPlatform } from '../../src/platform/system.ts'
import { MemoryStore } from '../../src/store/memory/store.ts'
import { Life } from './model-life.ts'
import { Side, type ModelHome } from './model-side.ts'
import { lives, WORKERS, type Step } from './model-steps.ts'

export type { ModelHome } from './model-side.ts'

export interface ModelOptions {
  readonly runs: number
  readonly stepsMax?: number
  /** Draws the lives; by default the clock and chance do. */
  readonly seed?: number
}

/** How often a failed life is tried in a shorter form; each try costs a home. */
const SHORTER_MAX = 150

/**
 * Plays random lives on homes of another store, each fresh. `MILLRACE_MODEL_SEED` and `MILLRACE_MODEL_PATH` play the
 * lives of a run that failed, `MILLRACE_MODEL_RUNS` more or fewer of them than the test asks for.
 *
 * @throws an error that says how to play the failed life again, its steps, and what was not the same
 */
export async function compareWithMemory(
  open: () => Promise<ModelHome>,
  options: ModelOptions,
): Promise<void> {
  const { runs, stepsMax = 60, ...replay } = options
  let [failed, shorter] = [false, 0]
  const property = fc.asyncProperty(lives(stepsMax), async (steps) => {
    if (failed && (shorter += 1) > SHORTER_MAX) return
    const other = await open()
    try {
      await play(steps, other)
    } catch (error) {
      failed = true
      throw error
    } finally {
      await other.close()
    }
  })
  const details = await fc.check(property, { numRuns: runs, ...replay, ...asked() })
  if (details.failed) throw new Error(report(details), { cause: details.errorInstance })
}

/** What the environment asks for. */
function asked(): Pick<fc.Parameters, 'seed' | 'path' | 'numRuns'> {
  const { MILLRACE_MODEL_SEED: seed, MILLRACE_MODEL_PATH: path, MILLRACE_MODEL_RUNS: runs } = process.env
  return {
    ...(seed === undefined ? {} : { seed: Number(seed) }),
    ...(path === undefined ? {} : { path }),
    ...(runs === undefined ? {} : { numRuns: Number(runs) }),
  }
}

/** All in one text, since a reporter may show no more than the message of an error. */
function report(details: RunDetails<[readonly Step[]]>): string {
  const { seed, numRuns, counterexamplePath, counterexample, errorInstance } = details
  const why = errorInstance instanceof Error ? errorInstance.message : String(errorInstance)
  return [
    `Life ${numRuns} is not the same: ${why}`,
    `Play it again with MILLRACE_MODEL_SEED=${seed} MILLRACE_MODEL_PATH=${counterexamplePath}`,
    'Its steps, after as many left out as could be:',
    ...(counterexample?.[0] ?? []).map((step) => `  ${JSON.stringify(step)}`),
  ].join('\n')
}

/** A memory store whose clock stands. */
async function memoryHome(): Promise<ModelHome> {
  const store = new MemoryStore({ platform: { ...systemPlatform, wallMs: () => 1_700_000_000_000 } })
  await store.open()
  return { store, shiftClock: (ms) => store.shiftClock(ms), close: () => store.close() }
}

async function play(steps: readonly Step[], other: ModelHome): Promise<void> {
  const sides = [await Side.of(await memoryHome()), await Side.of(other)] as const
  const life = new Life()
  for (let worker = 0; worker < WORKERS; worker++) await playStep(life, sides, { kind: 'open', worker })
  for (const [index, step] of steps.entries()) {
    // most of the time a worker that knows that its session is dead opens another
    if ('worker' in step && index % 4 !== 0 && life.isDead(step.worker)) {
      await playStep(life, sides, { kind: 'open', worker: step.worker })
    }
    await playStep(life, sides, step)
  }
  const [expected, actual] = [await sides[0].listed(), await sides[1].listed()]
  expect(actual, 'the list of all tasks').toEqual(expected)
}

async function playStep(life: Life, [memory, other]: readonly [Side, Side], step: Step): Promise<void> {
  const act = life.plan(step)
  if (act === null) return
  const expected = await act(memory)
  const actual = await act(other)
  expect(other.normal(actual), `the answer to ${step.kind}`).toEqual(memory.normal(expected))
  await memory.settleDown()
  await other.settleDown()
  const ids = life.ids
  expect(await other.snapshot(ids), `the home after ${step.kind}`).toEqual(await memory.snapshot(ids))
}
