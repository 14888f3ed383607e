/**
 * For authors of backends, beside the conformance cases: the memory store as the executable specification. Random
 * lives are played on it and on another store, step by step, and both must answer the same and look the same after
 * every step. It needs the package fast-check, which draws the lives and shortens one that fails.
 */
import fc, { type RunDetails } from 'fast-check'
import { equal } from '../conformance/expect.ts'
import { MemoryStore } from '../store/memory/store.ts'
import { systemPlatform } from '../platform/system.ts'
import { Life } from './life.ts'
import { Side, type ModelHome } from './side.ts'
import { lives, WORKERS, type Step } from './steps.ts'

export { checkGraphs, type GraphOptions } from './graphs.ts'
export type { ModelHome } from './side.ts'

/** How many lives are played, and which. */
export interface ModelOptions {
  /** How many lives are played, each on a fresh home. */
  readonly runs: number
  /** The longest life, in steps. Default 60. */
  readonly stepsMax?: number | undefined
  /** Draws the lives; by default chance does. A failed run says its own. */
  readonly seed?: number | undefined
  /** Of one life among those of a seed. A failed run says it. */
  readonly path?: string | undefined
}

/** How often a failed life is tried in a shorter form; each try costs a home. */
const SHORTER_MAX = 150

/**
 * Plays random lives on homes of another store, each fresh.
 *
 * @throws an error that says how to play the failed life again, its steps, and what was not the same
 */
export async function compareWithMemory(
  open: () => Promise<ModelHome>,
  options: ModelOptions,
): Promise<void> {
  const { runs, stepsMax = 60, seed, path } = options
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
  const drawn = { ...(seed === undefined ? {} : { seed }), ...(path === undefined ? {} : { path }) }
  const details = await fc.check(property, { numRuns: runs, ...drawn })
  if (details.failed) throw new Error(report(details), { cause: details.errorInstance })
}

/** All in one text, since a reporter may show no more than the message of an error. */
function report(details: RunDetails<[readonly Step[]]>): string {
  const { seed, numRuns, counterexamplePath, counterexample, errorInstance } = details
  const why = errorInstance instanceof Error ? errorInstance.message : String(errorInstance)
  return [
    `Life ${numRuns} is not the same: ${why}`,
    `Play it again with { seed: ${seed}, path: '${counterexamplePath}' }`,
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
  equal(actual, expected, 'the list of all tasks')
}

async function playStep(life: Life, [memory, other]: readonly [Side, Side], step: Step): Promise<void> {
  const act = life.plan(step)
  if (act === null) return
  const expected = await act(memory)
  const actual = await act(other)
  equal(other.normal(actual), memory.normal(expected), `the answer to ${step.kind}`)
  await memory.settleDown()
  await other.settleDown()
  const ids = life.ids
  equal(await other.snapshot(ids), await memory.snapshot(ids), `the home after ${step.kind}`)
}
