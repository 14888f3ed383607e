/** Whether a claim costs more where there are many partitions, or much that a limit holds back. */
import { type Goal, type Goals, type Load, type Role, type RoleReport, sized } from '../load.ts'
import { ENGINES } from '../engine.ts'
import { rest } from '../engines/probe.ts'
import { EXCHANGES, latencies } from './common.ts'
import { opened, settled } from './growth.ts'
import { demandOf, groups, newNonce, SESSION, session } from './records.ts'
import type { Claim, Lane, Store } from '@millrace/core/store'

/** Tasks per exchange. */
const BATCH = 100
const WAITING = 1_000
const MUCH = 100_000

const PLAIN = 'plain'
const FEW = '1 000 partitions'

interface Scenario {
  /** In front of what is claimed, or all of it. */
  readonly before: number
  /** The lane of a task, by its number. */
  readonly lane: (n: number) => Lane
  /** Whether what is claimed has lanes like that, too. */
  readonly own: boolean
}

const NO_LANE: Lane = { partition: null, fifo: false, limits: [], prefers: [], spillMs: 0 }

const scenarios: Readonly<Record<string, Scenario | null>> = {
  [PLAIN]: null,
  [FEW]: { before: WAITING, lane: (n) => ({ ...NO_LANE, partition: `p${n % WAITING}` }), own: true },
  '100 000 partitions': { before: MUCH, lane: (n) => ({ ...NO_LANE, partition: `p${n % MUCH}` }), own: true },
  '100 000 held back': { before: MUCH, lane: () => limited('full'), own: false },
  '100 000 held back, 100 keys': { before: MUCH, lane: (n) => limited(`full${n % 100}`), own: false },
}

const names = Object.keys(scenarios)
const bounds: readonly Goal[] = [
  ...names.slice(1).map((of): Goal => ({ metric: 'p99', of, against: PLAIN, atMost: 2 })),
  // what grows with their number, and not with there being any
  { metric: 'p99', of: '100 000 partitions', against: FEW, atMost: 1.5 },
]
const goals: Goals = Object.fromEntries(ENGINES.map((engine) => [engine, bounds]))

export const lanes: Load = {
  name: 'lanes',
  cases: [
    {
      name: 'lanes',
      about:
        'an exchange that settles and claims 100, with so many partitions, or so much held back by a limit in front',
      contenders: names,
      ...EXCHANGES,
      goals,
      engines: ENGINES,
      run,
    },
  ],
}

function limited(key: string): Lane {
  return { ...NO_LANE, limits: [{ name: 'closed', key, cost: 1 }] }
}

async function run(role: Role): Promise<RoleReport> {
  const scenario = scenarios[role.contender]!
  const store = await opened(role)
  // nothing starts under it
  const allowance = { concurrency: 0, rate: null }
  const setting = { name: 'closed', version: null, allowance, shutMs: null, by: 'user' } as const
  await store.configureLimit({ ...setting, nonce: newNonce() })
  const before = scenario === null ? 0 : sized(role.quick, scenario.before, scenario.before / 100)
  let next = 0
  const add = async (count: number, lane: Scenario['lane'] | null): Promise<void> => {
    for (let from = 0; from < count; from += 1_000) {
      const size = Math.min(1_000, count - from)
      const tasks = Array.from({ length: size }, () => {
        const [group] = groups(next, 1, lane === null ? {} : { lane: lane(next) })
        next += 1
        return group!
      })
      await store.add({ groups: tasks, again: false })
    }
  }
  if (scenario !== null) await add(before, scenario.lane)
  const own = scenario?.own === true ? scenario.lane : null
  await add(WAITING, own)
  await rest(role)
  await store.openSession(session)
  await role.ready()
  const samples: number[] = []
  await role.span(() =>
    claimOver(store, samples, { turns: sized(role.quick, 500, 20), add: () => add(BATCH, own) }),
  )
  await store.close()
  return { figures: latencies(samples) }
}

/** Settles what was claimed and claims anew; in between as much is added, so that the backlog stays as it is. */
async function claimOver(
  store: Store,
  samples: number[],
  { turns, add }: { readonly turns: number; readonly add: () => Promise<void> },
): Promise<void> {
  let claims: readonly Claim[] = []
  let cursor: string | null = null
  let turn: string | null = null
  for (let time = 0; time < turns; time++) {
    const from = performance.now()
    const answer = await store.exchange({
      session: SESSION,
      nonce: newNonce(),
      again: false,
      settlements: claims.map(settled),
      demand: { ...demandOf(BATCH), cursor, turn },
    })
    samples.push(performance.now() - from)
    if (answer.claims.length !== BATCH)
      throw new Error(`${answer.claims.length} tasks were claimed instead of ${BATCH}.`)
    claims = answer.claims
    cursor = answer.cursor
    turn = answer.turn ?? turn
    await add()
  }
}
