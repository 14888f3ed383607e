/**
 * Take-overs race against completions, renewals and failures of the worker that they take from, at the end of its
 * lease: two clients of one store, which ask at the same moment.
 */
import { randomUUID } from 'node:crypto'
import { seededRandom, type SeededRandom } from '@millrace/core/simulation'
import type { Claim, Reclaimed, Settlement, Store, Transition } from '@millrace/core/store'
import { demand, exchange, groups, session } from '../../../packages/sqlite/test/specs.ts'
import { ENGINES, stageOf } from '../../servers/stage.ts'
import { storeOf } from '../rig/store-of.ts'
import { wounded } from '../rig/wounds.ts'
import type { Scenario, Trial, Verdict } from './scenario.ts'

const KINDS = ['complete', 'fail', 'renew'] as const
type Kind = (typeof KINDS)[number]

const ROUND_TASKS = 100
const SESSIONS = 10
const LEASE_MS = 10_000
/** So short before the end of its lease the race begins, at most. */
const EDGE_MAX_MS = 24
/** Both sides come in so many requests. */
const REQUESTS = 10

export const races: Scenario = {
  name: 'races',
  passes: 'each task is settled or taken over, never both; no crash is counted on a lease that holds',
  engines: ['memory', ...ENGINES],
  sizes: { short: { tasks: 1_000, forMs: 0 }, whole: { tasks: 10_000, forMs: 0 } },
  finds: [
    { wound: 'accepts stale settlements', says: /both/ },
    { wound: 'takes over from the living', says: /renewed/ },
  ],
  run: runRaces,
}

type Shifted = Store & { shiftClock(ms: number): Promise<void> | void }

/** Two clients of one store. */
interface Arena {
  readonly holder: Store
  readonly taker: Store
  /** Whose clocks are to be moved: a file has none of its own. */
  readonly clocks: readonly Shifted[]
  readonly random: SeededRandom
}

async function runRaces({ engine, seed, size, wound }: Trial): Promise<Verdict> {
  await using stage = engine === 'memory' ? undefined : await stageOf(engine)
  const first = storeOf(stage?.url ?? 'memory:') as Shifted
  const second = stage === undefined ? first : (storeOf(stage.url) as Shifted)
  await first.open()
  if (second !== first) await second.open()
  const broken = (store: Store): Store => (wound === undefined ? store : wounded(store, wound))
  const clocks = engine === 'sqlite' ? [first, second] : [first]
  const arena = { holder: broken(first), taker: broken(second), clocks, random: seededRandom(seed) }
  const counts: Record<string, number> = {}
  const problems: string[] = []
  for (const kind of KINDS) {
    for (let races = 0; races < size.tasks; races += ROUND_TASKS) {
      const round = await race(kind, arena)
      counts[`${kind} won`] = (counts[`${kind} won`] ?? 0) + round.won
      counts[`${kind} lost`] = (counts[`${kind} lost`] ?? 0) + ROUND_TASKS - round.won
      problems.push(...round.problems)
    }
  }
  await first.close()
  if (second !== first) await second.close()
  return { tasks: KINDS.length * size.tasks, figures: counts, problems }
}

interface Round {
  /** Tasks whose holder was in time. */
  readonly won: number
  readonly problems: readonly string[]
}

async function race(kind: Kind, arena: Arena): Promise<Round> {
  const { holder, taker, clocks, random } = arena
  const heir = session({ ttlMs: 3_600_000 })
  await taker.openSession(heir)
  await holder.add({ groups: groups(ROUND_TASKS), again: false })
  const held = new Map<string, readonly Claim[]>()
  for (let n = 0; n < SESSIONS; n++) {
    const mine = session({ ttlMs: LEASE_MS })
    await holder.openSession(mine)
    const { claims } = await holder.exchange(
      exchange(mine.session, { demand: demand(ROUND_TASKS / SESSIONS) }),
    )
    held.set(mine.session, claims)
  }
  const edgeMs = random.between(0, EDGE_MAX_MS)
  for (const store of clocks) await store.shiftClock(LEASE_MS - edgeMs)
  const takes = (): Promise<readonly Reclaimed[]> => takeOver(taker, heir.session)
  const [took, done] = await Promise.all([
    Promise.all(Array.from({ length: REQUESTS }, async () => (await later(random), takes()))),
    Promise.all([...held].map(async (one) => (await later(random), act(kind, holder, one)))),
  ])
  // what neither had by then has lapsed for good
  for (const store of clocks) await store.shiftClock(LEASE_MS + EDGE_MAX_MS)
  const taken = new Map(took.flat().map((one) => [one.fence.task, one]))
  const rest = await takes()
  const problems = [...held].flatMap(([, claims], index) =>
    claims.flatMap(({ id }, at) => {
      const answer = done[index]![at]!
      if (taken.has(id) && answer !== 'lost')
        return [
          kind === 'renew'
            ? `task ${id} was taken over, though its lease was renewed`
            : `task ${id} was both settled and taken over`,
        ]
      if (kind !== 'renew' && answer === 'won' && rest.some(({ fence }) => fence.task === id))
        return [`task ${id} was both settled and taken over later`]
      if (kind !== 'renew' && answer === 'lost' && !taken.has(id))
        return [`task ${id} was neither settled nor taken over`]
      return []
    }),
  )
  problems.push(
    ...(await settleRest(arena, heir.session, {
      taken: [...taken.values(), ...rest],
      kind,
      done: done.flat(),
    })),
  )
  return { won: done.flat().filter((answer) => answer === 'won').length, problems }
}

