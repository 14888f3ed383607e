/** `millrace top` in a terminal: what it draws, that it follows the size, and that it gives the terminal back. */
import { execFileSync, spawn, spawnSync, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { connect, defineTask, unchecked } from '../src/index.ts'
import { jsonLines, millraceHere, Place, type Answer } from './command-line.ts'

const MAIN = fileURLToPath(new URL('../src/cli/main.ts', import.meta.url))
const TAKEN = '\u001b[?1049h'
const GIVEN_BACK = '\u001b[?7h\u001b[?25h\u001b[?1049l'

const PATIENT = { timeout: 20_000, interval: 50 }

let place: Place
let terminal: Terminal | undefined

beforeEach(async () => {
  place = new Place()
  await using mill = await connect(storeUrl())
  await mill.enqueue(defineTask('greet', { input: unchecked<number>() }), 1)
})

afterEach(() => {
  terminal?.child.kill('SIGKILL')
  terminal = undefined
  place[Symbol.dispose]()
})

/** A terminal with a program in it: `script` of util-linux (package bsdutils on Debian) makes one without any library. */
class Terminal {
  readonly child: ChildProcess
  readonly ending: Promise<unknown[]>
  /** All that was written to it. */
  text = ''
  readonly #device: string

  constructor(args: string) {
    if (spawnSync('script', ['--version']).error !== undefined)
      throw new Error('This test needs the command `script`: apt-get install bsdutils, or util-linux.')
    this.#device = join(place.path, 'device')
    const line = `echo $$ > pid; tty > device; stty rows 24 cols 80; exec ${process.execPath} ${MAIN} ${args}`
    const { MILLRACE_STORE: _, NO_COLOR: __, ...env } = process.env
    this.child = spawn('script', ['-qfec', line, '/dev/null'], {
      cwd: place.path,
      env: { ...env, TERM: 'xterm' },
    })
    this.child.stdout?.setEncoding('utf8').on('data', (text: string) => (this.text += text))
    this.ending = once(this.child, 'close')
  }

  async shows(pattern: RegExp): Promise<void> {
    await vi.waitFor(() => {
      if (!pattern.test(this.screen)) throw new Error(`It does not show ${String(pattern)}:\n${this.screen}`)
    }, PATIENT)
  }

  /** The text of the last picture, line by line. */
  get screen(): string {
    const last = this.text.split('\u001b[H').at(-1) ?? ''
    // oxlint-disable-next-line no-control-regex
    return last.replaceAll(/\u001b\[[0-9;?]*[A-Za-z]/g, '').replaceAll('\r', '')
  }

  type(keys: string): void {
    this.child.stdin?.write(keys)
  }

  stty(...args: readonly string[]): string {
    return execFileSync('stty', ['-F', readFileSync(this.#device, 'utf8').trim(), ...args], {
      encoding: 'utf8',
    })
  }
}

const start = (args = 'top --every 100ms'): Terminal => (terminal = new Terminal(args))

test('it draws what is there, and again what has changed', async () => {
  start()
  await terminal!.shows(/^default +1 +0 [^]*No worker serves this store[^]*Nothing has failed/m)
  expect(terminal!.text.startsWith(`${TAKEN}\u001b[?25l`)).toBe(true)
  await using mill = await connect(storeUrl())
  await mill.enqueue(defineTask('greet', { input: unchecked<number>() }), 2)
  await terminal!.shows(/^default +2 +0 /m)
})

test('it follows the size of its terminal', async () => {
  start()
  await terminal!.shows(/q quits$/m)
  expect(terminal!.screen.split('\n')[0]).toHaveLength(80)
  // a line that is full is not cleared behind its end: that takes its last character
  expect(terminal!.text).toContain('\u001b[2K')
  expect(terminal!.text).not.toContain('\u001b[K')
  terminal!.stty('rows', '10', 'cols', '50')
  await vi.waitFor(() => expect(terminal!.screen.split('\n')[0]).toHaveLength(50), PATIENT)
  expect(terminal!.screen.split('\n').length).toBeLessThanOrEqual(10)
})

test.each([
  ['q', 'q'],
  ['Ctrl-C', '\u0003'],
])('%s quits, and the terminal is as it was', async (_, key) => {
  start()
  await terminal!.shows(/^default /m)
  expect(terminal!.stty('-a')).toMatch(/-icanon .*-echo /s)
  terminal!.type(key)
  expect(await terminal!.ending).toEqual([0, null])
  expect(terminal!.text.endsWith(GIVEN_BACK)).toBe(true)
})

test('so it is when the process is asked to end', async () => {
  start()
  await terminal!.shows(/^default /m)
  process.kill(Number(readFileSync(join(place.path, 'pid'), 'utf8')), 'SIGTERM')
  expect(await terminal!.ending).toEqual([0, null])
  expect(terminal!.text.endsWith(GIVEN_BACK)).toBe(true)
})

test('a store that fails is said on the screen, and what was known stays', async () => {
  start()
  await terminal!.shows(/^default /m)
  writeFileSync(join(place.path, 'millrace.db'), 'no database at all'.repeat(1_000))
  await terminal!.shows(/^Not read: [^]*^default /m)
  terminal!.type('q')
  expect(await terminal!.ending).toEqual([0, null])
  expect(terminal!.text.endsWith(GIVEN_BACK)).toBe(true)
})

test('a store that cannot be opened is an error as everywhere, and the screen is never taken', async () => {
  start('top --store sqlite:none/none.db')
  expect(await terminal!.ending).toEqual([1, null])
  expect(terminal!.text).toMatch(/^millrace: [^]*\n {2}\S/)
  expect(terminal!.text).not.toContain(TAKEN)
  expect(existsSync(join(place.path, 'none'))).toBe(false)
})

const storeUrl = (): string => `sqlite:${join(place.path, 'millrace.db')}`

/** In this process, whose output is no terminal. */
const shownOnce = (...args: readonly string[]): Promise<Answer> =>
  millraceHere(['top', '--store', storeUrl(), ...args])

test('elsewhere than in a terminal it is shown once', async () => {
  const { code, stdout, stderr } = await shownOnce('--every', '100ms')
  expect({ code, stderr }).toEqual({ code: 0, stderr: '' })
  expect(stdout).toMatch(/^Millrace {2}sqlite:\S+\n1 ready[^]*^default +1 +0 /m)
  expect(stdout).not.toContain('\u001b')
})

test('with --json it is one line of JSON', async () => {
  const { code, stdout } = await shownOnce('--json', '--every', '100ms')
  expect(code).toBe(0)
  expect(jsonLines(stdout)).toMatchObject([
    {
      store: storeUrl(),
      queues: [{ queue: 'default', counts: { ready: 1 }, inPerSecond: 0, outPerSecond: 0 }],
      workers: [],
      failures: [],
    },
  ])
})

test.each(['10ms', 'often'])('--every %s is refused', async (every) => {
  const { code, stderr } = await shownOnce('--every', every)
  expect(code).toBe(2)
  expect(stderr).toMatch(/^millrace: [^\n]*(10ms|often)[^\n]*\n {2}/)
})
