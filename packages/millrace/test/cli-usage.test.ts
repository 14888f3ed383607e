/** What goes wrong is told in a sentence, with a hint, by an exit code, and never by a stack. */
import { chmodSync, mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { jsonLines, millrace, millraceHere as run, Place, type Answer } from './command-line.ts'

let place: Place
const folder = process.cwd()

/** As a process of its own. */
const spawned = (args: readonly string[], stdin = ''): Promise<Answer> =>
  millrace(args, { cwd: place.path, stdin })

beforeAll(async () => {
  place = new Place()
  const core = JSON.stringify(new URL('../src/index.ts', import.meta.url).href)
  const at = (name: string, text: string): void => writeFileSync(join(place.path, name), text)
  at(
    'handlers.ts',
    `import { defineTask, unchecked } from ${core}
     const hello = defineTask('hello', { input: unchecked<unknown>() })
     export const handlers = [hello.handler(() => 'hi')]`,
  )
  at('empty.ts', 'export const nothing = 1\nexport function main(what: string) { throw new Error(what) }\n')
  at('broken.ts', 'throw new Error("no configuration")\n')
  at('garbage.db', 'this is no database, however long one looks at it\n'.repeat(100))
  mkdirSync(join(place.path, 'folder'))
  at('readonly.db', '')
  chmodSync(join(place.path, 'readonly.db'), 0o444)
  await spawned(['worker', 'handlers.ts', '--until-idle'])
  await spawned(['enqueue', 'hello', '1'])
  process.chdir(place.path)
})
afterAll(() => {
  process.chdir(folder)
  place[Symbol.dispose]()
})

const ID = '0198c0de-0000-7000-8000-000000000000'

describe('wrong usage exits with 2', () => {
  test.each<[string, readonly string[], RegExp, RegExp]>([
    ['an unknown command', ['enque'], /Unknown command 'enque'/, /enqueue/],
    ['an unknown option', ['tasks', '--stat', 'failed'], /Unknown option '--stat'/, /--state/],
    ['no argument', ['enqueue'], /Missing required argument 'task'/, /--help/],
    ['no JSON', ['enqueue', 'hello', '{"a":'], /The input is no JSON/, /single quotes/],
    ['a bad duration', ['enqueue', 'hello', '1', '--delay', '5 minutes'], /"5 minutes".*no duration/, /5m/],
    ['a bad date', ['enqueue', 'hello', '1', '--run-at', 'tomorrow'], /"tomorrow"/, /2026-/],
    ['delay and date', ['enqueue', 'hello', '1', '--delay', '1s', '--run-at', '2030-01-01'], /Both/, /one/],
    ['a bad priority', ['enqueue', 'hello', '1', '--priority', 'urgent'], /urgent/, /./],
    ['a bad id', ['enqueue', 'hello', '1', '--id', '42'], /"42".*no UUID/, /UUID/],
    ['a bad queue', ['enqueue', 'hello', '1', '--queue', 'a b'], /"a b".*no name/, /letters/],
    ['a bad state', ['tasks', '--state', 'lost'], /"lost"/, /succeeded, .*ready, scheduled, held\.$/],
    ['a bad state to act on', ['retry', '--state', 'lost'], /"lost"/, /succeeded, failed, cancelled\.$/],
    ['a bad cursor', ['tasks', '--cursor', 'lost'], /cursor "lost" was not given/, /without --cursor/],
    ['a bad limit', ['tasks', '--limit', '0'], /--limit/, /whole number/],
    ['no target', ['retry'], /No task is named/, /--state/],
    ['two targets', ['retry', ID, '--queue', 'a'], /Both/, /one/],
    ['no scheme', ['tasks', '--store', 'millrace.db'], /no scheme/, /sqlite:/],
    [
      'a password in a URL',
      ['tasks', '--store', 'https://u:secret@h'],
      /a name or a password/,
      /MILLRACE_TOKEN/,
    ],
    ['a demo in memory', ['demo', '.', '--store', 'memory:'], /cannot share a store in memory/, /sqlite:/],
  ])('%s', async (_, args, message, hint) => {
    expect(failureIn(await run(args))).toEqual(failure(2, message, hint))
  })

  test('no command at all shows the help', async () => {
    const { code, stdout, stderr } = await spawned([])
    expect({ code, stdout }).toEqual({ code: 2, stdout: '' })
    expect(stderr).toMatch(/Usage: millrace[\s\S]*No command is given/)
  })

  test('a payload that is too large', async () => {
    const answer = await spawned(['enqueue', 'hello', '-'], JSON.stringify('x'.repeat(2 ** 20)))
    expect(failureIn(answer)).toEqual(failure(2, /larger than/, /elsewhere/))
  })
})

describe('what the world does not allow exits with 1', () => {
  test.each<[string, readonly string[], RegExp, RegExp]>([
    ['an unknown task', ['enqueue', 'helo', '1'], /ever published a task "helo"/, /hello.*--force/],
    ['an unknown id', ['task', ID], /holds no task/, /millrace tasks/],
    ['the history of an unknown id', ['history', ID], /holds no task/, /millrace tasks/],
    ['an unknown queue', ['resume', 'defualt'], /no queue "defualt" in sqlite:/, /mean default\?/],
    ['a queue like no other', ['resume', 'xxxxxx'], /no queue "xxxxxx"/, /millrace queues/],
    ['an unknown parent', ['enqueue', 'hello', '1', '--after', ID], /does not know/, /first/],
    ['a missing module', ['worker', 'none.ts'], /There is no file none\.ts/, /looked for/],
    ['a module without handlers', ['worker', 'empty.ts'], /exports no handler/, /task\.handler/],
    ['a broken module', ['worker', 'broken.ts'], /no configuration/, /node broken\.ts/],
    ['a missing folder', ['demo', 'none'], /no folder none/, /FOLDER/],
    ['a file as folder', ['demo', 'broken.ts'], /is no folder/, /FOLDER/],
    ['a folder as store', ['tasks', '--store', 'sqlite:folder'], /./, /./],
    ['a missing folder of a store', ['tasks', '--store', 'sqlite:none/m.db'], /./, /./],
    ['a store that is none', ['tasks', '--store', 'sqlite:garbage.db'], /./, /./],
    ['a store where nothing can be written', ['tasks', '--store', 'sqlite:///proc/m.db'], /./, /./],
  ])('%s', async (_, args, message, hint) => {
    expect(failureIn(await run(args))).toEqual(failure(1, message, hint))
  })

  test('a store that may only be read', async () => {
    const answer = await millrace(['tasks', '--store', 'sqlite:readonly.db'], {
      cwd: place.path,
      unprivileged: true,
    })
    expect(failureIn(answer)).toEqual(failure(1, /readonly\.db cannot be written/, /./))
  })
})

test('with --json errors are JSON too', async () => {
  const { code, stdout, stderr } = await spawned(['enqueue', 'helo', '1', '--json'])
  expect({ code, stdout }).toEqual({ code: 1, stdout: '' })
  expect(jsonLines(stderr)).toEqual([
    {
      error: {
        code: 'unknown-task',
        message: expect.any(String) as string,
        hint: expect.stringContaining('hello') as string,
      },
    },
  ])
})

test('help exits with 0 and shows examples', async () => {
  const { code, stdout } = await spawned(['help', 'enqueue'])
  expect(code).toBe(0)
  expect(stdout).toMatch(/Usage: millrace enqueue[\s\S]*Examples:/)
})

interface Failure {
  readonly code: number | null
  readonly stdout: string
  readonly stderr: readonly string[]
}

/** All of it is a sentence and a hint, on a line each. */
function failureIn({ code, stdout, stderr }: Answer): Failure {
  expect(stderr).toMatch(/^millrace: [A-Z`-].*[.!?]\n {2}\S.*\n$/)
  expect(stderr).not.toContain('secret')
  return { code, stdout, stderr: stderr.trimEnd().split('\n') }
}

function failure(code: number, message: RegExp, hint: RegExp): Failure {
  return { code, stdout: '', stderr: [message, hint].map((part) => expect.stringMatching(part) as string) }
}
