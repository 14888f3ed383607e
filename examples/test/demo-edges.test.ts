/** `millrace demo` where something is in its way: said first, or told as it is. */
import { execFileSync, spawn } from 'node:child_process'
import { chmodSync, existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { fileURLToPath } from 'node:url'
import { connect } from 'millrace'
import { beforeEach, describe, expect, test } from 'vitest'
import { unprivileged } from '../../test/unprivileged.ts'
import { Place } from './tree.ts'

const MAIN = fileURLToPath(new URL('../../packages/millrace/dist/cli/main.js', import.meta.url))
/** It hangs then, and is stopped. */
const LIMIT_MS = 30_000

interface Answer {
  readonly code: number | null
  readonly stdout: string
  readonly stderr: string
}

interface Start {
  readonly cwd: string
  /** Nobody reads what it writes to stdout. */
  readonly unheard?: boolean
}

/** As somebody who is not root, or without the rights of root. */
async function demo({ cwd, unheard = false }: Start, ...args: readonly string[]): Promise<Answer> {
  const [command, given] = unprivileged([MAIN, 'demo', '--no-kill', ...args])
  const { MILLRACE_STORE: _, ...env } = process.env
  const child = spawn(command, given, { cwd, env, stdio: ['ignore', 'pipe', 'pipe'], timeout: LIMIT_MS })
  if (unheard) child.stdout.destroy()
  const code = new Promise<number | null>((resolve) => child.once('exit', resolve))
  const [stdout, stderr] = await Promise.all([unheard ? '' : text(child.stdout), text(child.stderr)])
  return { code: await code, stdout, stderr }
}

describe('millrace demo', { timeout: 60_000 }, () => {
  let place: Place
  let tree = ''
  const at = (...names: readonly string[]): string => join(place.path, ...names)
  beforeEach(() => {
    place = new Place()
    tree = at('tree')
    mkdirSync(tree)
    for (const name of ['a', 'b']) writeFileSync(join(tree, name), name)
    return () => place[Symbol.dispose]()
  })

  function refusal(message: RegExp, hint: RegExp): Answer {
    const said = new RegExp(`^millrace: ${message.source}\\n {2}${hint.source}\\n$`)
    return { code: 1, stdout: '', stderr: expect.stringMatching(said) as string }
  }

  test('tells files from folders that cannot be read, and counts them as failed', async () => {
    mkdirSync(join(tree, 'closed'))
    writeFileSync(join(tree, 'closed', 'unseen'), 'x')
    chmodSync(join(tree, 'b'), 0)
    chmodSync(join(tree, 'closed'), 0)
    try {
      const { code, stdout } = await demo({ cwd: place.path }, 'tree')
      expect({ code, stdout }).toEqual({
        code: 0,
        stdout: expect.stringMatching(/^Millrace catalogues 2 files below tree: /) as string,
      })
      expect(stdout).toMatch(/files █{19} 2 {3}packages/)
      expect(stdout).toMatch(/ {2}1 file and 1 folder could not be read\. See: npx millrace dead/)
      expect(stdout).toMatch(/^Check it {4}find tree -type f \| wc -l /m)
      expect(JSON.parse(readFileSync(at('catalogue.json'), 'utf8'))).toMatchObject({ files: 1, failed: 2 })
    } finally {
      chmodSync(join(tree, 'closed'), 0o700)
    }
  })

  test('says how to count files whose names have newlines', async () => {
    for (const name of ['two\nlines', 'and\nthree\nlines']) writeFileSync(join(tree, name), name)
    const { stdout } = await demo({ cwd: place.path }, 'tree')
    const check = /^Check it {4}(.+?) {6}Look inside/m.exec(stdout)?.[1] ?? ''
    expect(execFileSync('sh', ['-c', check], { cwd: place.path, encoding: 'utf8' }).trim()).toBe('4')
  })

  test('asks for a folder that can be written before it works, not after', async () => {
    mkdirSync(at('fixed'), { mode: 0o555 })
    const answer = await demo({ cwd: at('fixed') }, tree, '--store', `sqlite:${at('m.db')}`)
    expect(answer).toEqual(refusal(/The current folder cannot be written, .*EACCES.*\./, /Start .*/))
    expect(existsSync(at('m.db'))).toBe(false)
  })

  test('asks for a folder that can be read', async () => {
    chmodSync(tree, 0)
    const answer = await demo({ cwd: place.path }, 'tree')
    expect(answer).toEqual(refusal(/The folder tree cannot be read: EACCES: .*\./, /Name .*/))
  })

  test('does not wait for a queue that is paused', async () => {
    await using mill = await connect(`sqlite:${at('millrace.db')}`)
    await mill.queues.pause('default')
    const answer = await demo({ cwd: place.path }, 'tree')
    expect(answer).toEqual(
      refusal(/The queue default of sqlite:millrace\.db is paused, .*\./, /.*: millrace resume default, .*/),
    )
    expect((await mill.tasks.list()).tasks).toEqual([])
  })

  test('finishes its work although nobody reads what it says', async () => {
    const { code, stderr } = await demo({ cwd: place.path, unheard: true }, 'tree')
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' })
    expect(JSON.parse(readFileSync(at('catalogue.json'), 'utf8'))).toMatchObject({ files: 2 })
  })

  test('has help whose lines begin where they should', async () => {
    expect((await demo({ cwd: place.path }, '--help')).stdout).not.toMatch(/^ \S/m)
  })
})
