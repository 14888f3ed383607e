/** A store in which something is made wrong behind its back: what `mill.examine` finds, mends, and finds then. */
import { defineTask, Mill, systemPlatform, unchecked, type Finding, type Store } from '@millrace/core'

const job = defineTask('job', {
  input: unchecked<number>(),
  queue: 'examined',
  limits: [{ name: 'api', key: () => 'acme', concurrency: 5 }],
})

/** So long an examination waits before it looks again; here nothing is on its way. */
const SETTLE_MS = 5_000
const hasty = {
  ...systemPlatform,
  setTimer: (ms: number, run: () => void, hold: 'holds' | 'idle') =>
    systemPlatform.setTimer(ms === SETTLE_MS ? 10 : ms, run, hold),
}

export interface Examined {
  /** Before anything was made wrong. */
  readonly before: readonly Finding[]
  readonly reported: readonly Finding[]
  readonly repaired: readonly Finding[]
  readonly after: readonly Finding[]
}

/**
 * @param newStore a client of the home, not opened
 * @param spoil makes something wrong while one task runs and another one has ended, whose id it is given
 */
export async function examinedAfter(
  newStore: () => Store,
  spoil: (ended: string) => Promise<void>,
): Promise<Examined> {
  await using mill = new Mill(newStore())
  await using examiner = new Mill(newStore(), { platform: hasty })
  const release = Promise.withResolvers<void>()
  const runs = Promise.withResolvers<void>()
  const worker = mill.worker({
    handlers: job.handler(async (n) => {
      if (n === 1) return
      runs.resolve()
      await release.promise
    }),
  })
  await worker.start()
  const ended = await mill.enqueue(job, 1)
  await ended.result({ within: '10s' })
  await mill.enqueue(job, 2)
  await runs.promise
  const examine = async (repair: boolean): Promise<readonly Finding[]> =>
    (await examiner.examine({ repair })).findings
  const before = await examine(true)
  await spoil(ended.id)
  const found = {
    before,
    reported: await examine(false),
    repaired: await examine(true),
    after: await examine(false),
  }
  release.resolve()
  await worker.stop()
  return found
}

export const LEAK = {
  code: 'limit-count',
  subject: 'api acme',
  message: 'Under api acme 3 are counted, and 1 run.',
  remedy: 'repair',
} as const
