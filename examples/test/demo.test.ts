/** `millrace demo` as a user starts it, and kills it. */
import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { connect } from 'millrace'
import { beforeEach, describe, expect, test } from 'vitest'
import { expectedCatalogue, makeTree, noise, Place } from './tree.ts'

const MAIN = fileURLToPath(new URL('../../packages/millrace/src/cli/main.ts', import.meta.url))

/** The demo on the folder `tree`, as the leader of a process group of its own. */
function demo(place: Place, ...options: readonly string[]): ChildProcess {
  const args = [MAIN, 'demo', 'tree', '--store', 'sqlite:m.db', ...options]
  return spawn(process.execPath, args, { cwd: place.path, detached: true, stdio: ['ignore', 'pipe', 'pipe'] })
}

interface Ending {
  readonly code: number | null
  readonly text: string
}

async function ended(child: ChildProcess): Promise<Ending> {
  let text = ''
  for (const stream of [child.stdout, child.stderr])
    stream?.setEncoding('utf8').on('data', (some: string) => (text += some))
  const [code] = (await once(child, 'close')) as [number | null]
  return { code, text }
}

interface Blow {
  readonly moment: RegExp
  readonly signal: NodeJS.Signals
}

/** Sends a signal to the demo and its workers, all at once, when its output matches. */
async function killAt(child: ChildProcess, { moment, signal }: Blow): Promise<Ending> {
  let text = ''
  let sent = false
  child.stdout?.on('data', (some: Buffer) => {
    text += String(some)
    if (sent || !moment.test(text)) return
    sent = true
    process.kill(-child.pid!, signal)
  })
  const ending = await ended(child)
  expect({ sent, ...ending }).toMatchObject({ sent: true })
  return ending
}

function catalogueIn(place: Place): unknown {
  return JSON.parse(readFileSync(join(place.path, 'catalogue.json'), 'utf8'))
}

describe('millrace demo', { timeout: 60_000 }, () => {
  let place: Place
  let tree = ''
  beforeEach(() => {
    place = new Place()
    tree = join(place.path, 'tree')
    mkdirSync(tree)
    makeTree(tree)
    for (let i = 0; i < 150; i++) writeFileSync(join(tree, 'one', `noise-${i}`), noise(60_000, i))
    return () => place[Symbol.dispose]()
  })

  test('catalogues a folder although a worker is killed, and says the truth about it', async () => {
    const { code, text } = await ended(demo(place))
    const expected = expectedCatalogue(tree) as { readonly files: number }
    expect({ code, text }).toEqual({ code: 0, text })
    expect(catalogueIn(place)).toEqual(expected)
    expect(text).toMatch(
      new RegExp(
        `^Millrace catalogues ${expected.files} files below tree: 2 workers, one SQLite file \\(m\\.db\\)`,
      ),
    )
    expect(text).toMatch(/at \d+ % worker \d+ was killed with -9\. .*; 0 lost, 0 accepted twice\./)
    expect(text).toMatch(/Check it {4}find tree -type f \| wc -l/)
    await using mill = await connect(`sqlite:${join(place.path, 'm.db')}`)
    const open = await mill.tasks.list({ state: ['blocked', 'pending', 'running'] })
    expect(open.tasks).toEqual([])
    expect(await mill.workers.list()).toEqual([])
  })

  test('killed as a whole it goes on where it was and ends in the same report', async () => {
    await killAt(demo(place, '--no-kill'), { moment: /^Millrace catalogues/, signal: 'SIGKILL' })
    const stopped = await killAt(demo(place, '--no-kill'), { moment: /^Millrace/, signal: 'SIGINT' })
    expect(stopped.text).toMatch(/^Millrace goes on to catalogue \d+ files below tree, \d+ are done/)
    expect(stopped).toMatchObject({
      code: 1,
      text: expect.stringContaining('The demo was stopped.') as string,
    })
    expect(existsSync(join(place.path, 'catalogue.json'))).toBe(false)
    const { code, text } = await ended(demo(place, '--no-kill', '--json'))
    expect({ code, text }).toEqual({ code: 0, text })
    const expected = expectedCatalogue(tree)
    expect(JSON.parse(text)).toMatchObject({ ...expected, killed: null, lost: 0, acceptedTwice: 0 })
    expect(catalogueIn(place)).toEqual(expected)
    await using mill = await connect(`sqlite:${join(place.path, 'm.db')}`)
    expect((await mill.tasks.list({ type: 'catalogue.run' })).tasks).toEqual([])
    expect((await mill.tasks.list({ type: 'catalogue.report' })).tasks.length).toBe(1)
  })
})

test('millrace demo leaves its own store out, wherever it is', async () => {
  using place = new Place()
  const tree = join(place.path, 'tree')
  mkdirSync(tree)
  writeFileSync(join(tree, 'file'), 'x')
  const { code, text } = await ended(demo(place, '--no-kill', '--store', 'sqlite:tree/inside.db'))
  expect({ code, text }).toEqual({ code: 0, text })
  expect(catalogueIn(place)).toEqual(expectedCatalogue(tree, (name) => name === 'file'))
})
