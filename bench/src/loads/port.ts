/** The port alone, no worker and no client, against the statements that it runs, bare. */
import { sized, type Case, type Figures, type Goal, type Load, type Role, type RoleReport } from '../load.ts'
import type { Claim, Store, TaskGroup } from '@millrace/core/store'
import { callers } from '../item.ts'
import type { Engine } from '../engine.ts'
import { demandOf, groups, newNonce, SESSION, session } from './records.ts'
import { settled } from './growth.ts'

const STORE = 'store'
const BARE = 'bare'

/** Batches that are on their way to the store at the same time. */
const IN_FLIGHT = 2

const PORTS = ['sqlite', 'postgres', 'redis'] as const satisfies readonly Engine[]

export const port: Load = { name: 'port', cases: [batches(100), batches(500)] }

function batches(size: number): Case {
  return {
    name: `port, batches of ${size}`,
    about: `add, then exchange, in batches of ${size} with two in flight; against the same statements or scripts, bare`,
    contenders: [STORE, BARE],
    ratios: 'first / others',
    roles: ['store'],
    metrics: [
      { key: 'add', title: 'add', unit: 'tasks/s', better: 'more' },
      { key: 'exchange', title: 'exchange (settle and claim)', unit: 'tasks/s', better: 'more' },
      { key: 'life', title: 'whole life', unit: 'tasks/s', better: 'more' },
    ],
    goals: Object.fromEntries(PORTS.map((engine) => [engine, ['add', 'exchange', 'life'].map(bound)])),
    engines: PORTS,
    handled: () => null,
    run: (role) => (role.contender === STORE ? throughPort(role, size) : bare(role, size)),
  }
}

function bound(metric: string): Goal {
  return { metric, of: STORE, against: BARE, atLeast: 0.7 }
}

function batchesOf(role: Role, batch: number): readonly (readonly TaskGroup[])[] {
  const count = sized(role.quick, 60_000, 2_000)
  return Array.from({ length: count / batch }, (_, index) => groups(index * batch, batch))
}

async function throughPort(role: Role, batch: number): Promise<RoleReport> {
  const batches = batchesOf(role, batch)
  const { storeAt } = await import('../peers/store.ts')
  const store = await storeAt(role.url)
  await store.open()
  await store.openSession(session)
  await role.ready()
  const add = await role.span(() =>
    callers(IN_FLIGHT, batches.length, (index) => store.add({ groups: batches[index]!, again: false })),
  )
  const count = batches.length * batch
  let claimed = 0
  const exchange = await role.span(() =>
    callers(IN_FLIGHT, IN_FLIGHT, async () => {
      const share = await exchangeUntilEmpty(store, batch)
      claimed += share
    }),
  )
  await store.close()
  if (claimed !== count) throw new Error(`${claimed} of ${count} tasks were claimed.`)
  return { figures: figuresOf(count, add.seconds, exchange.seconds) }
}

/** @returns how many were claimed, and settled */
async function exchangeUntilEmpty(store: Store, batch: number): Promise<number> {
  const demand = demandOf(batch)
  let [claimed, cursor]: [number, string | null] = [0, null]
  let claims: readonly Claim[] = []
  do {
    const settlements = claims.map(settled)
    const request = {
      session: SESSION,
      nonce: newNonce(),
      again: false,
      settlements,
      demand: { ...demand, cursor },
    }
    const answer = await store.exchange(request)
    if (answer.verdicts.some((verdict) => verdict !== 'applied')) throw new Error('A settlement was stale.')
    claims = answer.claims
    cursor = answer.cursor
    claimed += claims.length
  } while (claims.length > 0)
  return claimed
}

async function bare(role: Role, batch: number): Promise<RoleReport> {
  const { bareAt } = await import('./bare/bare.ts')
  const store = await bareAt(role.url)
  const batches = batchesOf(role, batch).map((some) => store.packed(some))
  await role.ready()
  const add = await role.span(() =>
    callers(store.lines, batches.length, (index) => store.add(batches[index]!)),
  )
  const count = batches.length * batch
  let claimed = 0
  const exchange = await role.span(() =>
    callers(store.lines, store.lines, async () => {
      let last = await store.exchange(null, batch)
      while (last.count > 0) {
        claimed += last.count
        last = await store.exchange(last, batch)
      }
    }),
  )
  await store.close()
  if (claimed !== count) throw new Error(`${claimed} of ${count} tasks were claimed.`)
  return { figures: figuresOf(count, add.seconds, exchange.seconds) }
}

function figuresOf(count: number, addSeconds: number, exchangeSeconds: number): Figures {
  return {
    add: count / addSeconds,
    exchange: count / exchangeSeconds,
    life: count / (addSeconds + exchangeSeconds),
  }
}
