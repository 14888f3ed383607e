/** `millrace demo` as a user starts it, and kills it. */
import { randomInt } from 'node:crypto'
import { existsSync, mkdirSync, readFileSync, truncateSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { connect } from 'millrace'
import { beforeEach, describe, expect, onTestFailed, test } from 'vitest'
import { Demo } from '../../bench/src/kills/demo.ts'
import { drawMoments } from '../../bench/src/kills/moments.ts'
import { runDisturbed, runUndisturbed } from '../../bench/src/kills/run.ts'
import { expectedCatalogue, makeManyFiles, makeTree, noise, Place } from './tree.ts'

/** What a test is told when its time is up. */
interface Limits {
  readonly signal: AbortSignal
}

/** The demo on the folder `tree`. */
function demo(place: Place, { signal }: Limits, ...more: readonly string[]): Demo {
  return new Demo({ place: place.path, folder: 'tree', more, over: signal })
}

function catalogueIn(place: Place): unknown {
  return JSON.parse(readFileSync(join(place.path, 'catalogue.json'), 'utf8'))
}

describe('millrace demo', { timeout: 180_000 }, () => {
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

  test('catalogues a folder although a worker is killed, and says the truth about it', async (limits) => {
    using whole = demo(place, limits)
    const { code, text } = await whole.ended
    const expected = expectedCatalogue(tree) as { readonly files: number }
    expect({ code, text }).toEqual({ code: 0, text })
    expect(catalogueIn(place)).toEqual(expected)
    expect(text).toMatch(
      new RegExp(
        `^Millrace catalogues ${expected.files} files below tree: 2 workers, one SQLite file \\(m\\.db\\)`,
      ),
    )
    expect(text).toMatch(/at \d+ % worker \d+ was killed with -9\. .*; 0 lost, 0 accepted twice\./)
    expect(text).toMatch(/Check it {4}find tree -type f -print0 \| tr -dc '\\0' \| wc -c/)
    await using mill = await connect(`sqlite:${join(place.path, 'm.db')}`)
    const open = await mill.tasks.list({ state: ['blocked', 'pending', 'running'] })
    expect(open.tasks).toEqual([])
    expect(await mill.workers.list()).toEqual([])
  })

  test('stopped by a signal it says so, and goes on where it was', async (limits) => {
    // as long as this file is huge no machine is fast enough to be over before the signal
    const ballast = join(tree, 'one', 'ballast')
    writeFileSync(ballast, '')
    truncateSync(ballast, 2 ** 36)
    using stopped = demo(place, limits, '--no-kill')
    await stopped.wrote(/^Millrace catalogues/)
    stopped.signal('SIGINT')
    expect(await stopped.ended).toMatchObject({
      code: 1,
      text: expect.stringContaining('The demo was stopped.') as string,
    })
    expect(existsSync(join(place.path, 'catalogue.json'))).toBe(false)
    truncateSync(ballast, 0)
    using again = demo(place, limits, '--no-kill')
    const { code, text } = await again.ended
    expect({ code, text }).toEqual({ code: 0, text })
    expect(text).toMatch(/^Millrace goes on to catalogue \d+ files below tree, \d+ are done/)
    expect(text).toContain('0 lost, 0 accepted twice')
    expect(catalogueIn(place)).toEqual(expectedCatalogue(tree))
    await using mill = await connect(`sqlite:${join(place.path, 'm.db')}`)
    expect((await mill.tasks.list({ type: 'catalogue.run' })).tasks).toEqual([])
    expect((await mill.tasks.list({ type: 'catalogue.report' })).tasks.length).toBe(1)
  })
})

test(
  'killed as a whole at random moments the demo ends in the same report',
  { timeout: 240_000 },
  async ({ signal }) => {
    const seed = Number(process.env['MILLRACE_SEED'] ?? randomInt(2 ** 31))
    onTestFailed(() => console.log(`To repeat it: MILLRACE_SEED=${seed}`))
    using calm = new Place()
    using place = new Place()
    const tree = join(place.path, 'tree')
    makeManyFiles(tree, 1_000)
    const options = { folder: tree, more: ['--no-kill'], over: signal }
    const undisturbed = await runUndisturbed({ ...options, place: calm.path })
    expect(undisturbed.report).toEqual(expectedCatalogue(tree))
    // As long as this file is huge no machine is fast enough to be over before the kills.
    const ballast = join(tree, 'empty')
    truncateSync(ballast, 2 ** 36)
    const moments = drawMoments(seed, { kills: { min: 2, max: 2 }, byTime: 0 })
    const { blows, problems } = await runDisturbed({ ...options, place: place.path }, undisturbed, {
      moments,
      beforeLast: () => truncateSync(ballast, 0),
    })
    expect(problems).toEqual([])
    expect(blows.map(({ ended }) => ended < undisturbed.tasks)).toEqual([true, true])
    expect(blows[0]!.share).toBeGreaterThanOrEqual(moments[0]!.share * 0.95)
  },
)

test('millrace demo leaves its own store out, wherever it is', { timeout: 60_000 }, async (limits) => {
  using place = new Place()
  const tree = join(place.path, 'tree')
  mkdirSync(tree)
  writeFileSync(join(tree, 'file'), 'x')
  using inside = demo(place, limits, '--no-kill', '--json', '--store', 'sqlite:tree/inside.db')
  const { code, text } = await inside.ended
  expect({ code, text }).toEqual({ code: 0, text })
  expect(JSON.parse(text)).toMatchObject({ files: 1, killed: null, lost: 0, acceptedTwice: 0 })
  expect(catalogueIn(place)).toEqual(expectedCatalogue(tree, (name) => name === 'file'))
})
