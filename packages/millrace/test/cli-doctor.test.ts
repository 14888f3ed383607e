/** `millrace doctor` on a file in which something was made wrong. */
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { expect, test } from 'vitest'
import { connect, defineTask, unchecked } from '../src/index.ts'
import { jsonLines, millrace, Place, type Answer } from './command-line.ts'

const job = defineTask('job', {
  input: unchecked<null>(),
  limits: [{ name: 'api', key: () => 'acme', concurrency: 5 }],
})

test('it says what is wrong, mends it on request, and is silent then', async () => {
  using place = new Place()
  const path = join(place.path, 'millrace.db')
  const doctor = (...args: readonly string[]): Promise<Answer> =>
    millrace(['doctor', ...args], { cwd: place.path })
  await using mill = await connect(`sqlite:${path}`)
  const release = Promise.withResolvers<void>()
  const worker = mill.worker({ handlers: job.handler(() => release.promise) })
  await worker.start()
  await mill.enqueue(job, null)
  await expect.poll(() => worker.health().running).toBe(1)
  expect(await doctor()).toEqual({
    code: 0,
    stderr: '',
    stdout: 'Everything is as it must be: 1 task in sqlite:millrace.db looked at.\n',
  })
  using database = new DatabaseSync(path, { timeout: 10_000 })
  database.exec("UPDATE usages SET used = used + 2 WHERE name = 'acme'")
  expect(await doctor()).toEqual({
    code: 1,
    stdout: expect.stringMatching(
      /^reported {2}limit-count: Under api acme 3 are counted, and 1 run\. {2}\(remedy: repair\)\n1 finding: 1 task in /,
    ) as string,
    stderr: 'millrace: 1 finding left.\n  To mend what can be mended: millrace doctor --fix\n',
  })
  const mended = await doctor('--fix', '--json')
  expect(mended).toMatchObject({ code: 0, stderr: '' })
  expect(jsonLines(mended.stdout)).toEqual([
    {
      code: 'limit-count',
      subject: 'api acme',
      message: 'Under api acme 3 are counted, and 1 run.',
      remedy: 'repair',
      outcome: 'repaired',
    },
    { tasks: 1, findings: 1, unseen: [] },
  ])
  expect((await doctor()).code).toBe(0)
  database.exec("INSERT INTO payloads VALUES (4000000, 'x'); DROP INDEX locks_end")
  const last = await doctor('--fix')
  expect(last).toMatchObject({ code: 1, stderr: expect.stringContaining('needs a look by hand') as string })
  expect(last.stdout).toMatch(
    /^reported {2}engine-schema: The index locks_end is missing.*\(remedy: operator\)$/m,
  )
  expect(last.stdout).toMatch(
    /^repaired {2}stray-payload: There is data of task number 1000000, which is not there\.$/m,
  )
  release.resolve()
  await worker.stop()
}, 60_000)
