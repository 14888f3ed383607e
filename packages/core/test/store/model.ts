/** The comparison of stores, as this repository's tests run it: a failed life is played again by the environment. */
import { compareWithMemory as compare, type ModelHome, type ModelOptions } from '../../src/model/index.ts'

export type { ModelHome } from '../../src/model/index.ts'

/**
 * Plays random lives on homes of another store, each fresh. `MILLRACE_MODEL_SEED` and `MILLRACE_MODEL_PATH` play the
 * lives of a run that failed, `MILLRACE_MODEL_RUNS` more or fewer of them than the test asks for.
 *
 * @throws an error that says how to play the failed life again, its steps, and what was not the same
 */
export async function compareWithMemory(
  open: () => Promise<ModelHome>,
  options: Omit<ModelOptions, 'path'>,
): Promise<void> {
  const { MILLRACE_MODEL_SEED: seed, MILLRACE_MODEL_PATH: path, MILLRACE_MODEL_RUNS: runs } = process.env
  try {
    await compare(open, {
      ...options,
      path,
      ...(seed === undefined ? {} : { seed: Number(seed) }),
      ...(runs === undefined ? {} : { runs: Number(runs) }),
    })
  } catch (error) {
    const { message } = error as Error
    const again = message.replace(
      /\{ seed: (\S+), path: '(\S+)' \}/,
      'MILLRACE_MODEL_SEED=$1 MILLRACE_MODEL_PATH=$2',
    )
    throw new Error(again, { cause: error })
  }
}
