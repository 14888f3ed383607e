/** A schedule's runs as a worker sees them, in virtual time. */
import { defineTask, unchecked, type Mill } from '../../src/index.ts'
import { type World } from './world.ts'

export const beat = defineTask('beat', { input: unchecked<undefined>() })
/** The wall clock at the beginning of virtual time. */
export const START = 1_700_000_000_000

/** A worker that notes which fire times it ran, and when. */
export async function runner(
  world: World,
  mill: Mill,
  takesMs = 0,
): Promise<{ readonly runs: { readonly at: number; readonly ranAt: number }[]; stop(): Promise<void> }> {
  const runs: { at: number; ranAt: number }[] = []
  const worker = mill.worker({
    queues: { default: 10, reports: 10 },
    handlers: [
      beat.handler(async (_, { task: { schedule } }) => {
        runs.push({ at: schedule!.at.getTime() - START, ranAt: world.time.nowMs })
        if (takesMs > 0) await world.sleep(takesMs)
      }),
    ],
  })
  await world.settle(worker.start())
  return { runs, stop: () => world.settle(worker.stop()) }
}