/** Some of them come in the same turn, some a moment later. */
async function later(random: SeededRandom): Promise<void> {
  for (let turns = random.between(0, 12); turns > 0; turns--)
    await new Promise((resolve) => setImmediate(resolve))
}

async function takeOver(store: Store, heir: string): Promise<readonly Reclaimed[]> {
  const nonce = randomUUID().replaceAll('-', '').slice(16)
  return (await store.reclaim({ session: heir, nonce, again: false, tasksMax: ROUND_TASKS, graceMs: 0 }))
    .tasks
}

type Answer = 'won' | 'lost'

async function act(
  kind: Kind,
  store: Store,
  [of, claims]: readonly [string, readonly Claim[]],
): Promise<readonly Answer[]> {
  const fences = claims.map(({ id, epoch, nonce }) => ({ task: id, epoch, nonce }))
  if (kind === 'renew') {
    const held = fences.map((fence) => ({ fence, started: true }))
    const answer = await store.renew({ session: of, ttlMs: LEASE_MS, seq: 1, held, awaiting: [] })
    return fences.map(() => (answer.session === 'alive' ? 'won' : 'lost'))
  }
  const settlements = fences.map((fence): Settlement => ({
    fence,
    seq: 1,
    transition: TRANSITIONS[kind],
    notes: null,
  }))
  const { verdicts } = await store.exchange(exchange(of, { settlements }))
  return verdicts.map((verdict) => (verdict === 'stale' ? 'lost' : 'won'))
}

const TRANSITIONS: Readonly<Record<'complete' | 'fail', Transition>> = {
  complete: { to: 'succeeded', result: '"mine"' },
  fail: {
    to: 'failed',
    count: 'failure',
    reason: 'error',
    error: { name: 'Error', message: 'mine', code: null, stack: null },
  },
}

/** The crashes that the heir settles are all the crashes there are, and outcomes stand. */
async function settleRest(
  { taker }: Arena,
  heir: string,
  {
    taken,
    kind,
    done,
  }: { readonly taken: readonly Reclaimed[]; readonly kind: Kind; readonly done: readonly Answer[] },
): Promise<readonly string[]> {
  const transition = {
    to: 'failed',
    count: 'crash',
    reason: 'crashed',
    error: { name: 'Error', message: 'crashed', code: null, stack: null },
  } as const
  const settlements = taken.map(({ fence }) => ({ fence, seq: 1, transition, notes: null }))
  const { verdicts } = await taker.exchange(exchange(heir, { settlements }))
  const lost = verdicts.filter((verdict) => verdict === 'stale').length
  const records = await taker.get(taken.map(({ fence }) => fence.task))
  const uncounted = records.filter(
    (record) => record?.counters.crashes !== 1 || record.state !== 'failed',
  ).length
  const ended =
    kind === 'renew' ? taken.length : taken.length + done.filter((answer) => answer === 'won').length
  return [
    ...(lost === 0 ? [] : [`${lost} take-overs were overwritten before they were settled`]),
    ...(uncounted === 0
      ? []
      : [`${uncounted} of the tasks that were taken over count no crash, or have ended otherwise`]),
    ...(ended === ROUND_TASKS ? [] : [`${ended} of ${ROUND_TASKS} tasks have come to one end`]),
  ]
}
