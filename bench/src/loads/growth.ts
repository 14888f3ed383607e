/** Whether a claim costs more when there is more that it does not take. */
import { sized, type Goal, type Goals, type Load, type Role, type RoleReport } from '../load.ts'
import { ENGINES } from '../engine.ts'
import { rest } from '../engines/probe.ts'
import { EXCHANGES, latencies } from './common.ts'
import { demandOf, groups, newNonce, SESSION, session } from './records.ts'
import type { Claim, Settlement, Store, TaskSpec } from '@millrace/core/store'

/** Tasks per exchange. */
const BATCH = 100

const PLAIN = '1 000 waiting'

/** What stands before the tasks that are claimed, or behind. */
const scenarios: Readonly<
  Record<string, { readonly waiting: number; readonly inFront: number; readonly special: Partial<TaskSpec> }>
> = {
  [PLAIN]: { waiting: 1_000, inFront: 0, special: {} },
  '1 000 000 waiting': { waiting: 1_000_000, inFront: 0, special: {} },
  '100 000 of an unknown type': { waiting: 1_000, inFront: 100_000, special: { type: 'unknown' } },
  '100 000 held': { waiting: 1_000, inFront: 100_000, special: { held: true } },
  '100 000 scheduled': { waiting: 1_000, inFront: 100_000, special: { due: { inMs: 3_600_000 } } },
}

const names = Object.keys(scenarios)

const bounds = names.slice(1).map((of): Goal => ({ metric: 'p99', of, against: PLAIN, atMost: 1.5 }))
const goals: Goals = Object.fromEntries(ENGINES.map((engine) => [engine, bounds]))

const NO_HISTORY = 'no history'
const MUCH_HISTORY = '10 000 000 of history'
const HISTORY = 10_000_000

export const growth: Load = {
  name: 'growth',
  cases: [
    {
      name: 'growth',
      about: 'an exchange that settles and claims 100, with that much in the same queue',
      contenders: names,
      ...EXCHANGES,
      goals,
      engines: ENGINES,
      run,
    },
    {
      name: 'history',
      about: 'the same with 1 000 waiting, and that many tasks in the store that have succeeded',
      contenders: [NO_HISTORY, MUCH_HISTORY],
      ...EXCHANGES,
      goals: { postgres: [{ metric: 'p99', of: MUCH_HISTORY, against: NO_HISTORY, atMost: 1.1 }] },
      engines: ['postgres'],
      run: withHistory,
    },
  ],
}

async function run(role: Role): Promise<RoleReport> {
  const { waiting, inFront, special } = scenarios[role.contender]!
  const store = await opened(role)
  const share = sized(role.quick, 1, 0.01)
  await fill(store, inFront * share, special)
  await fill(store, Math.max(waiting * share, 10 * BATCH), {})
  return measure(role, store)
}

async function withHistory(role: Role): Promise<RoleReport> {
  const store = await opened(role)
  await fill(store, 10 * BATCH, {})
  // what only one load needs must not weigh on those that measure memory
  const { writeHistory } = await import('./history.ts')
  if (role.contender === MUCH_HISTORY)
    await writeHistory(role.url, sized(role.quick, HISTORY, HISTORY / 1_000))
  return measure(role, store)
}

export async function opened(role: Role): Promise<Store> {
  const { storeAt } = await import('../peers/store.ts')
  const store = await storeAt(role.url)
  await store.open()
  return store
}

async function measure(role: Role, store: Store): Promise<RoleReport> {
  await rest(role)
  await store.openSession(session)
  await role.ready()
  const samples: number[] = []
  await role.span(() => claimOver(store, samples, sized(role.quick, 1_000, 20)))
  await store.close()
  return { figures: latencies(samples) }
}

async function fill(store: Store, size: number, special: Partial<TaskSpec>): Promise<void> {
  for (let from = 0; from < size; from += 1_000) {
    await store.add({ groups: groups(from, Math.min(1_000, size - from), special), again: false })
  }
}

/** Settles what was claimed and claims anew; in between as much is added, so that the backlog stays as it is. */
async function claimOver(store: Store, samples: number[], turns: number): Promise<void> {
  const demand = demandOf(BATCH)
  let claims: readonly Claim[] = []
  let cursor: string | null = null
  for (let turn = 0; turn < turns; turn++) {
    const settlements = claims.map(settled)
    const from = performance.now()
    const answer = await store.exchange({
      session: SESSION,
      nonce: newNonce(),
      again: false,
      settlements,
      demand: { ...demand, cursor },
    })
    samples.push(performance.now() - from)
    if (answer.claims.length !== BATCH)
      throw new Error(`${answer.claims.length} tasks were claimed instead of ${BATCH}.`)
    claims = answer.claims
    cursor = answer.cursor
    await fill(store, BATCH, {})
  }
}

export function settled({ id, epoch, nonce }: Claim): Settlement {
  return {
    fence: { task: id, epoch, nonce },
    seq: 1,
    transition: { to: 'succeeded', result: null },
    notes: null,
  }
}
