/** `millrace limits`, `breakers`, `partitions` and `budgets`. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { connect, defineTask, unchecked } from '../src/index.ts'
import { jsonLines, millraceHere, Place } from './command-line.ts'

let place: Place
const folder = process.cwd()

async function done(...args: readonly string[]): Promise<string> {
  const { code, stdout, stderr } = await millraceHere(args)
  expect({ code, stderr, stdout }).toEqual({ code: 0, stderr: '', stdout })
  return stdout
}

async function refused(...args: readonly string[]): Promise<string> {
  const { code, stdout, stderr } = await millraceHere(args)
  expect({ code, stdout }).toEqual({ code: 2, stdout: '' })
  return stderr
}

const charge = defineTask('charge', {
  input: unchecked<{ account: string }>(),
  partition: ({ account }) => account,
  limits: [{ name: 'bank', key: ({ account }) => account, concurrency: 2 }],
  breaker: { name: 'bank' },
})

beforeAll(async () => {
  place = new Place()
  process.chdir(place.path)
  await using mill = await connect()
  const worker = mill.worker({ handlers: [charge.handler(() => undefined)] })
  await worker.start()
  await worker.stop()
  await mill.enqueueMany(
    ['a', 'a', 'b'].map((account) => charge.with({ account })),
    { atomic: true },
  )
})
afterAll(() => {
  process.chdir(folder)
  place[Symbol.dispose]()
})

describe('flow control by hand', { timeout: 60_000 }, () => {
  test('limits: what code declares is shown, what is put goes before, and can be lifted', async () => {
    expect(await done('limits')).toMatch(/bank +2/)
    await done('limits', 'put', 'bank', '--concurrency', '5', '--rate', '100/1s', '--burst', '7')
    const [limit] = jsonLines(await done('limits', '--json'))
    const rate = { limit: 100, perMs: 1_000, burst: 7 }
    expect(limit).toMatchObject({ name: 'bank', by: 'user', allowance: { concurrency: 5, rate } })
    await done('limits', 'put', 'queue:default', '--concurrency', '1')
    expect(await done('limits')).toContain('queue:default')
    await done('limits', 'remove', 'queue:default')
    expect(await done('limits')).not.toContain('queue:default')
    expect(await done('limits', 'recount')).toMatch(/keys were counted, 0 of them were wrong/)
    expect(await refused('limits', 'put', 'bank', '--rate', 'fast')).toMatch(/--rate 100\/1s/)
    expect(await refused('limits', 'put', 'bank')).toMatch(/Nothing is limited/)
    expect(await refused('limits', 'put', 'bank', '--concurrency', '5', '--burst', '7')).toMatch(
      /--rate 100\/1s/,
    )
  })

  test('breakers: tripped, shown, and reset', async () => {
    await done('breakers', 'trip', 'bank', '--for', '5m')
    expect(await done('breakers')).toMatch(/bank +open/)
    await done('breakers', 'reset', 'bank')
    expect(await done('breakers')).toMatch(/bank +closed/)
  })

  test('partitions: a weight is given, and taken back', async () => {
    await done('partitions', 'put', 'a', '--weight', '3')
    expect(await done('partitions')).toMatch(/a +3/)
    await done('partitions', 'put', 'a', '--weight', '1')
    expect(await done('partitions')).toMatch(/same weight/)
    expect(await refused('partitions', 'put', 'a', '--weight', '0')).toMatch(/whole number from 1/)
  })

  test('budgets: put, shown with what there is, and lifted', async () => {
    expect(await done('budgets')).toMatch(/^No budgets in /)
    await done('budgets', 'put', 'queue:default', '--tasks', '3', '--bytes', '1000000')
    await done('budgets', 'put', 'partition:*', '--quota-tasks', '10', '--per', '1h')
    const shown = await done('budgets')
    expect(shown).toMatch(/queue:default +3 of 3 +\d+ of 1[  ,]000[  ,]000/)
    expect(shown).toMatch(/partition:\* +10 +in /)
    const refusal = await millraceHere([
      'enqueue',
      'charge',
      '{"account":"c"}',
      '--limit',
      'bank=c',
      '--partition',
      'c',
    ])
    expect(refusal.code).not.toBe(0)
    expect(refusal.stderr).toContain('The queue default holds 3 of 3 tasks')
    await done('budgets', 'remove', 'queue:default')
    await done('enqueue', 'charge', '{"account":"c"}', '--limit', 'bank=c', '--partition', 'c')
    expect(await refused('budgets', 'put', 'default', '--tasks', '3')).toMatch(/queue:NAME or partition:KEY/)
    expect(await refused('budgets', 'put', 'queue:default', '--quota-tasks', '3')).toMatch(/--per 1h/)
  })
})
