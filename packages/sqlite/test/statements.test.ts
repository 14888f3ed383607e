/** What an exchange costs: how many statements, one commit, and no row that it may not take. */
import { DatabaseSync } from 'node:sqlite'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import * as adding from '../src/statements/adding.ts'
import * as budgets from '../src/statements/budgets.ts'
import * as claiming from '../src/statements/claiming.ts'
import * as keys from '../src/statements/keys.ts'
import * as dependents from '../src/statements/dependents.ts'
import * as inspection from '../src/statements/inspection.ts'
import * as lanes from '../src/statements/lanes.ts'
import * as limits from '../src/statements/limits.ts'
import * as series from '../src/statements/series.ts'
import { READ_STANDING } from '../src/statements/sessions.ts'
import * as settling from '../src/statements/settling.ts'
import * as upkeep from '../src/statements/upkeep.ts'
import { Rooms } from './rooms.ts'
import { demand, exchange, groups, session, succeeded } from './specs.ts'

let rooms: Rooms
beforeEach(async () => {
  rooms = await Rooms.open()
})
afterEach(() => rooms.close())

/** The statements of the hot path, with as many routes as they are made for. */
const hot: Readonly<Record<string, string>> = {
  'insert tasks': adding.addPlainTasks(25),
  'all ready': adding.ALL_READY,
  'known task': adding.KNOWN_TASK,
  'key holder': keys.KEY_HOLDER,
  'key held': keys.KEY_HELD,
  'open window': keys.OPEN_WINDOW,
  'release keys': keys.RELEASE_KEYS,
  'read claims of 1 route': claiming.readClaims(1),
  'read claims of 16 routes': claiming.readClaims(16),
  'heads of 16 routes': claiming.readHeads(16),
  'levels that are ready': claiming.levelsReady(16),
  'routes that are ready': claiming.ROUTES_READY,
  'leave ready': claiming.LEAVE_READY_UP_TO,
  'run fresh': claiming.RUN_FRESH,
  'run any': claiming.RUN_ANY,
  'next later': claiming.NEXT_LATER,
  'due later': claiming.laterAt(16),
  'all in lanes ready': adding.ALL_LANED_READY,
  'read picked': claiming.READ_PICKED,
  'levels with lanes': lanes.levelsWithLanes(16),
  'next lanes': lanes.NEXT_LANES,
  'in a lane': lanes.IN_LANE,
  'due since': lanes.DUE_SINCE,
  'next level that waits': inspection.NEXT_READY_LEVEL,
  'next route for later': inspection.NEXT_LATER_ROUTE,
  'leave a lane': lanes.LEAVE_LANE_UP_TO,
  'lanes to forget': lanes.LANES_AFTER,
  'partitions to forget': lanes.PARTITIONS_AFTER,
  'last lane': lanes.LAST_LANE,
  'find usage': limits.FIND_USAGE,
  'forget usages': limits.FORGET_USAGES,
  'run counted': claiming.RUN_COUNTED,
  'run fresh counted': claiming.RUN_FRESH_COUNTED,
  'in a series': series.IN_SERIES,
  'first in a series': series.FIRST_IN_SERIES,
  'join a series': series.JOIN_SERIES,
  'leave a series': series.LEAVE_SERIES,
  'move along': claiming.MOVE_ALONG,
  'moved along': claiming.MOVED_ALONG,
  'read extras': claiming.READ_EXTRAS,
  probe: settling.PROBE,
  'probe what is counted': settling.PROBE_COUNTED,
  'stop all': settling.STOP_ALL,
  'succeed all': settling.SUCCEED_ALL,
  'succeed one': settling.SUCCEED_ONE,
  'drop payloads': settling.DROP_PAYLOADS,
  'with open edges': dependents.WITH_OPEN_EDGES,
  'open edges': dependents.OPEN_EDGES,
  'edges of children': dependents.EDGES_OF_CHILDREN_CLOSE,
  spent: budgets.SPENT,
  'forget spendings': budgets.FORGET_SPENDINGS,
  'due soon': inspection.DUE_SOON,
  overdue: upkeep.OVERDUE,
  'ended by': upkeep.ENDED_BY,
  'oldest ended': upkeep.OLDEST_ENDED,
}

