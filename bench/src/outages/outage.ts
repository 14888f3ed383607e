/** A producer and two workers whose server is killed with -9, again and again, and what came of it. */
import { setTimeout as sleep } from 'node:timers/promises'
import { connect, type Mill } from 'millrace'
import { Ledger } from './ledger.ts'
import { Member } from './crew.ts'
import { targetOf, type Engine, type Target } from './server.ts'

const QUEUE = 'default'
const WORKERS = 2
/** How often the store is asked whether anything is left. */
const LOOK_MS = 100
/** Nothing takes so long: it hangs. */
const LIMIT_MS = 120_000

export interface OutagePlan {
  readonly engine: Engine
  readonly rounds: number
  /** So many tasks are acknowledged between two kills. */
  readonly tasks: number
  /** For how long the server stays away in each round, in milliseconds. */
  readonly downMs: (round: number) => number
  readonly told?: (round: Round) => void
}

/** How long after the server answered again it took, in milliseconds. */
export interface Round {
  readonly downMs: number
  /** Until the first handler was called, in each worker. */
  readonly resumedMs: readonly number[]
  /** Until the first enqueue was answered. */
  readonly acknowledgedMs: number
}

export interface Outcome {
  readonly rounds: readonly Round[]
  readonly acknowledged: number
  /** Calls that were told that the store is away. */
  readonly refused: number
  /** Handlers that were called, also more than once for a task. */
  readonly started: number
  /** What the server has forgotten, as it may by its settings. */
  readonly forgotten: number
  readonly problems: readonly string[]
  readonly troubles: ReadonlyMap<string, number>
}

export async function runOutage(plan: OutagePlan): Promise<Outcome> {
  await using target = await targetOf(plan.engine)
  const ledger = new Ledger(target.forgetsMs)
  await keepAll(target.url)
  using crew = await startCrew(target.url, ledger)
  const rounds: Round[] = []
  for (let round = 0; round < plan.rounds; round++) {
    await within(ledger.reaches(ledger.acknowledged + plan.tasks), 'load')
    rounds.push(await within(strike(target, crew, { ledger, downMs: plan.downMs(round) }), 'resuming'))
    plan.told?.(rounds.at(-1)!)
  }
  await within(ledger.reaches(ledger.acknowledged + plan.tasks), 'load')
  await crew.producer.stop()
  await using mill = await connect(target.url)
  const succeeded = await within(drained(mill), 'draining')
  await Promise.all(crew.workers.map((worker) => worker.stop()))
  return {
    rounds,
    acknowledged: ledger.acknowledged,
    refused: ledger.refused,
    started: ledger.started,
    forgotten: ledger.forgotten(succeeded),
    problems: ledger.problems(succeeded),
    troubles: ledger.troubles,
  }
}

/** Nothing is forgotten before it was counted. */
async function keepAll(url: string): Promise<void> {
  await using mill = await connect(url)
  const retention = { succeeded: false, cancelled: false, failed: false, bytes: false } as const
  await mill.queues.configure(QUEUE, { retention })
}

interface Crew extends Disposable {
  readonly producer: Member
  readonly workers: readonly Member[]
}

async function startCrew(url: string, ledger: Ledger): Promise<Crew> {
  const start = (role: 'producer' | 'worker'): Promise<Member> => Member.start({ role, url }, ledger.hear)
  const workers = await Promise.all(Array.from({ length: WORKERS }, () => start('worker')))
  const producer = await start('producer')
  return {
    producer,
    workers,
    [Symbol.dispose]: () => [producer, ...workers].forEach((member) => member[Symbol.dispose]()),
  }
}

async function strike(
  target: Target,
  { producer, workers }: Crew,
  { ledger, downMs }: { readonly ledger: Ledger; readonly downMs: number },
): Promise<Round> {
  ledger.struck(Date.now())
  await target.kill()
  await sleep(downMs)
  const upAt = await target.start()
  const [acknowledgedAt, ...startedAt] = await Promise.all(
    [producer, ...workers].map((member) => member.gotOn(upAt)),
  )
  return {
    downMs,
    acknowledgedMs: acknowledgedAt! - upAt,
    resumedMs: startedAt.map((at) => at - upAt),
  }
}

/** How many succeeded, once nothing is left to do. */
async function drained(mill: Mill): Promise<number> {
  for (;;) {
    const [queue] = await mill.queues.list()
    const { succeeded = 0, ...others } = queue?.counts ?? {}
    if (Object.values(others).every((count) => count === 0)) return succeeded
    await sleep(LOOK_MS)
  }
}

async function within<T>(work: Promise<T>, what: string): Promise<T> {
  const late = new AbortController()
  const limit = sleep(LIMIT_MS, undefined, { signal: late.signal }).then(() => {
    throw new Error(`${what} takes longer than ${LIMIT_MS} ms.`)
  })
  limit.catch(() => undefined) // aborted: it was in time
  try {
    return await Promise.race([work, limit])
  } finally {
    late.abort()
  }
}
