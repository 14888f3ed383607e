/** `millrace dev` as its user sees it: code that changes, code that is broken, and time that is moved. */
import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { ChildProcess } from 'node:child_process'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { millrace, millraceHere, Place, start, written, type Answer } from './command-line.ts'

const INDEX = JSON.stringify(new URL('../src/index.ts', import.meta.url).href)
const READY = /Ctrl-C stops it\.\n[^]*runs hello/

let place: Place
const running = new Set<ChildProcess>()
const folder = process.cwd()

const write = (name: string, text: string): void => writeFileSync(join(place.path, name), text)

/** The module that the handler's module imports, so that it is what is imported that is watched. */
const greeting = (text: string): void =>
  write('greeting.ts', `export const greeting = ${JSON.stringify(text)}`)

beforeEach(() => {
  place = new Place()
  greeting('Hello')
  write(
    'handlers.ts',
    `import { defineTask, unchecked } from ${INDEX}
     import { greeting } from './greeting.ts'
     export const hello = defineTask('hello', { input: unchecked<string>() })
       .handler((name, ctx) => ctx.log.info(greeting + ' ' + name))`,
  )
})

afterEach(() => {
  for (const child of running) child.kill('SIGKILL')
  running.clear()
  place[Symbol.dispose]()
})

async function dev(
  ...args: readonly string[]
): Promise<{ readonly child: ChildProcess; readonly text: string }> {
  const child = start(['dev', 'handlers.ts', ...args], { cwd: place.path })
  running.add(child)
  return { child, text: await written(child, READY) }
}

const enqueue = (name: string, ...more: readonly string[]): Promise<Answer> =>
  millrace(['enqueue', 'hello', JSON.stringify(name), '--store', 'sqlite:.millrace/dev.db', ...more], {
    cwd: place.path,
  })

/** Resolves with the code that it ends with. */
async function stopped(child: ChildProcess): Promise<number | null> {
  const ended = new Promise<number | null>((resolve) => child.once('close', resolve))
  child.kill('SIGINT')
  return ended
}

test('it works on a store of its own, and starts anew with what has changed', async () => {
  const { child } = await dev()
  expect(existsSync(join(place.path, 'millrace.db'))).toBe(false)
  expect(readFileSync(join(place.path, '.millrace/.gitignore'), 'utf8')).toBe('*\n')
  const first = written(child, /Hello Ada/)
  expect((await enqueue('Ada')).code).toBe(0)
  await first
  const again = written(child, /greeting\.ts has changed\.[^]*has stopped[^]*runs hello/)
  greeting('Good morning')
  await again
  const second = written(child, /Good morning Eve/)
  await enqueue('Eve')
  await second
  expect(await stopped(child)).toBe(0)
})

test('code that is broken is said, and what mends it is heard', async () => {
  const { child } = await dev()
  const broken = written(child, /cannot be loaded[^]*has ended \(exit code 1\)\. It starts again when/)
  write('greeting.ts', 'export const greeting = (')
  expect(await broken).not.toMatch(/runs hello/)
  const mended = written(child, /has changed\.[^]*runs hello/)
  greeting('Hello')
  expect(await mended).toMatch(/^greeting\.ts has changed\.$/m)
})

test('time that is moved lets pass what is waited for', async () => {
  const { child } = await dev('--clock')
  await enqueue('tomorrow', '--delay', '1d')
  const unclear = written(child, /"1d" is no move of the clock/)
  child.stdin?.write('1d\n')
  await unclear
  const moved = written(child, /Store time is .* UTC \(1 d ahead\)[^]*Hello tomorrow/)
  child.stdin?.write('+1d\n')
  await moved
  await stopped(child)
  // the time of a file never goes back: a later run goes on there, unless it begins anew
  const later = await dev()
  expect(later.text).toMatch(/Store time is .* ahead\)\. To begin anew: --fresh/)
  await stopped(later.child)
  expect((await dev('--fresh')).text).not.toMatch(/ahead/)
})

test.each<[string, readonly string[], number, RegExp]>([
  ['a file that is not there', ['none.ts'], 1, /There is no file none\.ts/],
  ['no file at all', [], 2, /No module with handlers/],
  ['a store in memory', ['handlers.ts', '--store', 'memory:'], 2, /in memory ends with its process/],
  ['a clock of others', ['handlers.ts', '--clock', '--store', 'redis://h'], 2, /SQLite file only/],
  ['a store of others to be emptied', ['handlers.ts', '--fresh', '--store', 'sqlite:a.db'], 2, /--fresh/],
])('%s is refused', async (_, args, code, message) => {
  process.chdir(place.path)
  try {
    const answer = await millraceHere(['dev', ...args])
    expect(answer).toMatchObject({ code, stdout: '' })
    expect(answer.stderr).toMatch(message)
    expect(existsSync('.millrace')).toBe(false)
  } finally {
    process.chdir(folder)
  }
})