/** Tables that grow with the work that waits or is done. */
const LARGE = [
  'tasks',
  't',
  'ready',
  'later',
  'l',
  'edges',
  'e',
  'payloads',
  'lanes',
  'usages',
  'series',
  's',
]

describe('the plan of each hot statement', () => {
  test.each(Object.entries(hot))('%s scans no table that grows, and sorts nothing', (_, sql) => {
    const plan = rooms.home.database
      .objects<{ detail: string }>(`EXPLAIN QUERY PLAN ${sql}`)
      .map(({ detail }) => detail)
    const scans = plan.filter((detail) =>
      LARGE.some((table) => new RegExp(`^SCAN ${table}( |$)`).test(detail)),
    )
    expect(scans).toEqual([])
    expect(plan.filter((detail) => detail.includes('USE TEMP B-TREE'))).toEqual([])
  })
})

async function worker(): Promise<string> {
  const request = session()
  await rooms.write('openSession', request)
  return request.session
}

/** What one exchange of 10 does, when this stands in front of what it can take. */
async function statementsBehind(crowd: () => Promise<void>): Promise<readonly string[]> {
  const id = await worker()
  await crowd()
  await rooms.add(groups(40))
  const first = await rooms.exchange(exchange(id, { demand: demand(10) }))
  rooms.statements.length = 0
  const answer = await rooms.exchange(
    exchange(id, { settlements: first.claims.map(succeeded), demand: demand(10) }),
  )
  expect([answer.verdicts.length, answer.claims.length]).toEqual([10, 10])
  return [...rooms.statements]
}

test('an exchange that settles and claims is one transaction of few statements', async () => {
  const statements = await statementsBehind(async () => undefined)
  expect(statements.filter((sql) => sql === 'COMMIT')).toHaveLength(1)
  expect(statements.filter((sql) => sql.startsWith('BEGIN'))).toEqual(['BEGIN IMMEDIATE'])
  expect(statements.length).toBeLessThanOrEqual(18)
})

/** Does something on another connection, as another process would. */
function elsewhere(...writes: readonly string[]): void {
  const stranger = new DatabaseSync(rooms.path)
  for (const write of writes) stranger.exec(write)
  stranger.close()
}

test('an exchange after others have moved tasks reads one row more', async () => {
  const id = await worker()
  await rooms.add(groups(40))
  const once = async (): Promise<readonly string[]> => {
    rooms.statements.length = 0
    expect((await rooms.exchange(exchange(id, { demand: demand(10) }))).claims).toHaveLength(10)
    return [...rooms.statements]
  }
  // what it has set itself it reads once more, after somebody else has written
  elsewhere("INSERT INTO notes(seq, logs) VALUES (1, '[]')")
  await once()
  const undisturbed = await once()
  elsewhere("INSERT INTO notes(seq, logs) VALUES (2, '[]')")
  const after = await once()
  expect(after.filter((sql) => sql !== READ_STANDING)).toEqual(undisturbed)
  expect(after.length).toBe(undisturbed.length + 1)
})

test('what others have set counts for the next exchange', async () => {
  const id = await worker()
  await rooms.add(groups(2))
  const claims = async (): Promise<number> =>
    (await rooms.exchange(exchange(id, { demand: demand(1) }))).claims.length
  expect(await claims()).toBe(1)
  elsewhere('UPDATE queues SET paused = 1')
  expect(await claims()).toBe(0)
})

