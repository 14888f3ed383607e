/** Transactions: waiting for the lock of others, and a file that takes no more. */
import { DatabaseSync } from 'node:sqlite'
import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { Rooms, type Pass } from './rooms.ts'
import { exchange, groups, session } from './specs.ts'
import { packAdd } from '../src/packing.ts'
import { writing } from '../src/operations.ts'
import { writeTogether } from '../src/sharing.ts'
import type { Answer, Call } from '../src/wire.ts'

let rooms: Rooms
beforeEach(async () => {
  rooms = await Rooms.open()
})
afterEach(() => {
  vi.restoreAllMocks()
  rooms.close()
})

function lock(): DatabaseSync {
  const stranger = new DatabaseSync(rooms.path)
  stranger.exec('BEGIN IMMEDIATE')
  return stranger
}

test('a lock that is given back in time is only waited for', async () => {
  const stranger = lock()
  let pauses = 0
  rooms.waits = () => {
    pauses += 1
    if (pauses === 10) stranger.exec('ROLLBACK')
  }
  await rooms.add(groups(3))
  stranger.close()
  expect(pauses).toBe(10)
  expect(rooms.home.database.get('SELECT count(*) FROM tasks')).toEqual([3])
})

test('a lock that is never given back is an error without effect', async () => {
  const stranger = lock()
  let now = performance.now()
  vi.spyOn(performance, 'now').mockImplementation(() => (now += 1_000))
  await expect(rooms.add(groups(3))).rejects.toMatchObject({ code: 'store-busy', effect: 'none' })
  stranger.close()
  expect(rooms.home.database.get('SELECT count(*) FROM tasks')).toEqual([0])
})

test('who comes behind a call that waited in vain is told at once, until the lock is free again', async () => {
  const stranger = lock()
  let now = performance.now()
  vi.spyOn(performance, 'now').mockImplementation(() => (now += 1_000))
  const tries = async (): Promise<number> => {
    rooms.statements.length = 0
    await expect(rooms.add(groups(1))).rejects.toMatchObject({ code: 'store-busy', effect: 'none' })
    return rooms.statements.filter((statement) => statement === 'BEGIN IMMEDIATE').length
  }
  const first = await tries()
  expect(first).toBeGreaterThan(5)
  expect(await tries()).toBeLessThan(4)
  stranger.exec('ROLLBACK')
  await rooms.add(groups(1))
  stranger.exec('BEGIN IMMEDIATE')
  expect(await tries()).toBe(first)
  stranger.close()
})

test('a full disk is an error without effect, and what needs no room goes on', async () => {
  const { database } = rooms.home
  const request = session()
  await rooms.write('openSession', request)
  await rooms.add(groups(10))
  const [pages] = database.get<[number]>('PRAGMA page_count')!
  database.script(`PRAGMA max_page_count = ${pages + 2}`)
  const refused = rooms.add(groups(1_000, { payload: `"${'x'.repeat(900)}"` }))
  await expect(refused).rejects.toMatchObject({ code: 'store-full', effect: 'none' })
  expect(database.get('SELECT count(*) FROM tasks')).toEqual([10])
  expect((await rooms.exchange(exchange(request.session))).session).toBe('alive')
  database.script('PRAGMA max_page_count = 1000000')
  await rooms.add(groups(1_000, { payload: `"${'x'.repeat(900)}"` }))
  expect(database.get('SELECT count(*) FROM tasks')).toEqual([1_010])
})

test('names that a failed transaction added are forgotten with it', async () => {
  const broken = (): never => {
    throw new Error('broken')
  }
  const named = (pass: Pass): number => pass.names.route('new', [])
  expect(() => rooms.transactions.write([named, broken])).toThrow('broken')
  await rooms.add(groups(1, { type: 'other' }))
  expect([...rooms.home.names.routes.values()].map(({ type }) => type)).toEqual(['other'])
})

test('what a full disk refuses takes nobody along who shares its commit', async () => {
  const { database } = rooms.home
  const request = session()
  await rooms.write('openSession', request)
  const [pages] = database.get<[number]>('PRAGMA page_count')!
  database.script(`PRAGMA max_page_count = ${pages + 2}`)
  const large = packAdd({ groups: groups(1_000, { payload: `"${'x'.repeat(900)}"` }), again: false })
  const calls: Call[] = [
    { call: 1, operation: 'add', request: large },
    { call: 2, operation: 'closeSession', request: request.session },
    { call: 3, operation: 'add', request: packAdd({ groups: groups(1), again: false }) },
  ]
  const writings = calls.map((call) => ({ call, work: writing(call.operation, call.request)! }))
  const told: Answer[] = []
  await writeTogether(rooms.transactions, writings, (answers) => void told.push(...answers))
  expect(told).toMatchObject([
    { call: 1, failure: { code: 'store-full', effect: 'none' } },
    { call: 2, answer: null },
    { call: 3, answer: {} },
  ])
  expect(database.get('SELECT count(*) FROM tasks')).toEqual([1])
})

test('a commit is on the disk before it is answered, and readers do not wait for it', () => {
  const { database } = rooms.home
  // 2 is FULL (https://sqlite.org/pragma.html#pragma_synchronous)
  expect(database.get('PRAGMA synchronous')).toEqual([2])
  expect(database.get('PRAGMA journal_mode')).toEqual(['wal'])
})
