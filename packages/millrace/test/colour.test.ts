/** Colour is for terminals, and each stream may or may not be one. */
import { WriteStream } from 'node:tty'
import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { connect, defineTask, unchecked } from '../src/index.ts'
import { millraceHere, Place } from './command-line.ts'

const DIM = '\u001b[2m'

let place: Place
const folder = process.cwd()

beforeEach(async () => {
  place = new Place()
  process.chdir(place.path)
  await using mill = await connect('sqlite:millrace.db')
  const task = defineTask('task', { input: unchecked<number>() })
  await mill.enqueueMany([task.with(1), task.with(2)], { atomic: true })
  for (const name of ['NO_COLOR', 'FORCE_COLOR', 'NODE_DISABLE_COLORS', 'CI']) vi.stubEnv(name, undefined)
  vi.stubEnv('TERM', 'xterm-256color')
})
afterEach(() => {
  vi.unstubAllEnvs()
  process.chdir(folder)
  place[Symbol.dispose]()
})

/** Of a list that goes on, which is said on stderr: the streams that have colour. */
async function coloured(...terminals: readonly ('stdout' | 'stderr')[]): Promise<readonly string[]> {
  const streams = ['stdout', 'stderr'] as const
  const before = streams.map((name) => [name, process[name].isTTY] as const)
  for (const name of streams) {
    const getColorDepth = (env?: object): number =>
      WriteStream.prototype.getColorDepth.call(process.stdout, env)
    Object.assign(process[name], { isTTY: terminals.includes(name), getColorDepth })
  }
  try {
    const answer = await millraceHere(['tasks', '--limit', '1'])
    expect(answer.stdout).toContain('TASK')
    expect(answer.stderr).toContain('There are more')
    return streams.filter((name) => answer[name].includes(DIM))
  } finally {
    for (const [name, isTTY] of before) {
      Reflect.deleteProperty(process[name], 'getColorDepth')
      process[name].isTTY = isTTY
    }
  }
}

test('each stream has colour if it is a terminal', async () => {
  expect(await coloured()).toEqual([])
  expect(await coloured('stdout')).toEqual(['stdout'])
  expect(await coloured('stderr')).toEqual(['stderr'])
  expect(await coloured('stdout', 'stderr')).toEqual(['stdout', 'stderr'])
})

test('NO_COLOR takes it from terminals, FORCE_COLOR gives it to files', async () => {
  vi.stubEnv('NO_COLOR', '1')
  expect(await coloured('stdout', 'stderr')).toEqual([])
  vi.stubEnv('NO_COLOR', undefined)
  vi.stubEnv('FORCE_COLOR', '1')
  expect(await coloured()).toEqual(['stdout', 'stderr'])
})
