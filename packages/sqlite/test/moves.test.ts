/** The slow way of a task: what the lifecycle says, and that the claims add up. */
import { afterEach, beforeEach, expect, test } from 'vitest'
import { demand, exchange, group, session, spec } from './specs.ts'
import { Rooms } from './rooms.ts'
import type { Claim, Settlement } from '@millrace/core/store'

let rooms: Rooms
beforeEach(async () => {
  rooms = await Rooms.open()
})
afterEach(() => rooms.close())

const ERROR = { name: 'Error', message: 'it broke', code: null, stack: null }

function failed({ id, epoch, nonce }: Claim): Settlement {
  const transition = { to: 'failed', count: 'failure', reason: 'error', error: ERROR } as const
  return { fence: { task: id, epoch, nonce }, seq: 1, transition, notes: null }
}

test('counters that do not add up are found before anything is written', async () => {
  const request = session()
  await rooms.write('openSession', request)
  await rooms.add([group(spec())])
  const { claims } = await rooms.exchange(exchange(request.session, { demand: demand(1) }))
  // a claim that ended in no way
  rooms.home.database.run("UPDATE tasks SET counters = '1 0 0 0 0 0 0 0'")
  const settling = rooms.exchange(exchange(request.session, { settlements: claims.map(failed) }))
  await expect(settling).rejects.toThrow(/do not add up on the way from running to failed/)
  expect(rooms.home.database.get('SELECT count(*) FROM running')).toEqual([1])
  rooms.home.database.run('UPDATE tasks SET counters = NULL')
  const { verdicts } = await rooms.exchange(exchange(request.session, { settlements: claims.map(failed) }))
  expect(verdicts).toEqual(['applied'])
})
