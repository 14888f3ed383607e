/** Who takes part. */
import { bullmqContender, bullmqPostgresContender } from './bullmq.ts'
import { graphileWorkerContender } from './graphile-worker.ts'
import { millraceContender, millraceShortContender } from './millrace.ts'
import { pgBossContender } from './pg-boss.ts'
import type { Contender } from '../contender.ts'

export const CONTENDERS: readonly Contender[] = [
  millraceContender,
  millraceShortContender,
  bullmqContender,
  bullmqPostgresContender,
  graphileWorkerContender,
  pgBossContender,
]

/** @throws Error if there is none of that name */
export function contenderNamed(name: string): Contender {
  const found = CONTENDERS.find((one) => one.name === name)
  if (found !== undefined) return found
  throw new Error(
    `No contender is called ${name}: there are ${CONTENDERS.map((one) => one.name).join(', ')}.`,
  )
}
