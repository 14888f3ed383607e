/** `millrace explain`, and who paused a queue. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { connect, defineTask, unchecked } from '../src/index.ts'
import { jsonLines, millraceHere, Place } from './command-line.ts'

let place: Place
let [first, second] = ['', '']
const folder = process.cwd()
const report = defineTask('report', { input: unchecked<number>(), queue: 'reports' })

async function done(...args: readonly string[]): Promise<string> {
  const { code, stdout, stderr } = await millraceHere(args)
  expect({ code, stderr, stdout }).toEqual({ code: 0, stderr: '', stdout })
  return stdout
}

beforeAll(async () => {
  place = new Place()
  process.chdir(place.path)
  await using mill = await connect()
  first = (await mill.enqueue(report, 1)).id
  second = (await mill.enqueue(report, 2, { after: [first] })).id
})
afterAll(() => {
  process.chdir(folder)
  place[Symbol.dispose]()
})

describe('asking why', { timeout: 60_000 }, () => {
  test('what keeps a task is said, and what helps', async () => {
    await done('pause', 'reports', '--by', 'Ada: the printer burns')
    const text = await done('explain', first)
    expect(text).toContain(`Task ${first} (report, queue reports): ready`)
    expect(text).toMatch(/The queue reports was paused .* by Ada: the printer burns, and gives nothing/)
    expect(text).toMatch(/millrace resume reports\n {2}No worker is there\.\n {4}millrace worker FILE/)
    expect(text).toMatch(/Place {7}first in its queue/)
    expect(await done('explain', second)).toContain(`millrace explain ${first}`)
    await done('resume', 'reports')
    expect(await done('explain', first)).not.toContain('paused')
  })

  test('who pauses a queue is whoever is here, unless told otherwise', async () => {
    const [paused] = jsonLines(await done('pause', 'reports', '--json'))
    expect(paused).toMatchObject({ queue: 'reports', paused: true })
    expect(paused!['by']).toMatch(/./)
    const [told] = jsonLines(await done('explain', first, '--json'))
    expect(told).toMatchObject({
      clauses: [{ code: 'queue-paused', by: paused!['by'] }, { code: 'no-worker' }],
    })
    await done('resume', 'reports')
  })

  test('as JSON it is one value', async () => {
    const lines = jsonLines(await done('explain', second, '--json'))
    expect(lines).toHaveLength(1)
    expect(lines[0]).toMatchObject({
      id: second,
      state: 'blocked',
      type: 'report',
      queue: 'reports',
      clauses: [
        { code: 'waits-for', count: 1, parents: [{ id: first, state: 'pending', ifFailed: 'cancel' }] },
        { code: 'no-worker', sentence: 'No worker is there.' },
      ],
    })
  })

  test('of a task that was removed the store says so; of one that never was nothing is known', async () => {
    await done('cancel', second)
    expect(await done('explain', second)).toMatch(/was cancelled .* on request\.\n {4}millrace retry/)
    await done('remove', second)
    expect(await done('explain', second)).toContain('before that it was cancelled')
    const { code, stderr } = await millraceHere(['explain', '0198c0de-0000-7000-8000-000000000000'])
    expect(code).toBe(1)
    expect(stderr).toContain('does not remember it')
  })
})