test.each([
  "INSERT INTO queues(name) VALUES ('q')",
  'UPDATE queues SET paused = 1',
  'UPDATE queues SET retention = NULL',
  "INSERT INTO routes(type, needs) VALUES ('t', '[]')",
  "INSERT INTO terms(terms) VALUES ('[]')",
  "UPDATE partitions SET weight = 2 WHERE name = 'p'",
  "DELETE FROM partitions WHERE name = 'p'",
  "INSERT INTO lanes(partition, lane, prefers) VALUES (1, '[]', 0)",
  'DELETE FROM lanes',
  "INSERT INTO limits(name, version, set_by, shut_until, configured_at) VALUES ('l', 1, 'call', 0, 0)",
  'UPDATE limits SET concurrency = 1',
  'DELETE FROM limits',
  "INSERT INTO budgets VALUES ('queue', 'q', '{}')",
  "UPDATE budgets SET budget = '[]'",
  'DELETE FROM budgets',
])('processes are told of: %s', async (write) => {
  await rooms.add(groups(1))
  elsewhere(
    "INSERT INTO partitions(name) VALUES ('p')",
    "INSERT INTO lanes(partition, lane, prefers) VALUES (7, '[]', 0)",
    "INSERT INTO limits(name, version, set_by, shut_until, configured_at) VALUES ('k', 1, 'call', 0, 0)",
    "INSERT INTO budgets VALUES ('queue', 'k', '{}')",
  )
  const settings = (): number => rooms.home.database.get<[number, number]>(READ_STANDING)![1]
  const before = settings()
  elsewhere(write)
  expect(settings()).toBe(before + 1)
})

test('what is live is counted by two statements of an exchange, while there is a budget', async () => {
  const without = await statementsBehind(async () => undefined)
  const budget = { tasks: 1, bytes: null, quota: null }
  rooms.close()
  rooms = await Rooms.open()
  await rooms.write('configureBudget', { scope: { kind: 'queue', name: 'other' }, budget })
  const added = (await statementsBehind(async () => undefined)).filter((sql) => !without.includes(sql))
  expect(added).toEqual([budgets.LOADS_OF, budgets.LOAD_QUEUE])
})

test('an add of a thousand tasks is one transaction', async () => {
  await rooms.add(groups(1))
  rooms.statements.length = 0
  await rooms.add(groups(1_000))
  expect(rooms.statements.filter((sql) => sql === 'COMMIT')).toHaveLength(1)
  expect(rooms.statements.length).toBeLessThanOrEqual(1_000 / 25 + 6)
})

const crowds: readonly (readonly [string, () => Promise<void>])[] = [
  ['of an unknown type', () => rooms.add(groups(2_000, { type: 'unknown' }))],
  ['with needs', () => rooms.add(groups(2_000, { needs: ['gpu'] }))],
  ['on hold', () => rooms.add(groups(2_000, { held: true }))],
  ['scheduled', () => rooms.add(groups(2_000, { due: { inMs: 60_000 } }))],
  ['in another queue', () => rooms.add(groups(2_000, { queue: 'other' }))],
]

test.each(crowds)('a crowd %s makes an exchange no longer', async (_, crowd) => {
  const alone = await Rooms.open()
  const there = rooms
  rooms = alone
  const expected = await statementsBehind(async () => undefined)
  rooms = there
  expect(await statementsBehind(crowd)).toEqual(expected)
  alone.close()
})

test('claims of more routes than one statement merges still come in the order in which they fell due', async () => {
  const id = await worker()
  const types = Array.from({ length: 40 }, (_, index) => `type-${index}`)
  const expected: string[] = []
  for (let round = 0; round < 3; round++) {
    for (const type of types) {
      const [group] = groups(1, { type })
      expected.push(group!.tasks[0]!.id)
      await rooms.add([group!])
    }
  }
  const claimed: string[] = []
  for (const count of [7, 50, 63]) {
    const { claims } = await rooms.exchange(exchange(id, { demand: demand(count, { types }) }))
    claimed.push(...claims.map((claim) => claim.id))
  }
  expect(claimed).toEqual(expected)
})
