/** `millrace schedules`, from the first one to the last. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { connect, defineTask, unchecked } from '../src/index.ts'
import { jsonLines, millraceHere, Place, type Answer } from './command-line.ts'

let place: Place
const folder = process.cwd()

async function done(...args: readonly string[]): Promise<string> {
  const { code, stdout, stderr } = await millraceHere(['schedules', ...args])
  expect({ code, stderr, stdout }).toEqual({ code: 0, stderr: '', stdout })
  return stdout
}

function refused(...args: readonly string[]): Promise<Answer> {
  return millraceHere(['schedules', ...args])
}

beforeAll(async () => {
  place = new Place()
  process.chdir(place.path)
  // a worker that was there once has published its task
  await using mill = await connect()
  const report = defineTask('report', { input: unchecked<{ of: string }>(), queue: 'reports' })
  const worker = mill.worker({ handlers: [report.handler(() => undefined)] })
  await worker.start()
  await worker.stop()
})
afterAll(() => {
  process.chdir(folder)
  place[Symbol.dispose]()
})

describe('millrace schedules', { timeout: 60_000 }, () => {
  test('puts, lists, previews, pauses, triggers, backfills and removes', async () => {
    expect(await done()).toMatch(/^No schedules in /)
    const put = [
      'put',
      'nightly',
      'report',
      '{"of":"sales"}',
      '--cron',
      '30 2 * * *',
      '--zone',
      'Europe/Berlin',
    ]
    expect(await done(...put, '--overlap', 'skip')).toMatch(
      /^The schedule nightly enqueues report and fires next at /,
    )
    const [made] = jsonLines(await done(...put, '--missed', '3', '--gap', 'skip', '--json'))
    expect(made).toMatchObject({
      missed: { all: 3 },
      dst: { gap: 'skip', overlap: 'first' },
      queue: 'reports',
    })
    expect(await done()).toMatch(/nightly +report +30 2 \* \* \* \(Europe\/Berlin\) +in .* +allow +by hand/)

    const from = ['--from', '2026-03-28T00:00:00Z', '--count', '2']
    const lines = (await done('preview', '--cron', '30 2 * * *', '--zone', 'Europe/Berlin', ...from))
      .trim()
      .split('\n')
    expect(lines[0]).toMatch(/^2026-03-28T01:30:00.000Z \(.*\)$/)
    expect(lines[1]).toMatch(/^2026-03-29T01:00:00.000Z \(.*\) {2}gap$/)
    expect(jsonLines(await done('preview', 'nightly', '--count', '2', '--json'))).toHaveLength(2)
    expect(await done('preview', '--cron', '0 0 30 2 *')).toBe('It never fires.\n')

    expect(await done('pause', 'nightly')).toMatch(/is paused/)
    expect(await done()).toMatch(/ paused /)
    expect(await done('resume', 'nightly')).toMatch(/goes on/)
    expect(await done('trigger', 'nightly')).toMatch(/^[0-9a-f-]{36} {2}enqueued/)
    const range = ['--from', '2026-01-01T00:00:00Z', '--to', '2026-01-04T00:00:00Z']
    expect(await done('backfill', 'nightly', ...range)).toBe('3 runs enqueued, of 3 fire times.\n')
    expect(jsonLines(await done('backfill', 'nightly', ...range, '--json'))).toEqual([
      { schedule: 'nightly', matched: 3, changed: 0 },
    ])
    expect(await done('put', 'often', 'report', '{"of":"x"}', '--every', '5m')).toMatch(/often/)
    expect(await done('remove', 'often')).toBe('The schedule often is removed.\n')
    expect(await done('remove', 'nightly', '--json')).toBe('{"schedule":"nightly","removed":true}\n')
  })

  test.each([
    [['put', 'x', 'report', '--force'], 2, /either --cron or --every/],
    [['put', 'x', 'report', '--every', '5m', '--zone', 'UTC', '--force'], 2, /go by elapsed time/],
    [['put', 'x', 'report', '--cron', 'daily'], 2, /no cron expression/],
    [['put', 'x', 'raport', '--every', '5m'], 1, /Did you mean report/],
    [['pause', 'none'], 1, /There is no schedule/],
    [['remove', 'none'], 1, /There is no schedule/],
    [['preview', '--cron', '* * * * *', '--from', 'no'], 2, /--from is "no"/],
    [['preview'], 2, /either of a schedule, by its name, or of --cron/],
    [['preview', 'nightly', '--zone', 'Europe/Berlin'], 2, /either of a schedule/],
    [['preview', 'nightly', '--cron', '* * * * *'], 2, /either of a schedule/],
  ])('%j is refused', async (args, code, message) => {
    const answer = await refused(...args)
    expect([answer.code, answer.stderr]).toEqual([code, expect.stringMatching(message)])
  })
})
