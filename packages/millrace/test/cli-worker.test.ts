/** `millrace worker` as its user sees it when processes die: the supervisor, the processes, and what is said. */
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { ChildProcess } from 'node:child_process'
import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { ended, jsonLines, millrace, Place, start, written, type Answer } from './command-line.ts'

let place: Place
const running = new Set<ChildProcess>()

beforeEach(() => {
  place = new Place()
  const index = JSON.stringify(new URL('../src/index.ts', import.meta.url).href)
  writeFileSync(
    join(place.path, 'handlers.ts'),
    `import { defineTask, unchecked } from ${index}
     export const hello = defineTask('hello', { input: unchecked<null>() }).handler(() => process.pid)`,
  )
})

afterEach(() => {
  for (const child of running) child.kill('SIGKILL')
  running.clear()
  place[Symbol.dispose]()
})

function worker(...args: readonly string[]): {
  readonly child: ChildProcess
  readonly ending: Promise<Answer>
} {
  const child = start(['worker', 'handlers.ts', ...args], { cwd: place.path })
  running.add(child)
  return { child, ending: ended(child) }
}

const pidsIn = (text: string): number[] =>
  Array.from(text.matchAll(/^Worker (\d+) on/gm), ([, pid]) => Number(pid))

const isGone = (pid: number): boolean => {
  try {
    process.kill(pid, 0)
    return false
  } catch {
    return true
  }
}

test('a worker process that is killed is started again, and the supervisor says so', async () => {
  const { child, ending } = worker()
  const [first] = pidsIn(await written(child, /Ctrl-C stops it/))
  const again = written(child, /Ctrl-C stops it/)
  process.kill(first!, 'SIGKILL')
  const [second] = pidsIn(await again)
  expect(second).not.toBe(first)
  child.kill('SIGTERM')
  const { code, stderr, stdout } = await ending
  expect({ code, stderr }).toEqual({
    code: 0,
    stderr: expect.stringMatching(
      new RegExp(
        `^millrace: Worker ${first} died \\(SIGKILL\\)\\. Another one is started in \\d\\.\\d s\\.\n$`,
      ),
    ) as string,
  })
  expect(stdout).toMatch(new RegExp(`Worker ${second} has stopped`))
})

test('several processes share the work, and all of them drain', async () => {
  const { child, ending } = worker('--processes', '3')
  const pids = pidsIn(await written(child, /(Ctrl-C stops it[^]*){3}/))
  expect(new Set(pids).size).toBe(3)
  const { stdout } = await millrace(['workers', '--json'], { cwd: place.path })
  expect(new Set(jsonLines(stdout).map(({ pid }) => pid))).toEqual(new Set(pids))
  child.kill('SIGINT')
  const answer = await ending
  expect(answer).toMatchObject({ code: 0, stderr: '' })
  expect(answer.stdout.match(/has stopped/g)).toHaveLength(3)
})

test('several processes end when nothing is left to do', async () => {
  await worker('--until-idle').ending // publishes what there is to enqueue
  await millrace(['enqueue', 'hello', 'null'], { cwd: place.path })
  const answer = await worker('--processes', '2', '--until-idle').ending
  expect(answer).toMatchObject({ code: 0, stderr: '' })
  expect(answer.stdout).toMatch(/1 task succeeded/)
})

test('a worker process that is asked by itself to stop is not started again', async () => {
  const { child, ending } = worker()
  const [pid] = pidsIn(await written(child, /Ctrl-C stops it/))
  process.kill(pid!, 'SIGTERM')
  expect(await ending).toMatchObject({ code: 0, stderr: '' })
})

test('a signal that reaches all processes of a service is one request: they drain', async () => {
  const child = start(['worker', 'handlers.ts'], { cwd: place.path }, true)
  running.add(child)
  const ending = ended(child)
  await written(child, /Ctrl-C stops it/)
  process.kill(-child.pid!, 'SIGTERM')
  const { code, stderr, stdout } = await ending
  expect({ code, stderr }).toEqual({ code: 0, stderr: '' })
  expect(stdout).toMatch(/has stopped/)
})

test('no worker process outlives its supervisor', async () => {
  const { child } = worker('--processes', '2')
  const pids = pidsIn(await written(child, /(Ctrl-C stops it[^]*){2}/))
  child.kill('SIGKILL')
  await vi.waitFor(() => expect(pids.map(isGone)).toEqual([true, true]), { timeout: 10_000 })
})

test.each(['0', '1001', 'many'])('%s processes are refused', async (count) => {
  const { code, stderr, stdout } = await worker('--processes', count).ending
  expect({ code, stdout }).toEqual({ code: 2, stdout: '' })
  expect(stderr).toBe(`millrace: --processes is "${count}".\n  It is a whole number from 1 to 1000.\n`)
})

test('a worker is drained, stopped or resized from elsewhere, and stays as it was told', async () => {
  const cli = async (...args: readonly string[]): Promise<Answer> =>
    millrace(['workers', ...args], { cwd: place.path })
  const { child, ending } = worker('--lease', '1s')
  await written(child, /Ctrl-C stops it/)
  const sessionOf = async (): Promise<string> =>
    String(jsonLines((await cli('--json')).stdout)[0]?.['session'])
  const session = await sessionOf()
  expect(await cli('resize', session, '3')).toEqual({
    code: 0,
    stderr: '',
    stdout: `Worker ${session} is told to run 3 handlers at the same time. It hears of it with its next renewal.\n`,
  })
  await vi.waitFor(async () => expect((await cli()).stdout).toMatch(/ running +0 of 3 /), { timeout: 10_000 })
  expect((await cli('resize', session, '0')).code).toBe(2)
  expect((await cli('drain', session)).code).toBe(0)
  expect(await ending).toMatchObject({ code: 0, stderr: '' })
  const gone = await cli('stop', session)
  expect(gone).toMatchObject({ code: 1, stdout: '' })
  expect(gone.stderr).toMatch(new RegExp(`^millrace: There is no worker ${session}\\.\n  It has ended`))
})
